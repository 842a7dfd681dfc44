//! What lies on the disk of a node's private records, how it goes away, and how sessions come in by themselves.

use std::fs;
use std::time::{Duration, SystemTime};

use lore_engine::{Durability, RecordKind, Storage as _};
use lore_node::store::Store;
use lore_tests::files::bytes_below;
use lore_tests::needles::Needles;
use lore_tests::sessions::{learnt, write};
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use serde_json::Value;

const NEEDLES: [&str; 4] = [
    "canary-id-of-a-session",
    "canary-task-of-a-session",
    "canary-command",
    "canary-that-is-denied",
];

fn needles() -> Needles {
    let mut needles = Needles::default();
    NEEDLES.iter().for_each(|text| needles.text(text));
    needles
}

fn hidden() -> lore_session::Session {
    learnt(NEEDLES[0], NEEDLES[1], &format!("{} --wrong", NEEDLES[2]), NEEDLES[2])
}

/// Imports the session with all needles but the denied one, from a file outside of the home.
fn import(cluster: &Cluster, node: &Node) {
    let file = cluster.path().join("session.jsonl");
    write(&file, &[hidden()]);
    let done = node.json(&["session", "import", file.to_str().unwrap(), "--user", "ada"]);
    assert_eq!(done["imported"], 1);
}

fn total(node: &Node) -> u64 {
    node.json(&["session", "list"])["total"].as_u64().unwrap()
}

#[test]
fn a_text_of_a_session_is_in_no_file_of_the_home_with_a_daemon_and_without() {
    let cluster = Cluster::of(1);
    let mut ada = cluster.running("ada");
    import(&cluster, &ada);
    ada.json(&["privacy", "deny-list", "add", NEEDLES[3]]);
    let shown = ada.json(&["session", "show", NEEDLES[0]]);
    assert!(shown.to_string().contains(NEEDLES[1]), "the session is here: {shown}");
    assert_eq!(needles().found_in(&bytes_below(ada.home())), Vec::<&str>::new());
    ada.stop();
    assert!(ada.json(&["privacy", "deny-list", "list"]).to_string().contains(NEEDLES[3]));
    assert_eq!(total(&ada), 1);
    let home = bytes_below(ada.home());
    assert!(home.len() > 10_000, "there is a home");
    assert_eq!(needles().found_in(&home), Vec::<&str>::new());

    let doctor = ada.json(&["doctor"]);
    let checks = doctor["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["check"] == "private records").unwrap();
    assert!(found["says"].as_str().unwrap().contains("data.key"), "{found}");
}

#[test]
fn a_missing_or_wrong_key_is_a_clear_error_and_nothing_is_lost() {
    let cluster = Cluster::of(2);
    let (ada, ben) = (cluster.node("ada"), cluster.node("ben"));
    import(&cluster, &ada);
    assert_eq!(total(&ben), 0);
    let key = ada.home().join("data.key");
    let kept = cluster.path().join("kept.key");
    fs::rename(&key, &kept).unwrap();
    for args in [&["session", "list"][..], &["status"], &["run"]] {
        let error = ada.error(args);
        assert_eq!(error["kind"], "data_key_missing", "{error}");
        assert!(error["help"].as_str().unwrap().contains("drop-private"), "{error}");
    }
    assert!(!key.exists(), "no new key is made for records of another one");
    fs::copy(ben.home().join("data.key"), &key).unwrap();
    assert_eq!(ada.error(&["session", "list"])["kind"], "data_key_wrong");
    fs::copy(&kept, &key).unwrap();
    assert_eq!(total(&ada), 1);

    // Lost for good, with the file, in the keyring or by damage: what nobody can read goes, and the node works on.
    for rest in [None, Some("keyring commonlore-lost\n"), Some("abc")] {
        fs::remove_file(&key).unwrap();
        if let Some(rest) = rest {
            fs::write(&key, rest).unwrap();
        }
        assert_eq!(ada.error(&["store", "drop-private"])["kind"], "not_agreed");
        let dropped = ada.json(&["store", "drop-private", "--yes"]);
        assert!(dropped["records"].as_u64().unwrap() >= 2, "{rest:?}: {dropped}");
        assert_eq!(total(&ada), 0);
        import(&cluster, &ada);
        assert_eq!(ada.json(&["status"])["privacy"]["users"], 1);
    }
}

#[test]
fn a_home_of_an_older_program_is_encrypted_when_it_is_opened_first() {
    let cluster = Cluster::of(1);
    let ada = cluster.node("ada");
    {
        let store = Store::open(&ada.home().join("store")).unwrap();
        let mut session = hidden();
        session.unit = Some("a-unit".into());
        let key = format!("a-unit/{}", session.id);
        for (kind, name, value) in [
            (RecordKind::Session, key.as_str(), session.to_line().into_bytes()),
            (RecordKind::SessionCount, "a-unit", 1_u64.to_be_bytes().to_vec()),
            (RecordKind::StoreSchema, "", 1_u32.to_le_bytes().to_vec()),
        ] {
            store.put(kind, name.as_bytes(), &value, Durability::Synced).unwrap();
        }
    }
    assert!(!needles().found_in(&bytes_below(ada.home())).is_empty(), "the search is blind");
    let shown = ada.json(&["session", "show", NEEDLES[0]]);
    assert_eq!(shown["task"], NEEDLES[1]);
    let listed = ada.json(&["session", "list"]);
    assert!(listed["sessions"][0]["kept_until"].is_string(), "its days begin now: {listed}");
    assert_eq!(needles().found_in(&bytes_below(ada.home())), Vec::<&str>::new());
}

#[test]
fn forgetting_asks_before_it_deletes_many_and_says_what_it_cannot_reach() {
    let cluster = Cluster::of(1);
    let ada = cluster.running("ada");
    let file = cluster.path().join("three.jsonl");
    let three = ["a", "b", "c"].map(|id| learnt(id, "task", "wrong", "right"));
    write(&file, &three);
    let path = file.to_str().unwrap();
    let user = ["--user", "ada"];
    ada.json(&[&["session", "import", path], &user[..]].concat());

    let unknown = ada.error(&[&["session", "forget", "nobody"], &user[..]].concat());
    assert_eq!(unknown["exit"], 2);
    let other = ada.error(&["session", "forget", "a", "--user", "ben"]);
    assert_eq!(other["exit"], 2, "another user's session");
    assert_eq!(ada.error(&["session", "forget"])["exit"], 2);
    let many = [&["session", "forget", "--from", path], &user[..]].concat();
    assert_eq!(ada.error(&many)["kind"], "not_agreed");
    assert_eq!(total(&ada), 3);
    let one = ada.json(&[&["session", "forget", "b"], &user[..]].concat());
    assert_eq!((&one["forgotten"], &one["left"]), (&1.into(), &2.into()));
    assert!(one["stays"].to_string().contains("cannot be taken back"), "{one}");
    let rest = ada.json(&[&many[..], &["--yes"]].concat());
    assert_eq!((&rest["forgotten"], &rest["not_here"]), (&2.into(), &1.into()));
    let import = [&["session", "import", path], &user[..]].concat();
    let again = ada.json(&import);
    assert_eq!((&again["imported"], &again["forgotten"]), (&0.into(), &3.into()));
    assert_eq!(ada.json(&[&import[..], &["--again"]].concat())["imported"], 3);
}

/// Does `session watch` as a user whose home is this directory.
fn watch(node: &Node, home: &std::path::Path, args: &[&str]) -> Value {
    let args = [&["session", "watch", "--user", "ada", "--json"], args].concat();
    let out = node.command(&args).env("HOME", home).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn what_agents_write_comes_in_by_itself_once_the_user_says_so_and_only_once() {
    let cluster = Cluster::of(1);
    let mut ada = cluster.running("ada");
    let person = cluster.path().join("person");
    let directory = person.join(".codex/sessions/2026");
    fs::create_dir_all(&directory).unwrap();
    let add = |name: &str, id: &str| {
        let path = directory.join(name);
        write(&path, &[learnt(id, "task", "wrong", "right")]);
        let quiet = SystemTime::now() - Duration::from_secs(3_600);
        fs::File::options().append(true).open(path).unwrap().set_modified(quiet).unwrap();
    };
    add("one.jsonl", "one");
    let off = watch(&ada, &person, &[]);
    assert_eq!((&off["on"], &off["directories"]), (&false.into(), &serde_json::json!([])));
    let on = watch(&ada, &person, &["--on"]);
    assert_eq!(on["on"], true);
    let there = on["directories"].as_array().unwrap().iter().filter(|one| one["is_there"] == true);
    assert_eq!(there.count(), 1, "{on}");
    let passed = |ada: &Node| {
        wait_until("a pass is over", PATIENCE, || {
            let status = watch(ada, &person, &["--status"]);
            status["last_pass"].is_string().then_some(status)
        })
    };
    let status = passed(&ada);
    assert_eq!((&status["imported"], &status["files"]), (&1.into(), &1.into()), "{status}");
    assert_eq!(total(&ada), 1);

    // Another start goes on where the last one was.
    ada.stop();
    add("two.jsonl", "two");
    ada.start();
    wait_until("the new file is here", PATIENCE, || (total(&ada) == 2).then_some(()));
    assert_eq!(watch(&ada, &person, &["--off"])["on"], false);
    assert_eq!(total(&ada), 2, "what was imported stays");
}
