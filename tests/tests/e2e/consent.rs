//! Text of a person leaves only after a delay in which its owner can see it and withdraw it: a
//! pseudo-terminal types `yes` as well as a person does.

use std::process::Stdio;

use lore_engine::Event;
use lore_node::host::{Machine, now_seconds};
use lore_privacy::Delay;
use lore_privacy::ledger::Point;
use lore_protocol::payload::{Origin, Payload};
use lore_tests::clock::SetClock;
use lore_tests::files::bytes_below;
use lore_tests::log::exported;
use lore_tests::needles::Needles;
use lore_tests::node::converged;
use lore_tests::pty::at_a_terminal;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use serde_json::Value;

/// The attack of an agent with the user's shell: `script` and the like give it a terminal.
fn fake_a_yes(node: &Node, lesson: &str) -> Value {
    let mut command = node.command(&["lesson", "share", lesson, "--about", "archive"]);
    let (status, shown) = at_a_terminal(&mut command, "yes\n");
    assert!(status.success(), "{shown}");
    let waiting = node.json(&["lesson", "pending"]);
    let mut all = waiting["lessons"].as_array().unwrap().iter();
    let found = all.find(|one| one["text"].as_str().unwrap().contains(lesson)).cloned();
    found.unwrap_or_else(|| panic!("not pending: {waiting}"))
}

/// Opens the stopped node at a time, as often as given, and lets it do what it then does.
fn pass_at(node: &Node, unix_seconds: u64) {
    let mut opened = node.open(&SetClock::at(unix_seconds).machine());
    opened.handle(Event::Tick).unwrap();
    opened.settle().unwrap();
}

/// Returns true when the signed log of a node, as it exports it, holds a text.
fn holds(cluster: &Cluster, node: &Node, text: &str) -> bool {
    let into = cluster.path().join(format!("log-{}", node.home().file_name().unwrap().display()));
    let _ = std::fs::remove_dir_all(&into);
    let log = exported(node, &into, &[]).log;
    assert!(log.len() > 1, "there is a log");
    let mut needles = Needles::default();
    needles.text(text);
    !needles.found_in(&bytes_below(&into)).is_empty()
}

#[test]
fn a_faked_yes_signs_nothing_until_its_delay_is_over_and_nothing_after_an_undo() {
    let cluster = Cluster::of(2);
    let mut ada = cluster.running("ada");
    let ben = cluster.running("ben");
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    ada.stop();

    let kept = "http://127.0.0.1:8123/canary-kept/";
    let withdrawn = "http://127.0.0.1:8123/canary-withdrawn/";
    let first = fake_a_yes(&ada, &format!("fetch {kept}<arg> -o <out>"));
    let second = fake_a_yes(&ada, &format!("fetch {withdrawn}<arg> -o <out>"));
    let due = first["due_seconds"].as_u64().unwrap();
    assert_eq!(due - first["given_seconds"].as_u64().unwrap(), Delay::LEAST_SECONDS);
    assert!(due > now_seconds());

    // It is there to be seen, and neither a stop nor a running daemon signs it early.
    assert!(ada.run(&["status"]).stdout.contains(kept), "status shows it");
    pass_at(&ada, due - 1);
    ada.start();
    assert_eq!(ada.json(&["status"])["pending_lessons"].as_array().unwrap().len(), 2);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    for node in [&ada, &ben] {
        assert!(!holds(&cluster, node, "canary"), "nothing is signed before the delay is over");
    }

    // Withdrawn through the running node: what is left is the other one.
    let id = second["id"].as_str().unwrap();
    let left = ada.json(&["lesson", "undo", &id[..8]]);
    assert_eq!(left["lessons"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(ada.error(&["lesson", "undo", id])["kind"], "not_pending");
    ada.stop();

    // The node was stopped at the deadline: the text is signed at the next start, once.
    pass_at(&ada, due + Delay::LEAST_SECONDS);
    pass_at(&ada, due + 2 * Delay::LEAST_SECONDS);
    ada.start();
    wait_until("the lesson is known", PATIENCE, || {
        (ben.federation()["lessons"] == 1).then_some(())
    });
    converged(&[&ada, &ben]);
    assert!(ada.json(&["lesson", "pending"])["lessons"].as_array().unwrap().is_empty());
    for node in [&ada, &ben] {
        assert!(holds(&cluster, node, "canary-kept"));
        assert!(!holds(&cluster, node, "canary-withdrawn"), "an undo leaves no trace outside");
    }
}

#[test]
fn a_setting_cannot_shorten_the_delay() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    node.json(&["federation", "create", "guild"]);
    let path = node.home().join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let shorter = text.replace("share_delay_seconds = 600", "share_delay_seconds = 1");
    assert_ne!(shorter, text);
    std::fs::write(&path, shorter).unwrap();
    let mut command = node.command(&["lesson", "share", "sort -k2 <arg>"]);
    let (status, shown) = at_a_terminal(&mut command, "yes\n");
    assert_eq!(status.code(), Some(2), "{shown}");
    assert!(shown.contains("between 600 and"), "{shown}");
    assert!(node.json(&["status"])["pending_lessons"].as_array().unwrap().is_empty());
}

#[test]
fn a_consent_file_of_another_account_asks_for_its_code_and_one_of_this_account_is_refused() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    node.json(&["federation", "create", "guild"]);
    let made = node.json(&["lesson", "code"]);
    let file = cluster.path().join("consent");
    std::fs::write(&file, made["line"].as_str().unwrap()).unwrap();
    let share = |typed: &str| {
        let mut command = node.faulty(&["lesson", "share", "sort -k2 <arg>"]);
        command.env("LORE_TEST_CONSENT_FILE", &file);
        let (status, shown) = at_a_terminal(&mut command, typed);
        (status.code(), shown)
    };
    let (code, shown) = share("yes\n");
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("belongs to the account"), "{shown}");

    // Only root can give a file away.
    if std::os::unix::fs::chown(&file, Some(65_534), None).is_ok() {
        let (code, shown) = share("yes\n0000-0000-0000-0000-0000\n");
        assert_eq!(code, Some(3), "{shown}");
        assert!(shown.contains("not the consent code"), "{shown}");
        assert!(node.json(&["lesson", "pending"])["lessons"].as_array().unwrap().is_empty());
        let (code, shown) = share(&format!("yes\n{}\n", made["code"].as_str().unwrap()));
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!(node.json(&["lesson", "pending"])["lessons"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_kill_while_a_text_is_signed_loses_nothing_and_signs_nothing_twice() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    node.json(&["federation", "create", "guild"]);
    let points = [Point::Signed, Point::Committed, Point::Ingested];
    for (round, point) in points.into_iter().enumerate() {
        let (code, shown) = node.agree_long_ago(&[&format!("sort -k{} <arg>", 2 + round)]);
        assert_eq!(code, Some(0), "{shown}");
        let mut command = node.faulty(&["run"]);
        command.env("LORE_TEST_FAULT", format!("kill:{}", point.name()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let ended = command.status().unwrap();
        assert!(!ended.success(), "{} is passed", point.name());
        assert_eq!(node.json(&["lesson", "pending"])["lessons"].as_array().unwrap().len(), 1);
        node.open(&Machine::new()).settle().unwrap();
        assert!(node.json(&["lesson", "pending"])["lessons"].as_array().unwrap().is_empty());
        let into = cluster.path().join(point.name());
        let log = exported(&node, &into, &[]).log;
        let texts = log.entries().filter(|(_, entry)| {
            matches!(&*entry.payload(), Payload::Lessons(l) if l.origin == Origin::Authored)
        });
        assert_eq!(texts.count(), round + 1, "{}", point.name());
    }
}

/// A hostile client of the socket can list and withdraw, and no more.
#[test]
fn no_request_over_the_socket_gives_consent_or_hastens_it() {
    let lessons: Vec<&str> =
        lore_control::VERBS.iter().copied().filter(|verb| verb.starts_with("lesson")).collect();
    let reads = ["list", "why", "suggest", "hint", "preview", "pending"];
    let reads = reads.map(|verb| format!("lesson.{verb}"));
    assert_eq!(lessons, [&reads[..], &["lesson.undo".to_owned()]].concat());
    assert!(!lore_control::VERBS.contains(&"skill.publish"));
    let cluster = Cluster::of(1);
    let mut node = cluster.running("ada");
    node.json(&["federation", "create", "guild"]);
    let mut command = node.command(&["lesson", "share", "sort -k2 <arg>"]);
    let (status, shown) = at_a_terminal(&mut command, "yes\n");
    assert_eq!(status.code(), Some(3), "a running node takes no consent: {shown}");
    node.stop();
    fake_a_yes(&node, "sort -k2 <arg>");
    node.start();
    // Whatever else is asked of the node, the text stays where it is.
    let waiting = node.json(&["lesson", "pending"]);
    for args in [&["status"][..], &["privacy", "explain"], &["federation", "checkpoint"]] {
        node.json(args);
    }
    let mut still = node.json(&["lesson", "pending"]);
    still["lessons"][0]["seconds_left"] = waiting["lessons"][0]["seconds_left"].clone();
    assert_eq!(still, waiting);
    assert_eq!(node.federation()["lessons"], 0);
}
