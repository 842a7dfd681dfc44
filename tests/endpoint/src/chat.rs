//! Replies of a model, as chat completions stream them.

use serde_json::{Value, json};

use crate::{Act, Ending};

/// The end of a stream.
pub const DONE: &str = "data: [DONE]\n\n";

/// One event.
#[must_use]
pub fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// A delta of the first choice.
#[must_use]
pub fn delta(delta: Value, finish: Option<&str>) -> String {
    event(
        &json!({"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}),
    )
}

/// The chunk with the usage, as llama.cpp and OpenAI send it.
#[must_use]
pub fn usage(input: u64, output: u64) -> String {
    event(&json!({"choices": [], "usage": {"prompt_tokens": input, "completion_tokens": output}}))
}

/// A whole answer in words.
#[must_use]
pub fn says(text: &str) -> Act {
    let pieces = vec![
        delta(json!({"content": text}), None),
        delta(json!({}), Some("stop")),
        DONE.to_owned(),
    ];
    Act::Stream(pieces, Ending::Whole)
}

/// A whole answer that asks for calls: id, tool and arguments as text.
#[must_use]
pub fn calls(calls: &[(&str, &str, &str)]) -> Act {
    let calls: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(index, (id, name, arguments))| {
            json!({"index": index, "id": id, "type": "function",
                   "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    let pieces = vec![
        delta(json!({"tool_calls": calls}), None),
        delta(json!({}), Some("tool_calls")),
        DONE.to_owned(),
    ];
    Act::Stream(pieces, Ending::Whole)
}
