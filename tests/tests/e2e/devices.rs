//! Devices of one person: own lessons in step, and nobody else reads them.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use lore_node::scan::Canaries;
use lore_protocol::identity::SecretKey;
use lore_tests::peer::Peer;
use lore_tests::sessions::{learnt, write};
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use serde_json::Value;

use super::hooks::{ask_about_deploying, connected_as, deployed, repaired, text_of};

fn line_of(node: &Node) -> String {
    node.json(&["device", "invite", "--user", "ada"])["line"].as_str().unwrap().to_owned()
}

/// Pairs two devices, with the line on standard input.
fn pair(inviter: &Node, joiner: &Node) {
    let line = line_of(inviter);
    let mut join = joiner.command(&["device", "join", "-", "--user", "ada", "--yes", "--json"]);
    let mut join = join.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(join.stdin.take().unwrap(), "{line}").unwrap();
    let done = join.wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

fn import(node: &Node, file: &Path) {
    node.json(&["session", "import", file.to_str().unwrap(), "--user", "ada"]);
}

/// Programs of the lessons that a user is listed.
fn lessons(node: &Node, user: &str) -> Vec<Value> {
    let listed = node.json(&["lesson", "list", "shipit", "--user", user]);
    listed["lessons"].as_array().unwrap().clone()
}

fn devices(node: &Node) -> Value {
    node.json(&["device", "list", "--user", "ada"])
}

#[test]
fn a_failure_learnt_on_one_device_is_hinted_on_the_other_until_it_is_forgotten() {
    let cluster = Cluster::of(2);
    let mut laptop = cluster.node("laptop");
    let frames = cluster.path().join("frames-of-the-laptop");
    laptop.start_with(&["--record-frames", frames.to_str().unwrap()]);
    let (mut desktop, _) = connected_as(&cluster, "desktop");
    desktop.start();
    pair(&laptop, &desktop);
    import(&laptop, &deployed(cluster.path(), "t"));
    let mut asked = 0;
    let told = wait_until("the hint is there", PATIENCE, || {
        asked += 1;
        let answer = ask_about_deploying(&desktop, &format!("s{asked}"));
        (!answer.is_empty()).then_some(answer)
    });
    let told = text_of(&told);
    assert!(told.contains("--to") && told.contains("on another device"), "{told}");
    let known = lessons(&desktop, "ada");
    assert_eq!(known[0]["circle"], "devices", "{known:?}");
    let id = known[0]["id"].as_str().unwrap();
    let why = desktop.json(&["lesson", "why", id, "--user", "ada"]);
    assert_eq!(why["devices"][0]["device"], "laptop", "{why}");
    assert_eq!(why["sessions"], Value::Array(Vec::new()), "no session went there");
    // Another user of the node is told nothing of it.
    assert_eq!(lessons(&desktop, "ben"), Vec::<Value>::new());
    let suggested = desktop.json(&["lesson", "suggest", "--user", "ada"]);
    assert_eq!(suggested["lessons"], Value::Array(Vec::new()), "{suggested}");
    let listed = devices(&desktop);
    assert_eq!(listed["devices"][0]["this"], true, "{listed}");
    assert_eq!(listed["devices"][1]["name"], "laptop", "{listed}");
    assert_eq!(listed["devices"][1]["connected"], true, "{listed}");
    assert!(listed["devices"][1]["lessons"].as_u64().unwrap() > 0, "{listed}");
    assert!(listed["devices"][1]["last_contact"].is_string(), "{listed}");
    // By its id too: a device chooses its name itself.
    assert_eq!(why["devices"][0]["id"], listed["devices"][1]["id"], "{why}");
    assert_eq!(listed["devices"][0]["paired_on"]["id"], listed["devices"][1]["id"], "{listed}");
    // Nothing of it is in what was sent, nor in a file of the other's home.
    let canaries = Canaries::new(["shipit run", "shipit run --to a"]).unwrap();
    for (place, least) in [(&frames, 4_000), (&desktop.home().to_owned(), 100_000)] {
        let report = canaries.scan_path(place).unwrap();
        assert!(report.bytes > least, "{} bytes", report.bytes);
        assert_eq!(report.hits(), 0, "{report:?}");
    }
    // It is there without a connection, and after a restart.
    laptop.stop();
    desktop.stop();
    assert_eq!(lessons(&desktop, "ada"), known);
    desktop.start();
    laptop.start();
    laptop.json(&["session", "forget", "--all", "--user", "ada", "--yes"]);
    wait_until("it is forgotten there too", PATIENCE, || {
        lessons(&desktop, "ada").is_empty().then_some(())
    });
    wait_until("no hint is left", PATIENCE, || {
        asked += 1;
        ask_about_deploying(&desktop, &format!("s{asked}")).is_empty().then_some(())
    });
}

#[test]
fn a_third_device_gets_it_through_the_second_and_a_removed_one_gets_nothing_new() {
    let cluster = Cluster::of(4);
    let [mut first, second, third, stranger] =
        ["first", "second", "third", "stranger"].map(|name| cluster.running(name));
    let line = line_of(&first);
    second.json(&["device", "join", &line, "--user", "ada", "--yes"]);
    // A line is used up, and says no more to who finds it.
    let refused = stranger.error(&["device", "join", &line, "--user", "ada", "--yes"]);
    assert_eq!((&refused["kind"], &refused["exit"]), (&"not_admitted".into(), &3.into()));
    assert_eq!(devices(&stranger)["devices"], Value::Array(Vec::new()));
    import(&first, &deployed(cluster.path(), "t"));
    wait_until("the second has it", PATIENCE, || {
        (!lessons(&second, "ada").is_empty()).then_some(())
    });
    first.stop();
    pair(&second, &third);
    wait_until("the third has it", PATIENCE, || (!lessons(&third, "ada").is_empty()).then_some(()));
    let before = lessons(&third, "ada");

    let removed = second.json(&["device", "remove", "third", "--user", "ada", "--yes"]);
    assert_eq!(removed["left"], serde_json::json!(["first"]), "{removed}");
    assert_eq!(removed["id"], devices(&third)["devices"][0]["id"], "{removed}");
    assert!(removed["stays"][0].as_str().unwrap().contains("stays on it"), "{removed}");
    first.start();
    wait_until("the first has heard of it", PATIENCE, || {
        let listed = devices(&first);
        (listed["devices"].as_array().unwrap().len() == 2).then_some(())
    });
    import(&second, &repaired(cluster.path(), "more", "push"));
    wait_until("the first has what is new", PATIENCE, || {
        (lessons(&first, "ada").len() > before.len()).then_some(())
    });
    wait_until("it was turned away", PATIENCE, || devices(&third)["out"].is_string().then_some(()));
    assert_eq!(lessons(&third, "ada"), before, "it has what it had, and nothing new");
    assert_eq!(lessons(&stranger, "ada"), Vec::<Value>::new());

    let left = second.json(&["device", "leave", "--user", "ada", "--yes"]);
    assert_eq!(left["told"], serde_json::json!(["first"]), "{left}");
    assert_eq!(devices(&second)["devices"], Value::Array(Vec::new()));
    wait_until("the first has heard that it left", PATIENCE, || {
        (devices(&first)["devices"].as_array().unwrap().len() == 1).then_some(())
    });
}

#[test]
fn a_stranger_on_the_wire_learns_nothing_and_ends_nothing() {
    let cluster = Cluster::of(2);
    let [node, other] = ["node", "other"].map(|name| cluster.running(name));
    let key = |seed: u8| SecretKey::from_seed(&[seed; 32]);
    let asks = || {
        let noise = (0..40_usize).map(|length| vec![7; length * 300]);
        noise.chain([vec![0; 250_000], vec![1; 33], vec![255; 9]]).collect::<Vec<_>>()
    };
    let mut answers = BTreeSet::new();
    let mut stranger = Peer::connect(key(1), &node);
    for ask in asks() {
        answers.insert(stranger.ask_device(ask).unwrap());
    }
    pair(&node, &other);
    import(&node, &deployed(cluster.path(), "t"));
    wait_until("the other has it", PATIENCE, || (!lessons(&other, "ada").is_empty()).then_some(()));
    for ask in asks() {
        answers.insert(stranger.ask_device(ask).unwrap());
    }
    assert_eq!(answers.len(), 1, "one answer, with a group or without: {answers:?}");
    assert!(answers.first().unwrap().len() < 4, "{answers:?}");
    let line = line_of(&node);
    for end in (20..line.len()).step_by(40) {
        let cut = node.error(&["device", "join", &line[..end], "--user", "ben", "--yes"]);
        assert_eq!(cut["exit"], 2, "{cut}");
    }
    assert_eq!(devices(&node)["devices"].as_array().unwrap().len(), 2);
}

#[test]
fn what_another_device_learnt_is_in_no_release_of_this_one() {
    const SESSIONS: usize = 60;
    let cluster = Cluster::of(2);
    let [here, there] = ["here", "there"].map(|name| cluster.running(name));
    let schedule = ["--lessons-at", "2", "--outcomes-at", "80", "--votes-at", "80"];
    here.found(&[&["guild", "--units", "session", "--no-codebook"][..], &schedule].concat());
    // Each device has met its own trouble often enough to release it.
    let work = |node: &Node, name: &str, wrong: &str, says: &str, right: &str| {
        let one = |n: usize| {
            let mut session = learnt(&format!("{name}-{n}"), "do it", wrong, right);
            session.turns[1].calls[0].result = Some(says.to_owned());
            session
        };
        let file = cluster.path().join(format!("{name}.jsonl"));
        write(&file, &(0..SESSIONS).map(one).collect::<Vec<_>>());
        import(node, &file);
    };
    pair(&here, &there);
    let upstream = "fatal: The current branch topic has no upstream branch.";
    work(&here, "here", "git push", upstream, "git push -u origin topic");
    let kind = "rg: unrecognized file type: tsx";
    work(&there, "there", "rg -t tsx useState src", kind, "rg -g '*.tsx' useState src");
    wait_until("the lessons of the other are here", PATIENCE, || {
        (devices(&here)["devices"][1]["lessons"].as_u64() > Some(0)).then_some(())
    });
    here.json(&["privacy", "set", "--epsilon", "4", "--unit", "session", "--yes"]);
    here.close_windows();
    wait_until("a lesson is released", PATIENCE, || {
        (here.federation()["lessons"].as_u64() > Some(0)).then_some(())
    });
    let log = cluster.path().join("log");
    here.json(&["federation", "export-log", "--dir", log.to_str().unwrap()]);
    let mut holding = [0, 0];
    for delta in std::fs::read_dir(log).unwrap().flatten() {
        let bytes = std::fs::read(delta.path()).unwrap();
        for (count, text) in holding.iter_mut().zip(["git push", "-t tsx"]) {
            let found = bytes.windows(text.len()).any(|part| part == text.as_bytes());
            *count += usize::from(found);
        }
    }
    assert!(holding[0] > 0, "what this device learnt is released");
    assert_eq!(holding[1], 0, "what the other one learnt is not");
    let preview = here.json(&["lesson", "preview", "--limit", "1000"]).to_string();
    assert!(preview.contains("git push") && !preview.contains("-t tsx"), "{preview}");
    // It is known here all the same: to its user, and to nobody else.
    let known = |user: &str| {
        let listed = here.json(&["lesson", "list", "rg", "--user", user]);
        listed["lessons"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["circle"] == "devices")
            .count()
    };
    assert_eq!((known("ada"), known("ben")), (1, 0));
}
