//! OpenAI-compatible chat completions: what comes back.
//!
//! Servers differ: the chunk with `usage` has empty `choices` (llama.cpp, OpenAI) or full ones;
//! calls come in pieces with an `index`, without one, or all with index 0 and ids of their own (Ollama);
//! arguments are a text or an object; `finish_reason` may be missing or wrong; `[DONE]` may be missing.

use serde_json::Value;

use super::client::Decoder;
use super::reply::{MAX_CALLS, arguments_text, tokens};
use super::{Delta, Finish, ModelError, RawCall, Reply, Usage};

/// A reply so far.
#[derive(Debug, Default)]
pub(super) struct ChatStream {
    reply: Reply,
    /// The index that the endpoint gave each call.
    indices: Vec<Option<u64>>,
    finished: bool,
    done: bool,
}

impl ChatStream {
    fn chunk(
        &mut self,
        value: &Value,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<(), ModelError> {
        if let Some(usage) = value.get("usage").filter(|usage| usage.is_object()) {
            self.reply.usage = usage_of(usage).or(self.reply.usage);
        }
        if self.reply.model.is_none() {
            self.reply.model = value.get("model").and_then(Value::as_str).map(str::to_owned);
        }
        // The first choice only: more are never asked for.
        let Some(choice) = value.pointer("/choices/0") else {
            return Ok(());
        };
        let message = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Value::Null);
        let text_of = |name: &str| message.get(name).and_then(Value::as_str);
        let reasoning = text_of("reasoning_content").or_else(|| text_of("reasoning"));
        if let Some(text) = reasoning.filter(|text| !text.is_empty()) {
            sink(Delta::Reasoning(text));
        }
        if let Some(text) = text_of("content").filter(|text| !text.is_empty()) {
            self.reply.text.push_str(text);
            sink(Delta::Text(text));
        }
        if let Some(calls) = message.get("tool_calls").and_then(Value::as_array) {
            for call in calls {
                self.call(call, sink)?;
            }
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            if reason == "error" {
                return Err(ModelError::cut("the provider broke off (finish_reason error)"));
            }
            self.reply.finish = finish_of(reason);
            self.finished = true;
        }
        Ok(())
    }

    fn call(
        &mut self,
        piece: &Value,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<(), ModelError> {
        let index = piece.get("index").and_then(Value::as_u64);
        let id = piece.get("id").and_then(Value::as_str).unwrap_or_default();
        let function = piece.get("function").unwrap_or(&Value::Null);
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        let known = match index {
            Some(_) => self.indices.iter().rposition(|known| *known == index),
            None => self.indices.len().checked_sub(1),
        };
        // The same index with another id and its own name is another call.
        let continued = known.filter(|&at| {
            let known = &self.reply.calls[at];
            let other_id = !id.is_empty() && !known.id.is_empty() && id != known.id;
            let new_without_index = index.is_none() && !name.is_empty() && !known.name.is_empty();
            !other_id && !new_without_index
        });
        let at = match continued {
            Some(at) => at,
            None if self.reply.calls.len() >= MAX_CALLS => {
                return Err(ModelError::malformed(format!("more than {MAX_CALLS} calls")));
            }
            None => {
                self.reply.calls.push(RawCall::default());
                self.indices.push(index);
                sink(Delta::CallStarted(name));
                self.reply.calls.len() - 1
            }
        };
        let call = &mut self.reply.calls[at];
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        // Some servers repeat the whole name with every piece, none sends it in pieces.
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        call.arguments.push_str(&arguments_text(function.get("arguments")));
        Ok(())
    }
}

impl Decoder for ChatStream {
    fn event(
        &mut self,
        data: &str,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<(), ModelError> {
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let value: Value = serde_json::from_str(data).map_err(|error| {
            ModelError::malformed(format!("an event that is not JSON: {error}"))
        })?;
        self.chunk(&value, sink)
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn finish(self) -> Result<Reply, ModelError> {
        if !self.finished && !self.done {
            return Err(ModelError::cut("the stream ended without its end"));
        }
        Ok(self.reply)
    }

    fn whole(
        mut self,
        body: &str,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<Reply, ModelError> {
        let value: Value = serde_json::from_str(body)
            .map_err(|error| ModelError::malformed(format!("a body that is not JSON: {error}")))?;
        if value.pointer("/choices/0").is_none() {
            return Err(ModelError::malformed("an answer without `choices`"));
        }
        self.chunk(&value, sink)?;
        Ok(self.reply)
    }
}

fn finish_of(reason: &str) -> Finish {
    match reason {
        "stop" | "eos" | "end_turn" => Finish::Stop,
        "tool_calls" | "function_call" => Finish::Calls,
        "length" | "max_tokens" => Finish::Length,
        "content_filter" | "refusal" => Finish::Refused,
        _ => Finish::Unknown,
    }
}

fn usage_of(usage: &Value) -> Option<Usage> {
    let cached = usage.pointer("/prompt_tokens_details/cached_tokens");
    Some(Usage {
        input: tokens(usage.get("prompt_tokens"))?,
        cached: tokens(cached).unwrap_or(0),
        output: tokens(usage.get("completion_tokens")).unwrap_or(0),
    })
}
