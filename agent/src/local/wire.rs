//! OpenAI's chat completions, from the server's side: what is read and what is written.
//!
//! Source: the OpenAI API reference, "Create chat completion" and "The chat completion chunk object".

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::{Call, Finish, Message, ModelError, RawCall, Reply, Request, ToolResult};
use crate::tool::ToolSpec;

/// A request's body. Fields that are not understood are ignored, as every server does.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    messages: Vec<Said>,
    #[serde(default)]
    tools: Vec<Offered>,
    #[serde(alias = "max_completion_tokens")]
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    #[serde(default)]
    pub(super) stream: bool,
}

#[derive(Debug, Deserialize)]
struct Said {
    role: String,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    tool_calls: Vec<Called>,
    #[serde(default)]
    tool_call_id: String,
}

#[derive(Debug, Deserialize)]
struct Called {
    #[serde(default)]
    id: String,
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

#[derive(Debug, Deserialize)]
struct Offered {
    function: Signature,
}

#[derive(Debug, Deserialize)]
struct Signature {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Value,
}

impl Asked {
    /// As the loop asks; or what is wrong with it.
    pub(super) fn request(self) -> Result<Request, String> {
        let messages = self.messages.into_iter().map(|said| said.message().map(Arc::new));
        let temperature_milli = match self.temperature {
            None => None,
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Some(value) if (0.0..=2.0).contains(&value) => Some((value * 1000.0).round() as u16),
            Some(_) => return Err("temperature must be between 0 and 2".into()),
        };
        let tools = self.tools.into_iter().map(|tool| ToolSpec {
            name: tool.function.name,
            description: tool.function.description,
            parameters: tool.function.parameters,
        });
        Ok(Request {
            messages: messages.collect::<Result<_, _>>()?,
            tools: tools.collect(),
            max_output_tokens: self.max_tokens,
            temperature_milli,
            effort: None,
        })
    }
}

impl Said {
    fn message(self) -> Result<Message, String> {
        let text = text(&self.content)?;
        match self.role.as_str() {
            "system" | "developer" => Ok(Message::System { text }),
            "user" => Ok(Message::User { text }),
            "assistant" => {
                let calls = self.tool_calls.into_iter().map(|call| Call {
                    id: call.id,
                    tool: call.function.name,
                    arguments: match call.function.arguments {
                        Value::String(text) => {
                            serde_json::from_str(&text).unwrap_or(Value::String(text))
                        }
                        other => other,
                    },
                    unreadable: None,
                });
                Ok(Message::Assistant { text, calls: calls.collect(), opaque: Vec::new() })
            }
            "tool" => Ok(Message::Result(ToolResult {
                call: self.tool_call_id,
                tool: String::new(),
                text,
                is_error: false,
                exit_code: None,
                duration_ms: None,
            })),
            other => Err(format!("the role `{other}` is not known")),
        }
    }
}

/// A text, or the texts of a list of parts.
fn text(content: &Value) -> Result<String, String> {
    match content {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            let texts = parts.iter().map(|part| {
                part.get("text").and_then(Value::as_str).ok_or("only text parts are understood")
            });
            Ok(texts.collect::<Result<Vec<_>, _>>()?.concat())
        }
        _ => Err("`content` must be a text or a list of parts".into()),
    }
}

const fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Refused => "content_filter",
        Finish::Stop | Finish::Unknown => "stop",
    }
}

fn tool_calls(calls: &[RawCall]) -> Vec<Value> {
    let call = |(index, call): (usize, &RawCall)| {
        let id = if call.id.is_empty() { format!("call_{index}") } else { call.id.clone() };
        json!({
            "index": index,
            "id": id,
            "type": "function",
            "function": { "name": call.name, "arguments": call.arguments },
        })
    };
    calls.iter().enumerate().map(call).collect()
}

fn usage(reply: &Reply) -> Value {
    reply.usage.map_or(Value::Null, |usage| {
        json!({
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
        })
    })
}

/// A whole answer.
pub(super) fn whole(model: &str, reply: &Reply) -> Value {
    let mut message = json!({"role": "assistant", "content": reply.text});
    if !reply.calls.is_empty() {
        message["tool_calls"] = tool_calls(&reply.calls).into();
    }
    json!({
        "id": "chatcmpl-local",
        "object": "chat.completion",
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason(reply.finish)}],
        "usage": usage(reply),
    })
}

fn chunk(model: &str, choices: Value) -> Value {
    json!({
        "id": "chatcmpl-local",
        "object": "chat.completion.chunk",
        "model": model,
        "choices": choices,
    })
}

/// A piece of an answer.
pub(super) fn piece(model: &str, words: &str) -> Value {
    chunk(model, json!([{"index": 0, "delta": {"content": words}, "finish_reason": null}]))
}

/// What follows the words: calls, the reason of the end, and the count.
pub(super) fn last(model: &str, reply: &Reply) -> [Value; 2] {
    let mut delta = json!({});
    if !reply.calls.is_empty() {
        delta["tool_calls"] = tool_calls(&reply.calls).into();
    }
    let end = json!([{"index": 0, "delta": delta, "finish_reason": reason(reply.finish)}]);
    let mut count = chunk(model, json!([]));
    count["usage"] = usage(reply);
    [chunk(model, end), count]
}

/// A failure, with its status.
pub(super) fn failure(error: &ModelError) -> (u16, Value) {
    match error {
        ModelError::Overflow { used, window, message } => {
            let error = json!({
                "code": 400,
                "type": "exceed_context_size_error",
                "message": format!("the request exceeds the available context size: {message}"),
                "n_prompt_tokens": used,
                "n_ctx": window,
            });
            (400, json!({ "error": error }))
        }
        other => {
            let error = json!({"code": 500, "type": "server_error", "message": other.to_string()});
            (500, json!({ "error": error }))
        }
    }
}

/// A request that cannot be understood.
pub(super) fn bad(why: &str) -> Value {
    json!({"error": {"code": 400, "type": "invalid_request_error", "message": why}})
}
