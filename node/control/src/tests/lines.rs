//! Requests and answers as lines, across versions.

use serde_json::{Value, json};

use crate::line::{
    LINE_BYTES, LORE_VERSION, Line, VERSION, answer_line, next_line, read_answer, read_request,
    request_line,
};
use crate::*;

fn round(request: Request) -> Value {
    let line = request_line(&request).unwrap();
    assert_eq!(line.last(), Some(&b'\n'));
    assert_eq!(read_request(&line[..line.len() - 1]).unwrap(), request);
    serde_json::from_slice(&line).unwrap()
}

#[test]
fn a_request_is_one_line_that_names_both_versions_and_the_verb() {
    let request = SessionImport {
        user: "ada".into(),
        path: "/tmp/a b.jsonl".into(),
        format: Some(SessionFormat::OpenAiChat),
        again: false,
    };
    assert_eq!(
        round(request.into()),
        json!({
            "version": VERSION, "lore": LORE_VERSION, "verb": "session.import",
            "args": { "user": "ada", "path": "/tmp/a b.jsonl", "format": "openai-chat", "again": false },
        })
    );
    assert_eq!(round(Peers {}.into())["args"], json!({}));
}

#[test]
fn arguments_with_a_default_may_be_left_out_and_unknown_ones_are_refused() {
    let line = |args: &str| {
        format!(
            r#"{{"version":{VERSION},"lore":"9.9.9","verb":"federation.create","args":{args}}}"#
        )
    };
    let read = read_request(line(r#"{"name":"a"}"#).as_bytes()).unwrap();
    let Request::FederationCreate(terms) = read else { panic!("{read:?}") };
    assert_eq!((terms.epsilon_micros, terms.epochs_per_period), (4_000_000, 90));
    let failure = read_request(line(r#"{"name":"a","epsilon":4}"#).as_bytes()).unwrap_err();
    assert!(failure.message.contains("unknown field `epsilon`"), "{failure}");
    assert!(failure.message.contains("lore 9.9.9"), "{failure}");
}

#[test]
fn a_request_of_another_lore_is_refused_with_both_versions() {
    let own = format!("lore {LORE_VERSION} (control version {VERSION})");
    let older = br#"{"version":1,"verb":"status","args":{}}"#;
    let failure = read_request(older).unwrap_err();
    assert_eq!((failure.kind.as_str(), failure.exit), ("version", Exit::Usage));
    assert!(
        failure.message.contains("lore of an unknown version (control version 1)"),
        "{failure}"
    );
    assert!(failure.message.contains(&own), "{failure}");
    let newer = br#"{"version":7,"lore":"3.1.4","verb":"status","args":{"new":[]},"trace":true}"#;
    let failure = read_request(newer).unwrap_err();
    assert!(failure.message.contains("lore 3.1.4 (control version 7)"), "{failure}");
    assert!(failure.message.contains(&own), "{failure}");
    let unknown = format!(r#"{{"version":{VERSION},"lore":"3.1.4","verb":"fly","args":{{}}}}"#);
    let failure = read_request(unknown.as_bytes()).unwrap_err();
    assert!(failure.message.contains("unknown variant `fly`"), "{failure}");
    assert!(failure.message.contains("lore 3.1.4") && failure.message.contains(&own), "{failure}");
    for broken in [&b"hello"[..], b"{}", b"\xff\xfe", b"[[[[[[[", b"7", b"{\"version\":\"two\"}"] {
        let failure = read_request(broken).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains(&own), "{failure}");
    }
}

#[test]
fn an_answer_of_another_lore_is_refused_with_both_versions() {
    let own = format!("lore {LORE_VERSION} (control version {VERSION})");
    for (line, other) in [
        (
            r#"{"ok":{"stopping":true}}"#.to_owned(),
            "lore of an unknown version (control version 0)",
        ),
        (r#"{"version":3,"lore":"0.9.0","done":{}}"#.to_owned(), "lore 0.9.0 (control version 3)"),
        (format!(r#"{{"version":{VERSION},"lore":"0.1.1","done":{{}}}}"#), "lore 0.1.1"),
    ] {
        let failure = read_answer(line.as_bytes()).unwrap_err();
        assert!(failure.message.contains(other), "{failure}");
        assert!(failure.message.contains(&own), "{failure}");
        assert!(failure.help.contains("lore run"), "{failure}");
    }
}

#[test]
fn every_kind_of_answer_line_comes_back_as_it_was() {
    let event = Event::Import(ImportProgress { files_done: 1, files: 2, sessions: 3 });
    let reply = Reply::to::<Stop>(&Stopping { stopping: true }).unwrap();
    let failure = Failure::failed("disk_full", "the disk is full").help("make room");
    for line in [Line::Event(event), Line::Ok(reply), Line::Error(failure)] {
        let bytes = answer_line(line.clone()).unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&value["version"], &value["lore"]), (&json!(VERSION), &json!(LORE_VERSION)));
        assert_eq!(read_answer(&bytes[..bytes.len() - 1]).unwrap(), line);
    }
}

#[test]
fn an_answer_is_read_as_the_type_of_its_verb_and_as_no_other() {
    let reply = Reply::to::<Stop>(&Stopping { stopping: true }).unwrap();
    assert_eq!(reply.clone().read::<Stop>().unwrap(), Stopping { stopping: true });
    let failure = reply.read::<Peers>().unwrap_err();
    assert!(failure.message.contains("`peers`"), "{failure}");
}

#[test]
fn what_a_gate_setting_does_not_hold_is_not_printed() {
    let known = GateSetting::Known { ask: false, deadline_seconds: None };
    assert_eq!(json!(known), json!({ "ask": false, "deadline_seconds": null }));
    let unreadable = GateSetting::Unreadable { problem: "no".into() };
    assert_eq!(json!(unreadable), json!({ "problem": "no" }));
    for setting in [known, unreadable] {
        assert_eq!(serde_json::from_value::<GateSetting>(json!(setting)).unwrap(), setting);
    }
}

#[test]
fn a_line_over_the_limit_is_not_made() {
    let line = SessionLine::new("x".repeat(LINE_BYTES));
    let request = SessionAdd { user: "ada".into(), sessions: vec![line] };
    let error = request_line(&request.into()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_line_over_the_limit_is_not_read_to_its_end() {
    use tokio::io::AsyncReadExt as _;
    let mut line = tokio::io::repeat(b'x').take(LINE_BYTES as u64 * 2);
    let error = next_line(&mut tokio::io::BufReader::new(&mut line)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
}

#[test]
fn a_session_line_is_not_shown_by_debug() {
    let line = SessionLine::new("a private word".into());
    assert_eq!(format!("{line:?}"), "SessionLine(14 bytes)");
}
