//! Small sessions written by hand, as a harness would store them.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use lore_protocol::trace::Outcome;
use lore_session::{Role, Session, SessionOutcome, Source, Started, ToolCall, Turn, VERSION};

/// A session in which `wrong` failed and `right` then did the task.
#[must_use]
pub fn learnt(id: &str, task: &str, wrong: &str, right: &str) -> Session {
    let call = |command: &str, exit: i32, output: &str| ToolCall {
        id: None,
        tool: "bash".into(),
        arguments: serde_json::json!({ "command": command }),
        result: Some(output.into()),
        exit: Some(exit),
        failed: exit != 0,
        refusal: None,
        duration_ms: None,
        hint: None,
    };
    let turn = |role, text: &str, calls| Turn { role, text: text.into(), calls, tokens: None };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    Session {
        version: VERSION,
        id: id.into(),
        root: None,
        links: Vec::new(),
        unit: None,
        harness: "test".into(),
        model: None,
        // A window ends when it is released, and does not contain its end.
        started: Started::at(now.saturating_sub(60)),
        task: task.into(),
        turns: vec![
            turn(Role::User, task, Vec::new()),
            turn(Role::Assistant, "", vec![call(wrong, 7, "connection refused")]),
            turn(Role::Assistant, "", vec![call(right, 0, "")]),
        ],
        outcome: SessionOutcome::certain(Outcome::Success, Source::Validator),
        skills_read: Vec::new(),
        skills_injected: Vec::new(),
        proposals: None,
    }
}

/// Writes sessions to a file, one a line.
///
/// # Panics
/// Panics when it cannot be written.
pub fn write(path: &Path, sessions: &[Session]) {
    let text: String = sessions.iter().map(|session| session.to_line() + "\n").collect();
    std::fs::write(path, text).expect("sessions are written");
}
