//! A person keeps items from leaving: by name beforehand, or key by key at the gate.

use std::fs;

use lore_protocol::codec;
use lore_protocol::payload::Payload;
use lore_tests::log::exported;
use lore_tests::node::converged;
use lore_tests::pty::at_a_terminal;
use lore_tests::sessions::{learnt, write};
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use serde_json::Value;

const USERS: usize = 36;

/// Sessions of many users who found the same way.
fn work(cluster: &Cluster, node: &Node) {
    for user in 0..USERS {
        let value = 4700 + user;
        let wrong = format!("fetch http://127.0.0.1:8080/inv/{value} -o a{user}.txt");
        let right = format!("fetch http://127.0.0.1:8123/v2/{value} -o a{user}.txt");
        let task = format!("Fetch invoice {value} and save it as a{user}.txt. `{wrong}`");
        let file = cluster.path().join(format!("{user}.jsonl"));
        write(&file, &[learnt(&format!("session-{user}"), &task, &wrong, &right)]);
        let user = format!("user-{user}");
        node.json(&["session", "import", file.to_str().unwrap(), "--user", &user]);
    }
}

fn gate(node: &Node, seconds: u64) {
    let path = node.home().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let before = text.split("[privacy]").next().unwrap();
    let table = format!("[privacy]\ngate = \"ask\"\ngate_deadline_seconds = {seconds}\n");
    fs::write(&path, format!("{before}{table}")).unwrap();
}

/// A founder, and a member with the sessions whose lessons are due in the second epoch.
fn pair(cluster: &Cluster, before: impl FnOnce(&Node)) -> (Node, Node) {
    let ada = cluster.running("ada");
    let ben = cluster.running("ben");
    before(&ben);
    ada.found(&["guild", "--lessons-at", "2", "--outcomes-at", "50", "--votes-at", "50"]);
    work(cluster, &ben);
    ben.json(&["privacy", "set", "--epsilon", "4", "--yes"]);
    ada.admit(&ben);
    (ada, ben)
}

fn released(node: &Node) -> Option<Value> {
    let explained = node.json(&["privacy", "explain"]);
    let release = explained["releases"][0].clone();
    (release["state"] == "committed").then_some(release)
}

/// Payloads that a peer has, of the kinds that come of a release.
fn received(cluster: &Cluster, peer: &Node) -> Vec<Payload> {
    let log = exported(peer, &cluster.path().join("log"), &[]);
    let payloads = log.deltas.into_iter().map(|delta| delta.sound().unwrap().payload);
    payloads.filter(|p| matches!(p, Payload::Lessons(_) | Payload::Void(_))).collect()
}

#[test]
fn a_person_keeps_one_key_and_just_the_shown_bytes_go_out_at_the_deadline() {
    let cluster = Cluster::of(2);
    let (ada, ben) = pair(&cluster, |ben| gate(ben, 15));
    ada.checkpoint();
    let waiting = |node: &Node| node.json(&["privacy", "preview"])["waiting"][0].clone();
    let shown = wait_until("the release waits at the gate", PATIENCE, || {
        let shown = waiting(&ben);
        shown.is_object().then_some(shown)
    });
    assert!(ben.json(&["privacy", "preview"])["fixed"].as_str().unwrap().contains("commits"));
    assert!(shown["answer"].as_str().unwrap().contains("void"), "{shown}");
    let keys = shown["keys"].as_array().unwrap();
    let lesson = keys.iter().find(|key| key["key"]["primary"].is_object()).unwrap();
    assert!(keys.len() > 1, "a topic word passed as well: {keys:?}");
    let id = &lesson["id"].as_str().unwrap()[..12];
    let status = ben.json(&["privacy", "status"]);
    assert_eq!(status["at_the_gate"], 1);

    // Letting something out takes a person at a terminal.
    let error = ben.error(&["privacy", "gate", "approve"]);
    assert_eq!((&error["kind"], &error["exit"]), (&"not_agreed".into(), &3.into()));
    let unknown = ben.error(&["privacy", "gate", "refuse", "--release", "ffffffff"]);
    assert_eq!(unknown["exit"], 3);
    let (ended, screen) =
        at_a_terminal(&mut ben.command(&["privacy", "gate", "keep", id]), "yes\n");
    assert!(ended.success(), "{screen}");
    let fixed = waiting(&ben);
    assert_eq!(fixed["keys"].as_array().unwrap().iter().filter(|k| k["kept"] == true).count(), 1);
    assert_eq!(fixed["payload_bytes"], shown["payload_bytes"], "the length says nothing");
    assert!(released(&ben).is_none(), "an answer does not send anything");
    assert_eq!(ada.federation()["lessons"], 0);

    wait_until("the deadline has come", PATIENCE, || released(&ben));
    converged(&[&ada, &ben]);
    let received = received(&cluster, &ada);
    assert_eq!(received.len(), 1);
    let hex: String = codec::encode(&received[0]).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(fixed["payload"], hex, "what was shown is what went out");
    assert_eq!(ada.federation()["lessons"], 1);
    let late = ben.error(&["privacy", "gate", "refuse"]);
    assert_eq!(late["kind"], "nothing_at_the_gate");
}

#[test]
fn without_an_answer_the_deadline_publishes_a_void_that_stays_paid_for() {
    let cluster = Cluster::of(2);
    let (ada, ben) = pair(&cluster, |ben| gate(ben, 2));
    ada.checkpoint();
    let release = wait_until("the deadline has come", PATIENCE, || released(&ben));
    converged(&[&ada, &ben]);
    let received = received(&cluster, &ada);
    assert!(matches!(received[..], [Payload::Void(_)]), "{received:?}");
    assert_eq!(ada.federation()["lessons"], 0);
    let spent = ben.json(&["privacy", "status"])["spent"]["rho_nano"].clone();
    assert_eq!(spent, release["cost"]["rho_nano"]);
}

#[test]
fn what_is_on_the_deny_list_before_the_window_opens_never_leaves() {
    let cluster = Cluster::of(2);
    let (ada, ben) = pair(&cluster, |ben| {
        ben.json(&["privacy", "deny-list", "add", "127.0.0.1:8123*"]);
        let bad = ben.error(&["privacy", "deny-list", "add", "*"]);
        assert_eq!(bad["exit"], 2);
    });
    let taught = ben.json(&["lesson", "preview"]);
    assert_eq!(taught["private"], true);
    let lessons = taught["lessons"].as_array().unwrap();
    assert_eq!(lessons.len(), USERS);
    assert!(lessons.iter().all(|one| one["denied_by"] == "127.0.0.1:8123*"), "{lessons:?}");
    ada.checkpoint();
    wait_until("the release is out", PATIENCE, || released(&ben));
    converged(&[&ada, &ben]);
    let received = received(&cluster, &ada);
    let [Payload::Lessons(lessons)] = &received[..] else { panic!("{received:?}") };
    assert!(lessons.entries.is_empty(), "{lessons:?}");

    // Within the next window, which opened with that release, the list is fixed.
    // The clock counts seconds, and what was added in the second of the opening may count for it. That
    // stays so when it is removed later, so every try needs a pattern that was never on the list.
    let mut tries = 0;
    wait_until("the clock has moved on", PATIENCE, || {
        tries += 1;
        let pattern = format!("acme{tries}");
        let list = ben.json(&["privacy", "deny-list", "add", &pattern]);
        let added = list["entries"].as_array().unwrap().iter().find(|e| e["pattern"] == pattern);
        (added.unwrap()["in_force"] == false).then_some(())
    });
    ben.json(&["privacy", "deny-list", "remove", "127.0.0.1:8123*"]);
    let list = ben.json(&["privacy", "deny-list", "list"])["entries"].to_string();
    assert!(list.contains("from the next window on"), "{list}");
    assert!(list.contains("until the open window closes"), "{list}");
    assert!(ben.json(&["privacy", "status"])["deny_list_waiting"].as_u64().unwrap() > 0);
}
