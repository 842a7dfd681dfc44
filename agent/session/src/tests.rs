#![allow(clippy::unwrap_used, clippy::expect_used)]

use lore_protocol::ids::{LessonId, SkillId};
use lore_protocol::trace::Outcome;
use serde_json::json;

use super::*;

fn call(tool: &str, arguments: serde_json::Value, exit: i32) -> ToolCall {
    ToolCall {
        id: None,
        tool: tool.into(),
        arguments,
        result: Some("said".into()),
        exit: Some(exit),
        failed: false,
        refusal: None,
        duration_ms: Some(3),
        hint: None,
    }
}

fn turn(role: Role, text: &str, calls: Vec<ToolCall>) -> Turn {
    Turn { role, text: text.into(), calls, tokens: None }
}

fn session() -> Session {
    let calls = vec![
        call("Bash", json!({"command": "false"}), 1),
        call("bash", json!({"command": ["bash", "-lc", "true"]}), 0),
        call("Read", json!({"path": "a", "from": 1}), 0),
    ];
    Session {
        version: VERSION,
        id: "s1".into(),
        root: None,
        links: Vec::new(),
        unit: Some("00ff".into()),
        harness: "test".into(),
        model: None,
        started: Started::at(1_700_000_000),
        task: "do it".into(),
        turns: vec![turn(Role::User, "do it", vec![]), turn(Role::Assistant, "", calls)],
        outcome: SessionOutcome::certain(Outcome::Success, Source::Validator),
        skills_read: vec![SkillUse {
            name: "x".into(),
            skill: Some(SkillId([7; 32])),
            revision: None,
            state: None,
            lessons: [LessonId([9; 32])].into(),
        }],
        skills_injected: vec![],
        proposals: None,
    }
}

#[test]
fn a_session_is_one_line_and_comes_back_whole() {
    let line = session().to_line();
    assert!(!line.contains('\n'));
    assert_eq!(Session::from_line(&line, 1).unwrap(), session());
    assert_eq!(session().started.text, "2023-11-14T22:13:20Z");
}

#[test]
fn the_published_schema_is_the_one_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/session.schema.json");
    if std::env::var_os("LORE_WRITE_SCHEMA").is_some() {
        std::fs::write(path, schema_json()).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        schema_json(),
        "run this test with LORE_WRITE_SCHEMA=1 and commit the file"
    );
}

#[test]
fn a_later_format_is_refused_by_its_number() {
    let error = Session::from_line(r#"{"version":2,"new":[]}"#, 9).unwrap_err();
    assert!(matches!(error, SessionError::Newer { line: 9, found: 2 }));
}

#[test]
fn the_trace_holds_command_lines_and_canonical_arguments() {
    let trace = session().trace();
    let inputs: Vec<&str> = trace.calls.iter().map(|call| call.input.as_str()).collect();
    assert_eq!(inputs, ["false", "true", r#"{"from":1,"path":"a"}"#]);
    assert!(trace.calls[0].failed && !trace.calls[1].failed);
    assert_eq!(trace.outcome, Outcome::Success);
}

#[test]
fn an_unanswered_call_is_not_in_the_trace() {
    let mut cut = session();
    cut.turns[1].calls[2].result = None;
    assert_eq!(cut.trace().calls.len(), 2);
}

#[test]
fn closing_words_decide() {
    let mut turns = session().turns;
    turns.push(turn(Role::User, "No, that still fails.", vec![]));
    assert_eq!(judge(&turns).verdict, Outcome::Failure);
    turns.push(turn(Role::User, "Ah, it works now, thanks", vec![]));
    assert_eq!(judge(&turns).verdict, Outcome::Success);
    turns.push(turn(Role::User, "That works? No, it doesn\u{2019}t work.", vec![]));
    assert_eq!(judge(&turns).verdict, Outcome::Failure);
}

#[test]
fn without_words_no_result_of_a_command_is_a_verdict() {
    let mut turns = session().turns;
    assert_eq!(
        judge(&turns),
        SessionOutcome::unknown(),
        "a failure was mended, which is not the task"
    );
    turns[1].calls.push(call("bash", json!("false"), 1));
    assert_eq!(judge(&turns), SessionOutcome::unknown());
    assert_eq!(judge(&[]), SessionOutcome::unknown());
}
