//! The whole way of a release, from sessions to the library of others.

use std::fs;

use lore_node::scan::Canaries;
use lore_tests::log::exported;
use lore_tests::node::converged;
use lore_tests::sessions::{learnt, write};
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};

const COMMON: &str = "fetch http://127.0.0.1:8123/v2/";
const RARE: &str = "fetch http://127.0.0.1:9321/rare/";

/// Users who each met the same trouble with a value of their own.
fn work(cluster: &Cluster, node: &Node, group: &str, users: usize, way: &str) {
    for user in 0..users {
        let value = 4700 + user;
        let task = format!(
            "Fetch invoice {value} and save it as {group}{user}.txt. \
             `fetch http://127.0.0.1:8080/inv/{value} -o {group}{user}.txt` canary-{group}-{user}-task"
        );
        let wrong = format!("fetch http://127.0.0.1:8080/inv/{value} -o {group}{user}.txt");
        let right = format!("{way}{value} -o {group}{user}.txt");
        let file = cluster.path().join(format!("{group}-{user}.jsonl"));
        write(&file, &[learnt(&format!("canary-{group}-{user}-session"), &task, &wrong, &right)]);
        let user = format!("canary-{group}-{user}-name");
        node.json(&["session", "import", file.to_str().unwrap(), "--user", &user]);
    }
}

#[test]
fn what_many_users_found_is_released_to_every_library_and_what_three_found_is_nowhere() {
    const USERS: usize = 40;
    const FEW: usize = 3;
    let cluster = Cluster::of(3);
    let ada = cluster.running("ada");
    let mut ben = cluster.node("ben");
    let frames = cluster.path().join("frames-of-ben");
    ben.start_with(&["--record-frames", frames.to_str().unwrap()]);
    let cleo = cluster.running("cleo");
    let schedule = ["--lessons-at", "2", "--outcomes-at", "4", "--votes-at", "50"];
    ada.found(&[&["guild", "--topic-words", "2"][..], &schedule].concat());
    work(&cluster, &ben, "many", USERS, COMMON);
    work(&cluster, &ben, "few", FEW, RARE);
    ben.json(&["privacy", "set", "--epsilon", "4", "--yes"]);
    ada.admit(&ben);
    ada.admit(&cleo);
    assert_eq!(ben.json(&["privacy", "status"])["users"], USERS + FEW);
    // Nobody is on the roster yet, and the release is due in the second epoch only.
    assert!(ben.skills().is_empty());
    ada.checkpoint();
    wait_until("the lesson is in every library", PATIENCE, || {
        [&ada, &ben, &cleo].iter().all(|node| node.federation()["lessons"] == 1).then_some(())
    });
    ada.checkpoint();
    converged(&[&ada, &ben, &cleo]);

    let shown = cleo.json(&["skill", "show", &cleo.skills()[0]]);
    let text = shown["text"].as_str().unwrap();
    assert!(text.contains(COMMON), "{text}");
    assert!(text.contains("invoice"), "the topic word came with it: {text}");
    let spent = ben.json(&["privacy", "status"])["spent"]["epsilon"].as_f64().unwrap();
    assert!(spent > 0.0 && spent <= 4.0, "{spent}");
    let explained = ben.json(&["privacy", "explain"]);
    assert_eq!(explained["releases"].as_array().map(Vec::len), Some(1), "{explained}");

    // Nothing private and nothing rare: not in a log, a frame, a library or a log file of anybody.
    let planted = |group: &str, users: usize| {
        let one = move |user| {
            ["name", "task", "session"].map(|what| format!("canary-{group}-{user}-{what}"))
        };
        let texts: Vec<String> = (0..users).flat_map(one).collect();
        texts
    };
    let mut texts = [planted("many", USERS), planted("few", FEW)].concat();
    texts.extend(["127.0.0.1:9321/rare".to_owned(), "9321/rare".to_owned()]);
    let canaries = Canaries::new(texts).unwrap();
    for (name, node) in [("ada", &ada), ("ben", &ben), ("cleo", &cleo)] {
        let log = cluster.path().join(format!("log-{name}"));
        let deltas = exported(node, &log, &[]).deltas;
        assert!(deltas.len() >= 7, "{}", deltas.len());
        let out = cluster.path().join(format!("skills-{name}"));
        node.approve_waiting();
        node.json(&["skill", "export", "--dir", out.to_str().unwrap()]);
        for path in [log, out, node.home().join("logs")] {
            let report = canaries.scan_path(&path).unwrap();
            assert!(report.bytes > 0);
            assert_eq!(report.hits(), 0, "{report:?}");
        }
    }
    let sent = canaries.scan_path(&frames).unwrap();
    assert!(sent.bytes > 10_000, "the frames were recorded: {} bytes", sent.bytes);
    assert_eq!(sent.hits(), 0, "{sent:?}");
    let whole_homes = [&ada, &cleo].map(|node| canaries.scan_path(node.home()).unwrap());
    assert!(whole_homes.iter().all(|report| report.hits() == 0), "{whole_homes:?}");

    // The same scanner finds every planted text where it is meant to be.
    let private = cluster.path().join("private");
    fs::create_dir(&private).unwrap();
    for (group, users) in [("many", USERS), ("few", FEW)] {
        for user in 0..users {
            let id = format!("canary-{group}-{user}-session");
            let session = ben.json(&["session", "show", &id]);
            fs::write(private.join(id), session.to_string()).unwrap();
        }
    }
    let found = canaries.scan_path(&private).unwrap().canaries();
    for (index, text) in canaries.texts().iter().enumerate() {
        // Names of users are not even stored: the store has keyed hashes of them.
        assert_eq!(found.contains(&index), !text.ends_with("-name"), "{text}");
    }
}

#[test]
fn without_a_budget_a_node_only_receives() {
    let cluster = Cluster::of(2);
    let ada = cluster.running("ada");
    let ben = cluster.running("ben");
    let schedule = ["--lessons-at", "2", "--outcomes-at", "2", "--votes-at", "50"];
    ada.found(&[&["guild", "--topic-words", "2"][..], &schedule].concat());
    work(&cluster, &ben, "many", 30, COMMON);
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    let before = ben.federation()["deltas"].clone();
    ada.checkpoint();
    converged(&[&ada, &ben]);
    // Its Join, its Vouch, the founder's Join and codebook, and two checkpoints: nothing of its own.
    assert_eq!((before, ben.federation()["deltas"].clone()), (5.into(), 6.into()));
    let error = ben.error(&["privacy", "set", "--epsilon", "4"]);
    assert_eq!((&error["kind"], &error["exit"]), (&"not_agreed".into(), &3.into()));
}
