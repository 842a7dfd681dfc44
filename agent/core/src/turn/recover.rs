//! Calls as models write them, made into calls that can be run or answered.
//!
//! Repairs are those that cannot change the meaning: fences around JSON, JSON in a JSON text, raw line
//! breaks in texts, trailing commas, missing closing brackets. A text that was cut is never closed: a
//! command cut in half is another command.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::model::{Call, Message, RawCall, ToolResult};

/// Reads a call's arguments; `cut` when the reply ended at the output limit.
pub(super) fn read(raw: &RawCall, id: String, cut: bool) -> Call {
    let (arguments, unreadable) = match arguments(&raw.arguments) {
        Ok(arguments) => (arguments, None),
        Err(reason) => {
            let hint = if cut {
                "the reply was cut at the output limit; do it in smaller parts"
            } else {
                "send a JSON object"
            };
            (json!({}), Some(format!("the arguments are not JSON ({reason}); {hint}")))
        }
    };
    Call { id, tool: raw.name.trim().to_owned(), arguments, unreadable }
}

fn arguments(text: &str) -> Result<Value, String> {
    let text = unfence(text.trim());
    if text.is_empty() {
        return Ok(json!({}));
    }
    let mut value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let mended = mend(text).ok_or_else(|| error.to_string())?;
            serde_json::from_str(&mended).map_err(|_| error.to_string())?
        }
    };
    // JSON in a JSON text, once or twice.
    for _ in 0..2 {
        let Value::String(inner) = &value else {
            break;
        };
        value = serde_json::from_str(inner).map_err(|error| error.to_string())?;
    }
    match value {
        Value::Object(_) => Ok(value),
        Value::Null => Ok(json!({})),
        _ => Err("not an object".to_owned()),
    }
}

/// The text within a fence of three backticks around all of it.
pub(super) fn unfence(text: &str) -> &str {
    let Some(inner) = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) else {
        return text;
    };
    inner.split_once('\n').map_or(inner, |(_, body)| body).trim()
}

/// Escapes raw control characters in texts, drops trailing commas and closes open brackets. None when a
/// text is open at the end.
fn mend(text: &str) -> Option<String> {
    let mut mended = String::with_capacity(text.len() + 8);
    let (mut in_text, mut escaped, mut open) = (false, false, Vec::new());
    for letter in text.chars() {
        if in_text {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_text = false,
                _ => {}
            }
            match letter {
                '\n' => mended.push_str("\\n"),
                '\r' => mended.push_str("\\r"),
                '\t' => mended.push_str("\\t"),
                _ => mended.push(letter),
            }
            continue;
        }
        match letter {
            '"' => in_text = true,
            '{' => open.push('}'),
            '[' => open.push(']'),
            '}' | ']' => {
                if open.pop() != Some(letter) {
                    return None;
                }
                drop_comma(&mut mended);
            }
            _ => {}
        }
        mended.push(letter);
    }
    if in_text {
        return None;
    }
    if !open.is_empty() {
        drop_comma(&mut mended);
    }
    mended.extend(open.into_iter().rev());
    Some(mended)
}

fn drop_comma(text: &mut String) {
    let end = text.trim_end().len();
    if text[..end].ends_with(',') {
        text.truncate(end - 1);
    }
}

/// An id that both wire formats take and that nobody else has: the given one, else a number.
pub(super) fn id(given: &str, taken: &mut BTreeSet<String>) -> String {
    let usable = !given.is_empty()
        && given.len() <= 64
        && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if usable && taken.insert(given.to_owned()) {
        return given.to_owned();
    }
    let mut number = taken.len();
    loop {
        let id = format!("call_{number}");
        if taken.insert(id.clone()) {
            return id;
        }
        number += 1;
    }
}

/// A conversation in which every call is answered right after it and every answer has its call: what
/// both protocols demand, and what a crash, a cancellation or a foreign transcript may have broken.
/// Gives the repaired messages and how many were added or dropped.
#[must_use]
pub fn repair(messages: &[Arc<Message>]) -> (Vec<Arc<Message>>, usize) {
    let mut repaired: Vec<Arc<Message>> = Vec::with_capacity(messages.len());
    let mut open: Vec<(String, String)> = Vec::new();
    let mut changes = 0;
    let close = |open: &mut Vec<(String, String)>, repaired: &mut Vec<Arc<Message>>| {
        let count = open.len();
        repaired.extend(open.drain(..).map(|(call, tool)| Arc::new(interrupted(call, tool))));
        count
    };
    for message in messages {
        if let Message::Result(result) = &**message {
            match open.iter().position(|(call, _)| *call == result.call) {
                Some(at) => {
                    open.remove(at);
                    repaired.push(Arc::clone(message));
                }
                None => changes += 1,
            }
            continue;
        }
        changes += close(&mut open, &mut repaired);
        open.extend(message.calls().iter().map(|call| (call.id.clone(), call.tool.clone())));
        repaired.push(Arc::clone(message));
    }
    changes += close(&mut open, &mut repaired);
    (repaired, changes)
}

/// The answer to a call that nobody answered.
pub(super) fn interrupted(call: String, tool: String) -> Message {
    Message::Result(ToolResult {
        call,
        tool,
        text: "interrupted before there was a result; it may or may not have run".to_owned(),
        is_error: true,
        exit_code: None,
        duration_ms: None,
        hint: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> Result<Value, String> {
        arguments(text)
    }

    #[test]
    fn arguments_in_every_shape_that_models_write() {
        let command = json!({"command": "echo a\nb"});
        for text in [
            r#"{"command":"echo a\nb"}"#,
            "{\"command\":\"echo a\nb\"}",
            "```json\n{\"command\":\"echo a\\nb\"}\n```",
            r#""{\"command\":\"echo a\\nb\"}""#,
            r#"{"command":"echo a\nb",}"#,
            r#"{"command":"echo a\nb""#,
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&command), "{text}");
        }
        assert_eq!(parse(""), Ok(json!({})));
        assert_eq!(parse("null"), Ok(json!({})));
    }

    #[test]
    fn a_text_that_was_cut_is_never_closed() {
        for text in [r#"{"command":"rm -rf /tmp/x"#, r#"{"command":"#, "{]", "[1]", "ls"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let raw = RawCall { arguments: r#"{"a":"b"#.to_owned(), ..RawCall::default() };
        let call = read(&raw, "1".to_owned(), true);
        assert!(call.unreadable.unwrap().contains("smaller parts"));
    }

    #[test]
    fn ids_are_made_unique_and_fit_to_travel() {
        let mut taken = BTreeSet::new();
        let ids = ["a", "a", "", "with space", "call_1"].map(|given| id(given, &mut taken));
        assert_eq!(ids[0], "a");
        assert_eq!(BTreeSet::from(ids.clone()).len(), 5, "{ids:?}");
    }

    #[test]
    fn dangling_calls_are_answered_and_stray_answers_dropped() {
        let call = |id: &str| Call {
            id: id.to_owned(),
            tool: "t".to_owned(),
            arguments: json!({}),
            unreadable: None,
        };
        let asks = |ids: &[&str]| {
            Arc::new(Message::Assistant {
                text: String::new(),
                calls: ids.iter().map(|id| call(id)).collect(),
                opaque: Vec::new(),
            })
        };
        let answers = |id: &str| Arc::new(interrupted(id.to_owned(), "t".to_owned()));
        let user = Arc::new(Message::user("x"));
        let (repaired, changes) = repair(&[
            user.clone(),
            answers("stray"),
            asks(&["a", "b"]),
            answers("a"),
            user.clone(),
            asks(&["c"]),
        ]);
        let expected = [
            user.clone(),
            asks(&["a", "b"]),
            answers("a"),
            answers("b"),
            user,
            asks(&["c"]),
            answers("c"),
        ];
        assert_eq!((repaired.as_slice(), changes), (&expected[..], 3));
        assert_eq!(repair(&repaired).1, 0);
    }
}
