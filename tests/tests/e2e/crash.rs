//! Crashes: what a node that goes wrong over a session tells its log, crash reports and others.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use lore_node::scan::Canaries;
use lore_protocol::payload::Payload;
use lore_tests::log::exported;
use lore_tests::node::converged;
use lore_tests::sessions::{learnt, write};
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use serde_json::Value;

/// In the task of the one session that cannot be read, which its panic quotes.
const ODD: &str = "canary-of-the-odd-session";
const USERS: usize = 60;

/// Users who found the same and one whose session is odd.
fn work(cluster: &Cluster, node: &Node) {
    for user in 0..USERS {
        let odd = if user == 0 { ODD } else { "nothing" };
        let wrong = format!("fetch http://127.0.0.1:8080/inv/{user} -o a{user}.txt");
        let right = format!("fetch http://127.0.0.1:8123/v2/{user} -o a{user}.txt");
        let task = format!("Fetch invoice {user} and save it as a{user}.txt. `{wrong}` {odd}");
        let file = cluster.path().join(format!("{user}.jsonl"));
        write(&file, &[learnt(&format!("session-{user}"), &task, &wrong, &right)]);
        let user = format!("user-{user}");
        node.json(&["session", "import", file.to_str().unwrap(), "--user", &user]);
    }
}

/// A founder whose first release of lessons is made in the epoch after it has a budget.
fn founder(cluster: &Cluster) -> Node {
    let node = cluster.node("ada");
    node.found(&["guild", "--lessons-at", "1", "--outcomes-at", "50", "--votes-at", "50"]);
    work(cluster, &node);
    node
}

/// The running node with a fault, all that it says going to a file.
fn faulty(node: &Node, fault: &str, said: &Path, more: &[&str]) -> Child {
    let said = fs::File::create(said).unwrap();
    let mut command = node.faulty(&[&["run"], more].concat());
    command.env("LORE_TEST_FAULT", format!("{fault}:{ODD}")).env("RUST_BACKTRACE", "full");
    command.current_dir(node.home());
    command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
    let child = command.spawn().unwrap();
    wait_until("the node answers", PATIENCE, || {
        (node.run(&["peers", "--json"]).code == Some(0)).then_some(())
    });
    child
}

/// The session's text is in no file of the node but its private store, and not in what it said, where its
/// place is; the same search finds it in the session itself.
fn tells_a_place_only(node: &Node, said: &Path) {
    let canaries = Canaries::new([ODD]).unwrap();
    for entry in fs::read_dir(node.home()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name == "store" || name == "control.sock") {
            continue;
        }
        let report = canaries.scan_path(&path).unwrap();
        assert_eq!(report.hits(), 0, "{report:?}");
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.starts_with("core"), "a core file: {name}");
    }
    for path in [said.to_owned(), node.home().join("logs").join("lore.log")] {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("panicked at tests/src/bin/lore-faulty.rs:"), "{text}");
        assert!(text.contains("contributions"), "the backtrace that was asked for: {text}");
        assert!(canaries.scan_bytes(text.as_bytes()).is_empty(), "{text}");
    }
    let session = node.json(&["session", "show", "session-0"]).to_string();
    assert!(!canaries.scan_bytes(session.as_bytes()).is_empty(), "the search is blind");
}

fn releases(node: &Node) -> Vec<Value> {
    node.json(&["privacy", "explain"])["releases"].as_array().cloned().unwrap_or_default()
}

fn sent(cluster: &Cluster, node: &Node) -> Vec<Payload> {
    let log = exported(node, &cluster.path().join("log"), &[]);
    let payloads = log.deltas.into_iter().map(|delta| delta.sound().unwrap().payload);
    payloads.filter(|p| matches!(p, Payload::Lessons(_) | Payload::Void(_))).collect()
}

#[test]
fn a_session_that_makes_the_miner_panic_counts_as_empty_and_voids_nothing() {
    let cluster = Cluster::of(1);
    let ada = founder(&cluster);
    let said = cluster.path().join("said");
    let mut child = faulty(&ada, "odd", &said, &[]);
    ada.json(&["privacy", "set", "--epsilon", "4", "--yes"]);
    ada.checkpoint();
    wait_until("the release is made", PATIENCE, || {
        releases(&ada).iter().any(|release| release["state"] == "committed").then_some(())
    });
    // A person's view of what sessions teach leaves it out, and the node lives on.
    let shown = ada.json(&["lesson", "preview", "--limit", "100"]);
    assert_eq!(shown["lessons"].as_array().map(Vec::len), Some(USERS - 1));
    ada.json(&["stop"]);
    child.wait().unwrap();
    let log = fs::read_to_string(ada.home().join("logs").join("lore.log")).unwrap();
    assert!(log.contains("counts as empty"), "{log}");
    tells_a_place_only(&ada, &said);
    let sent = sent(&cluster, &ada);
    let [Payload::Lessons(lessons)] = &sent[..] else { panic!("no void: {sent:?}") };
    assert!(!lessons.entries.is_empty(), "what the others found is released");
}

#[test]
fn work_that_crashes_over_a_session_tells_where_and_nothing_of_it_and_becomes_a_void() {
    let cluster = Cluster::of(1);
    let ada = founder(&cluster);
    let said = cluster.path().join("said");
    let mut child = faulty(&ada, "crash", &said, &[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let core: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(core, ["0", "0"], "no core file, and no way to ask for one");

    ada.json(&["privacy", "set", "--epsilon", "4", "--yes"]);
    ada.checkpoint();
    wait_until("the void is sent", PATIENCE, || {
        releases(&ada).iter().any(|release| release["state"] == "committed").then_some(())
    });
    // The work is done beside the loop: the node lives on, and answers.
    ada.json(&["stop"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    tells_a_place_only(&ada, &said);

    // It was paid for, and stays so; what goes out says nothing.
    let made = releases(&ada);
    assert_eq!(made.len(), 1);
    let spent = ada.json(&["privacy", "status"])["spent"]["rho_nano"].as_u64().unwrap();
    assert!(spent > 0 && made[0]["cost"]["rho_nano"] == spent);
    assert!(matches!(sent(&cluster, &ada)[..], [Payload::Void(_)]));
    ada.json(&["privacy", "ledger", "verify"]);
}

#[test]
fn a_crash_among_four_nodes_puts_the_session_into_no_frame_log_store_export_or_report() {
    let cluster = Cluster::of(4);
    let frames = |name: &str| cluster.path().join(format!("frames-of-{name}"));
    let recorded = |name: &str| {
        let mut node = cluster.node(name);
        node.start_with(&["--record-frames", frames(name).to_str().unwrap()]);
        node
    };
    let ada = recorded("ada");
    ada.found(&["guild", "--lessons-at", "2", "--outcomes-at", "4", "--votes-at", "50"]);
    let mut ben = cluster.node("ben");
    work(&cluster, &ben);
    ben.json(&["privacy", "set", "--epsilon", "4", "--yes"]);
    let said = cluster.path().join("said-by-ben");
    let crashing = frames("ben-before");
    let mut child = faulty(&ben, "crash", &said, &["--record-frames", crashing.to_str().unwrap()]);
    let others = ["cleo", "dora"].map(recorded);
    for node in [&ben, &others[0], &others[1]] {
        ada.admit(node);
    }
    // The release is due in the second epoch, and its work crashes on ben's node.
    ada.checkpoint();
    wait_until("the void is sent", PATIENCE, || {
        releases(&ben).iter().any(|release| release["state"] == "committed").then_some(())
    });
    ben.json(&["stop"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    tells_a_place_only(&ben, &said);

    ben.start_with(&["--record-frames", frames("ben").to_str().unwrap()]);
    ada.checkpoint();
    converged(&[&ada, &ben, &others[0], &others[1]]);
    assert!(matches!(sent(&cluster, &ben)[..], [Payload::Void(_)]), "what was sent is a void");

    let canaries = Canaries::new([ODD]).unwrap();
    let mut places = vec![crashing];
    for node in [&ada, &ben, &others[0], &others[1]] {
        let name = node.home().file_name().unwrap().to_str().unwrap().to_owned();
        let export = cluster.path().join(format!("skills-of-{name}"));
        node.approve_waiting();
        node.json(&["skill", "export", "--dir", export.to_str().unwrap()]);
        let log = cluster.path().join(format!("log-of-{name}"));
        node.json(&["federation", "export-log", "--dir", log.to_str().unwrap()]);
        places.extend([export, log, frames(&name)]);
        if name != "ben" {
            places.push(node.home().to_owned());
        }
    }
    for place in places {
        let report = canaries.scan_path(&place).unwrap();
        // A void adds nothing to a library.
        let may_be_empty = place.to_string_lossy().contains("skills-of-");
        assert!(report.bytes > 0 || may_be_empty, "{}", place.display());
        assert_eq!(report.hits(), 0, "{}: {report:?}", place.display());
    }
}
