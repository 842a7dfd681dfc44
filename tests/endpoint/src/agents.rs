//! A scripted model for agents of any maker: it speaks the dialect that the request is in.
//!
//! Four dialects: Anthropic's messages, OpenAI's responses and chat completions, and Gemini's. What a step
//! runs is called by the name that the request offers a shell under.

use serde_json::{Value, json};

use crate::chat::event;
use crate::{Act, Ending, Endpoint, Seen, answer, json as json_answer};

/// One step of a scripted model.
#[derive(Debug, Clone)]
pub enum Step {
    /// It runs a command line.
    Run(String),
    /// It says something, which ends its turn.
    Say(String),
}

/// Names under which agents offer a shell.
const SHELLS: [&str; 6] =
    ["Bash", "bash", "exec_command", "shell", "run_shell_command", "shell_command"];

/// Dialect of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Messages,
    Responses,
    Chat,
    Gemini,
}

impl Dialect {
    fn of(seen: &Seen) -> Option<Self> {
        let path = seen.path.as_str();
        Some(match () {
            () if path.ends_with("/count_tokens") => return None,
            () if path.ends_with("/messages") => Self::Messages,
            () if path.ends_with("/responses") => Self::Responses,
            () if path.ends_with("/chat/completions") => Self::Chat,
            () if path.contains("enerateContent") => Self::Gemini,
            () => return None,
        })
    }

    /// Number of answered calls since the user's last words.
    fn answered(self, body: &Value) -> usize {
        let items = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        match self {
            Self::Messages => {
                let parts = items("messages")
                    .into_iter()
                    .flat_map(|message| message["content"].as_array().cloned().unwrap_or_default());
                parts.filter(|part| part["type"] == "tool_result").count()
            }
            Self::Responses => {
                let is_result = |item: &Value| item["type"] == "function_call_output";
                items("input").iter().filter(|item| is_result(item)).count()
            }
            Self::Chat => {
                items("messages").iter().filter(|message| message["role"] == "tool").count()
            }
            Self::Gemini => {
                let parts = items("contents")
                    .into_iter()
                    .flat_map(|message| message["parts"].as_array().cloned().unwrap_or_default());
                parts.filter(|part| part.get("functionResponse").is_some()).count()
            }
        }
    }

    /// Name and argument of the shell that the request offers; none for a side request, such as one for a title.
    fn shell(self, body: &Value) -> Option<(String, String)> {
        let tools = body["tools"].as_array()?;
        let declared: Vec<Value> = match self {
            Self::Gemini => tools
                .iter()
                .flat_map(|tool| {
                    tool["functionDeclarations"].as_array().cloned().unwrap_or_default()
                })
                .collect(),
            Self::Chat => tools.iter().map(|tool| tool["function"].clone()).collect(),
            Self::Messages | Self::Responses => tools.clone(),
        };
        let shell = declared
            .iter()
            .find(|tool| tool["name"].as_str().is_some_and(|name| SHELLS.contains(&name)))?;
        let text = shell.to_string();
        let argument = if text.contains("\"cmd\"") { "cmd" } else { "command" };
        Some((shell["name"].as_str()?.to_owned(), argument.to_owned()))
    }

    fn run(self, n: usize, shell: &(String, String), line: &str) -> Act {
        let (name, argument) = shell;
        let mut arguments = json!({argument: line});
        if name != "exec_command" {
            arguments["description"] = "a step".into();
        }
        let text = arguments.to_string();
        let id = format!("call_{n}");
        match self {
            Self::Messages => messages(
                &[
                    json!({"type": "content_block_start", "index": 0, "content_block":
                        {"type": "tool_use", "id": format!("toolu_{n}"), "name": name, "input": {}}}),
                    json!({"type": "content_block_delta", "index": 0, "delta":
                        {"type": "input_json_delta", "partial_json": text}}),
                ],
                "tool_use",
            ),
            Self::Responses => responses(json!({"type": "function_call", "id": format!("fc_{n}"),
                "call_id": id, "name": name, "arguments": text, "status": "completed"})),
            Self::Chat => crate::chat::calls(&[(&id, name, &text)]),
            Self::Gemini => gemini(json!({"functionCall": {"name": name, "args": arguments}})),
        }
    }

    fn say(self, text: &str) -> Act {
        match self {
            Self::Messages => messages(
                &[
                    json!({"type": "content_block_start", "index": 0,
                        "content_block": {"type": "text", "text": ""}}),
                    json!({"type": "content_block_delta", "index": 0,
                        "delta": {"type": "text_delta", "text": text}}),
                ],
                "end_turn",
            ),
            Self::Responses => {
                responses(json!({"type": "message", "id": "msg_1", "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}]}))
            }
            Self::Chat => crate::chat::says(text),
            Self::Gemini => gemini(json!({"text": text})),
        }
    }
}

fn named(events: &[Value]) -> Act {
    let pieces = events.iter().map(|value| {
        format!("event: {}\n{}", value["type"].as_str().unwrap_or_default(), event(value))
    });
    Act::Stream(pieces.collect(), Ending::Whole)
}

fn messages(block: &[Value], stop: &str) -> Act {
    let mut events = vec![json!({"type": "message_start", "message": {"id": "msg_1",
        "type": "message", "role": "assistant", "model": "scripted-1", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 1}}})];
    events.extend(block.iter().cloned());
    events.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
            "usage": {"output_tokens": 1}}),
        json!({"type": "message_stop"}),
    ]);
    named(&events)
}

fn responses(item: Value) -> Act {
    let response = |status: &str, output: Value| {
        json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status,
            "model": "scripted-1", "output": output,
            "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0}}})
    };
    named(&[
        json!({"type": "response.created", "sequence_number": 0,
            "response": response("in_progress", json!([]))}),
        json!({"type": "response.output_item.added", "sequence_number": 1, "output_index": 0,
            "item": item}),
        json!({"type": "response.output_item.done", "sequence_number": 2, "output_index": 0,
            "item": item}),
        json!({"type": "response.completed", "sequence_number": 3,
            "response": response("completed", json!([item]))}),
    ])
}

fn gemini(part: Value) -> Act {
    let value = json!({"candidates": [{"content": {"role": "model", "parts": [part]},
        "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}});
    Act::Stream(vec![event(&value)], Ending::Whole)
}

impl Endpoint {
    /// A model that takes one step of a list for each call that was answered in the conversation, and ends its
    /// turn after the last one.
    #[must_use]
    pub fn of_steps(steps: Vec<Step>) -> Self {
        Self::start(move |n, seen| step(&steps, n, seen))
    }
}

fn step(steps: &[Step], n: usize, seen: &Seen) -> Act {
    let Some(dialect) = Dialect::of(seen) else {
        return if seen.path.ends_with("/models") {
            json_answer(
                r#"{"object":"list","data":[{"id":"scripted-1","object":"model"}],"models":[]}"#,
            )
        } else if seen.path.ends_with("/count_tokens") {
            json_answer(r#"{"input_tokens":1}"#)
        } else if seen.method == "HEAD" {
            answer(200, "text/plain", "")
        } else {
            crate::fails(404, r#"{"error":{"message":"no such page"}}"#)
        };
    };
    let done = dialect.say("Done.");
    let Some(shell) = dialect.shell(&seen.body) else { return done };
    match steps.get(dialect.answered(&seen.body)) {
        Some(Step::Run(line)) => dialect.run(n, &shell, line),
        Some(Step::Say(text)) => dialect.say(text),
        None => done,
    }
}
