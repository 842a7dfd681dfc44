#![allow(clippy::unwrap_used)]
use lore_session::{Role, SessionOutcome, Started, ToolCall, Turn, VERSION};
use serde_json::json;

use super::*;

fn call(command: &str, exit: i32, output: &str) -> ToolCall {
    ToolCall {
        id: None,
        tool: "Bash".into(),
        arguments: json!({ "command": command }),
        result: Some(output.into()),
        exit: Some(exit),
        failed: exit != 0,
        refusal: None,
        duration_ms: None,
        hint: None,
    }
}

fn session(id: &str, started: u64, calls: Vec<ToolCall>) -> Session {
    Session {
        version: VERSION,
        id: id.into(),
        root: None,
        links: Vec::new(),
        unit: None,
        harness: "test".into(),
        model: None,
        started: Started::at(started),
        task: String::new(),
        turns: vec![Turn { role: Role::Assistant, text: String::new(), calls, tokens: None }],
        outcome: SessionOutcome::unknown(),
        skills_read: Vec::new(),
        skills_injected: Vec::new(),
        proposals: None,
    }
}

/// A push without an upstream, and what then worked.
fn push(id: &str, started: u64, branch: &str) -> Session {
    let failed = format!(
        "fatal: The current branch {branch} has no upstream branch.\nTo push the current branch"
    );
    let works = format!("git push -u origin {branch}");
    session(id, started, vec![call("git push", 128, &failed), call(&works, 0, "done")])
}

#[test]
fn only_earlier_sessions_answer_a_persons_failures() {
    let person = Person::of(&[push("b", 20, "two"), push("a", 10, "one"), push("c", 30, "three")]);
    let report = measure(&[person], &[], 1).unwrap();
    assert_eq!((report.sessions, report.failures, report.repaired), (3, 3, 3));
    let seen = Arm { failures: 2, hinted: 2, repaired: 2, hinted_repaired: 2, agreed: 2 };
    assert_eq!(report.repeated, seen);
    assert_eq!(report.own, Arm { failures: 3, repaired: 3, ..seen });
    assert_eq!(report.others.hinted, 0, "a person is no other");
}

#[test]
fn pieces_of_one_conversation_do_not_answer_each_other() {
    let mut pieces = [push("a", 10, "one"), push("b", 20, "one")];
    for piece in &mut pieces {
        piece.root = Some("a".into());
    }
    let report = measure(&[Person::of(&pieces)], &[], 1).unwrap();
    assert_eq!(report.own.hinted, 0);
}

#[test]
fn enough_people_release_what_the_others_then_are_told() {
    let people: Vec<Person> =
        (0..80).map(|at| Person::of(&[push(&format!("s{at}"), 10, &format!("b{at}"))])).collect();
    let report = measure(&people, &[], 1).unwrap();
    let at = |epsilon: f64| report.released.iter().find(|one| one.epsilon == epsilon).unwrap();
    assert!(
        at(8.0).discovered.iter().all(|count| *count > 0) && at(8.0).arm.hinted == 80,
        "{report}"
    );
    assert_eq!(at(8.0).arm.agreed, 80);
    assert_eq!(report.others.hinted, 80);
    let few = measure(&people[..4], &[], 1).unwrap();
    assert!(few.released.iter().all(|one| one.discovered == [0, 0]), "{few}");
}
