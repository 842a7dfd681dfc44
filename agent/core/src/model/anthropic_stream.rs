//! Anthropic Messages: what comes back.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::Decoder;
use super::reply::{MAX_CALLS, arguments_text, tokens};
use super::{Delta, Finish, ModelError, RawCall, Reply, Usage};

/// A reply so far.
#[derive(Debug, Default)]
pub(super) struct AnthropicStream {
    blocks: BTreeMap<u64, Block>,
    finish: Finish,
    usage: Option<Usage>,
    model: Option<String>,
    stopped: bool,
}

#[derive(Debug)]
enum Block {
    Text(String),
    Call(RawCall),
    /// Thinking, whose signature has to come back with its text; others as they came.
    Opaque(Value),
}

impl AnthropicStream {
    fn start(
        &mut self,
        index: u64,
        block: &Value,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<(), ModelError> {
        if self.blocks.len() >= MAX_CALLS {
            return Err(ModelError::malformed(format!("more than {MAX_CALLS} blocks")));
        }
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        let block = match text("type") {
            "text" => {
                if !text("text").is_empty() {
                    sink(Delta::Text(text("text")));
                }
                Block::Text(text("text").to_owned())
            }
            "tool_use" => {
                sink(Delta::CallStarted(text("name")));
                // `{}` stands here when the arguments follow in pieces.
                let input = block
                    .get("input")
                    .filter(|input| input.as_object().is_none_or(|fields| !fields.is_empty()));
                Block::Call(RawCall {
                    id: text("id").to_owned(),
                    name: text("name").to_owned(),
                    arguments: arguments_text(input),
                })
            }
            // Only an object can take what follows.
            _ if block.is_object() => Block::Opaque(block.clone()),
            _ => return Err(ModelError::malformed("a block that is not an object")),
        };
        self.blocks.insert(index, block);
        Ok(())
    }

    fn delta(
        &mut self,
        index: u64,
        delta: &Value,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<(), ModelError> {
        let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        let block = self
            .blocks
            .get_mut(&index)
            .ok_or_else(|| ModelError::malformed("a delta of a block that never began"))?;
        match (text("type"), block) {
            ("text_delta", Block::Text(whole)) => {
                whole.push_str(text("text"));
                sink(Delta::Text(text("text")));
            }
            ("input_json_delta", Block::Call(call)) => {
                call.arguments.push_str(text("partial_json"));
            }
            ("thinking_delta", Block::Opaque(block)) => {
                sink(Delta::Reasoning(text("thinking")));
                append(block, "thinking", text("thinking"));
            }
            ("signature_delta", Block::Opaque(block)) => {
                append(block, "signature", text("signature"));
            }
            // Citations and kinds to come carry nothing that the loop uses.
            _ => {}
        }
        Ok(())
    }

    fn usage(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage else {
            return;
        };
        let known = self.usage.unwrap_or_default();
        let field = |name: &str| tokens(usage.get(name));
        let read = field("cache_read_input_tokens");
        let input = field("input_tokens").map(|fresh| {
            fresh + read.unwrap_or(0) + field("cache_creation_input_tokens").unwrap_or(0)
        });
        self.usage = Some(Usage {
            // The last event repeats the input, or leaves it out, or says 0.
            input: input.filter(|&input| input > 0).unwrap_or(known.input),
            cached: read.unwrap_or(known.cached),
            output: field("output_tokens").unwrap_or(known.output),
        });
    }

    fn stop_reason(&mut self, value: Option<&Value>) {
        if let Some(reason) = value.and_then(Value::as_str) {
            self.finish = match reason {
                "end_turn" | "stop_sequence" => Finish::Stop,
                "tool_use" => Finish::Calls,
                "max_tokens" | "model_context_window_exceeded" => Finish::Length,
                "refusal" => Finish::Refused,
                _ => Finish::Unknown,
            };
        }
    }

    fn model(&mut self, message: &Value) {
        self.model = message.get("model").and_then(Value::as_str).map(str::to_owned);
    }

    fn into_reply(self) -> Reply {
        let mut reply = Reply {
            finish: self.finish,
            usage: self.usage.filter(|usage| *usage != Usage::default()),
            model: self.model,
            ..Reply::default()
        };
        for block in self.blocks.into_values() {
            match block {
                Block::Text(text) => reply.text.push_str(&text),
                Block::Call(call) => reply.calls.push(call),
                Block::Opaque(value) => reply.opaque.push(value),
            }
        }
        reply
    }
}

fn append(block: &mut Value, name: &str, more: &str) {
    match block.get_mut(name) {
        Some(Value::String(whole)) => whole.push_str(more),
        _ => block[name] = Value::from(more),
    }
}

impl Decoder for AnthropicStream {
    fn event(
        &mut self,
        data: &str,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<(), ModelError> {
        let value: Value = serde_json::from_str(data).map_err(|error| {
            ModelError::malformed(format!("an event that is not JSON: {error}"))
        })?;
        let part = |name: &str| value.get(name).unwrap_or(&Value::Null);
        let index = part("index").as_u64().unwrap_or(0);
        match part("type").as_str().unwrap_or_default() {
            "message_start" => {
                let message = part("message");
                self.model(message);
                self.usage(message.get("usage"));
            }
            "content_block_start" => self.start(index, part("content_block"), sink)?,
            "content_block_delta" => self.delta(index, part("delta"), sink)?,
            "message_delta" => {
                self.usage(value.get("usage"));
                self.stop_reason(part("delta").get("stop_reason"));
            }
            "message_stop" => self.stopped = true,
            // `ping`, `content_block_stop`, and kinds to come, which the protocol says to ignore.
            _ => {}
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.stopped
    }

    fn finish(self) -> Result<Reply, ModelError> {
        if !self.stopped {
            return Err(ModelError::cut("the stream ended without `message_stop`"));
        }
        Ok(self.into_reply())
    }

    fn whole(
        mut self,
        body: &str,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<Reply, ModelError> {
        let value: Value = serde_json::from_str(body)
            .map_err(|error| ModelError::malformed(format!("a body that is not JSON: {error}")))?;
        let blocks = value.get("content").and_then(Value::as_array);
        let blocks = blocks.ok_or_else(|| ModelError::malformed("an answer without `content`"))?;
        for (index, block) in blocks.iter().enumerate() {
            self.start(index as u64, block, sink)?;
        }
        self.model(&value);
        self.usage(value.get("usage"));
        self.stop_reason(value.get("stop_reason"));
        Ok(self.into_reply())
    }
}
