//! Answers of the server: whole completions, chunks, and the model's description.

use serde_json::{Value, json};

use super::super::{Ended, Generated};

/// The parts that are the same in all pieces of one answer.
#[derive(Debug, Clone)]
pub(super) struct Completion {
    /// Names the answer.
    pub(super) id: String,
    /// Unix seconds.
    pub(super) created: u64,
    /// The model's name.
    pub(super) model: String,
}

impl Completion {
    fn wrap(&self, object: &str, choices: &Value) -> Value {
        json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    /// A whole answer.
    pub(super) fn whole(&self, text: &str, generated: &Generated) -> Value {
        let message = json!({ "role": "assistant", "content": text });
        let choice =
            json!([{ "index": 0, "message": message, "finish_reason": finish(generated) }]);
        let mut value = self.wrap("chat.completion", &choice);
        value["usage"] = usage(generated);
        value["timings"] = timings(generated);
        value
    }

    /// The first piece of a stream: who speaks.
    pub(super) fn begins(&self) -> Value {
        self.chunk(&json!({ "role": "assistant", "content": "" }), &Value::Null)
    }

    /// A piece of text.
    pub(super) fn piece(&self, text: &str) -> Value {
        self.chunk(&json!({ "content": text }), &Value::Null)
    }

    /// The last piece with a choice: why it ended.
    pub(super) fn ends(&self, generated: &Generated) -> Value {
        self.chunk(&json!({}), &json!(finish(generated)))
    }

    /// The piece after the last: what it took.
    pub(super) fn used(&self, generated: &Generated) -> Value {
        let mut value = self.wrap("chat.completion.chunk", &json!([]));
        value["usage"] = usage(generated);
        value["timings"] = timings(generated);
        value
    }

    fn chunk(&self, delta: &Value, finish: &Value) -> Value {
        let choice = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        self.wrap("chat.completion.chunk", &choice)
    }
}

/// The list of the one model, with its window where llama.cpp has it.
pub(super) fn models(name: &str, window_tokens: u32) -> Value {
    let meta = json!({ "n_ctx": window_tokens });
    json!({
        "object": "list",
        "data": [{ "id": name, "object": "model", "owned_by": "local", "meta": meta }],
    })
}

const fn finish(generated: &Generated) -> &'static str {
    match generated.ended {
        Ended::Stop => "stop",
        // Nobody reads the end of what was cancelled.
        Ended::Length | Ended::Cancelled => "length",
    }
}

fn usage(generated: &Generated) -> Value {
    let (prompt, reply) = (generated.prompt_tokens, generated.reply_tokens);
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": reply,
        "total_tokens": u64::from(prompt) + u64::from(reply),
        "prompt_tokens_details": { "cached_tokens": generated.cached_tokens },
    })
}

/// Under llama.cpp's names; tokens that were known from before were not read.
fn timings(generated: &Generated) -> Value {
    json!({
        "prompt_n": generated.prompt_tokens.saturating_sub(generated.cached_tokens),
        "prompt_ms": generated.reading.as_secs_f64() * 1000.0,
        "predicted_n": generated.reply_tokens,
        "predicted_ms": generated.writing.as_secs_f64() * 1000.0,
    })
}
