//! A request as the tokens that Qwen2.5 was trained on: ChatML, with tools in the system turn.
//!
//! Source: the chat template in the model's `tokenizer_config.json` (Qwen2.5). Turns are kept as pieces,
//! marks apart from words, so that a text that spells a mark is never read as one.

use std::fmt::Write as _;

use serde_json::json;

use crate::model::{Message, Request};
use crate::tool::ToolSpec;

/// Instructions where a request has none, as in the template.
const DEFAULT_SYSTEM: &str = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";

/// A part of the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// `<|im_start|>`.
    Start,
    /// `<|im_end|>`.
    End,
    /// Words, whatever they spell.
    Text(String),
}

/// The whole prompt, up to where the model goes on.
pub(super) fn prompt(request: &Request) -> Vec<Piece> {
    let mut system = String::new();
    let mut turns: Vec<(&str, String)> = Vec::new();
    for message in &request.messages {
        match &**message {
            Message::System { text } => join(&mut system, text),
            Message::Assistant { text, calls, .. } => {
                let mut said = text.clone();
                for call in calls {
                    // In the order that the model was trained on.
                    let (name, arguments) = (json!(call.tool), &call.arguments);
                    let call = format!("{{\"name\": {name}, \"arguments\": {arguments}}}");
                    join(&mut said, &format!("<tool_call>\n{call}\n</tool_call>"));
                }
                turns.push(("assistant", said));
            }
            Message::Result(result) => {
                let text = format!("<tool_response>\n{}\n</tool_response>", result.text);
                // Results of one turn stand together.
                match turns.last_mut() {
                    Some(("user", last)) if last.starts_with("<tool_response>") => {
                        join(last, &text);
                    }
                    _ => turns.push(("user", text)),
                }
            }
            other => turns.push(("user", other.marked().unwrap_or_else(|| other.text().into()))),
        }
    }
    if system.is_empty() {
        system.push_str(DEFAULT_SYSTEM);
    }
    if !request.tools.is_empty() {
        system.push_str(&tools(&request.tools));
    }
    let mut pieces = Vec::new();
    for (role, text) in std::iter::once(("system", system)).chain(turns) {
        pieces.extend([Piece::Start, Piece::Text(format!("{role}\n{text}")), Piece::End]);
        pieces.push(Piece::Text("\n".into()));
    }
    pieces.extend([Piece::Start, Piece::Text("assistant\n".into())]);
    pieces
}

fn join(text: &mut String, more: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(more);
}

fn tools(tools: &[ToolSpec]) -> String {
    let mut text = "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n\
                    You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
        .to_owned();
    for tool in tools {
        let function = json!({
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            },
        });
        let _ = write!(text, "\n{function}");
    }
    text.push_str(
        "\n</tools>\n\nFor each function call, return a json object with function name and arguments \
         within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \
         \"arguments\": <args-json-object>}\n</tool_call>",
    );
    text
}
