//! A user's own lessons: there at once, for that user alone, with where they are from and how to share them.

use std::io::Write as _;
use std::process::Stdio;

use lore_protocol::trace::Outcome;
use lore_session::{Session, SessionOutcome, Source};
use lore_tests::sessions::{learnt, write};
use lore_tests::{Cluster, Node};
use serde_json::Value;

/// A push of a branch that has no upstream, and what then worked.
fn push(id: &str, branch: &str) -> Session {
    let works = format!("git push -u origin {branch}");
    let mut session = learnt(id, "Bring the branch out", "git push", &works);
    let failed = format!("fatal: The current branch {branch} has no upstream branch.");
    session.turns[1].calls[0].result = Some(failed);
    session.turns[1].calls[0].exit = Some(128);
    // Nothing is known about how it ended: none of this needs a verdict.
    session.outcome = SessionOutcome { source: Source::Nobody, ..SessionOutcome::unknown() };
    assert_eq!(session.outcome.verdict, Outcome::Unknown);
    session
}

fn import(node: &Node, user: &str, sessions: &[Session]) {
    let file = node.home().with_extension(format!("{user}.jsonl"));
    write(&file, sessions);
    node.json(&["session", "import", file.to_str().unwrap(), "--user", user]);
}

/// What `lore lesson hint` says about a call with this output.
fn hint(node: &Node, user: &str, command: &str, output: &str) -> Value {
    let args = ["lesson", "hint", command, "--exit", "128", "--user", user, "--json"];
    let mut child = node
        .command(&args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    child.stdin.take().unwrap().write_all(output.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success());
    let line = String::from_utf8(done.stdout).unwrap();
    serde_json::from_str::<Value>(line.trim()).unwrap()["hint"].clone()
}

#[test]
fn a_repair_of_yesterday_is_hinted_today_and_to_nobody_else() {
    let cluster = Cluster::of(1);
    let node = cluster.running("ada");
    import(&node, "ada", &[push("one", "red-door"), push("two", "blue-door")]);
    import(&node, "ben", &[learnt("three", "Look", "ls", "ls -l")]);

    let list = node.json(&["lesson", "list", "--user", "ada"]);
    let own = &list["lessons"][0];
    assert_eq!(own["circle"], "own", "{list}");
    assert_eq!((&own["supporters"], &own["worked"]), (&2.into(), &2.into()));
    assert_eq!(list["failures"], 2);
    assert_eq!(own["lesson"]["trigger"]["tool"], "git push");
    assert_eq!(own["lesson"]["action"]["add_flag"], "-u");
    let bens = node.json(&["lesson", "list", "--user", "ben"]);
    assert!(!bens.to_string().contains("door"), "{bens}");

    let id = own["id"].as_str().unwrap();
    let why = node.json(&["lesson", "why", &id[..8], "--user", "ada"]);
    let from: Vec<&str> = why["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["session"].as_str())
        .collect();
    assert_eq!(from, ["one", "two"]);
    let strange = node.error(&["lesson", "why", &id[..8], "--user", "ben"]);
    assert!(strange["message"].as_str().unwrap().contains("no known lesson"), "{strange}");

    let failed = "fatal: The current branch green-door has no upstream branch.";
    let told = hint(&node, "ada", "git push", failed);
    assert!(told["text"].as_str().unwrap().contains("add `-u`"), "{told}");
    assert_eq!((&told["circle"], &told["exact"]), (&"own".into(), &true.into()));
    // He is told what the documentation says, and nothing of hers.
    let bens = hint(&node, "ben", "git push", failed);
    assert_eq!(bens["circle"], "codebook", "{bens}");
    assert!(!bens.to_string().contains("door"), "{bens}");
    assert_eq!(hint(&node, "ada", "git pull", "fatal: something else"), Value::Null);

    // What would be published holds no branch of hers.
    let offered = node.json(&["lesson", "suggest", "--user", "ada"]);
    let text = offered["lessons"][0]["text"].as_str().unwrap();
    assert!(text.contains("git push") && !text.contains("door"), "{offered}");
    assert!(offered["lessons"][0]["masked"].as_str().unwrap().contains("door"), "{offered}");
}
