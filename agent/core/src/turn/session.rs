//! A finished turn as a [`Session`], so that it can be mined like any other.

use std::sync::Arc;

use super::End;
use crate::model::Message;
use lore_session::{Role, Session, SessionOutcome, Started, ToolCall, Turn, VERSION, judge};

/// The session that `all` messages of a conversation are: as they were said, not as compaction left
/// them. The outcome is judged by rules; a caller with a validator replaces it.
#[must_use]
pub fn to_session(
    id: &str,
    model: &str,
    started_unix_seconds: u64,
    all: &[Arc<Message>],
    end: Option<&End>,
) -> Session {
    let mut turns: Vec<Turn> = Vec::new();
    for message in all {
        match &**message {
            Message::Result(result) => {
                let open =
                    turns.iter_mut().rev().flat_map(|turn| turn.calls.iter_mut()).find(|call| {
                        call.id.as_deref() == Some(&result.call) && call.result.is_none()
                    });
                if let Some(call) = open {
                    call.result = Some(result.text.clone());
                    call.exit = result.exit_code;
                    call.failed = result.is_error;
                    call.duration_ms = result.duration_ms;
                    call.hint.clone_from(&result.hint);
                }
            }
            message => turns.push(turn(message)),
        }
    }
    let task = all.iter().find_map(|message| match &**message {
        Message::User { text } => Some(text.clone()),
        _ => None,
    });
    // A turn that was given up has not succeeded, whatever its last call gave; it may not have failed.
    let outcome = match end {
        None | Some(End::Done { .. }) => judge(&turns),
        Some(_) => SessionOutcome::unknown(),
    };
    Session {
        version: VERSION,
        id: id.to_owned(),
        root: None,
        links: Vec::new(),
        unit: None,
        harness: "lore-agent".to_owned(),
        model: Some(model.to_owned()),
        started: Started::at(started_unix_seconds),
        task: task.unwrap_or_default(),
        turns,
        outcome,
        skills_read: Vec::new(),
        skills_injected: Vec::new(),
        proposals: None,
    }
}

fn turn(message: &Message) -> Turn {
    let role = match message {
        Message::User { .. } => Role::User,
        Message::Assistant { .. } => Role::Assistant,
        // What the loop says is the harness speaking, never the user.
        _ => Role::System,
    };
    let calls = message.calls().iter().map(|call| {
        ToolCall::new(Some(call.id.clone()), call.tool.clone(), call.arguments.clone())
    });
    Turn { role, text: message.text().to_owned(), calls: calls.collect(), tokens: None }
}
