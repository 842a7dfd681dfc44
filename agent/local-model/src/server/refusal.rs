//! Why a request is not answered, in the form in which llama.cpp says it.

use serde_json::{Value, json};

use super::super::LocalError;

/// An error answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) status: u16,
    kind: &'static str,
    message: String,
    /// Further fields.
    more: Vec<(&'static str, u32)>,
}

impl Refusal {
    /// With a status, a kind as clients know it, and words.
    pub(super) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), more: Vec::new() }
    }

    /// A request that is wrong or asks for what is not served.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// The body.
    pub(super) fn body(&self) -> Value {
        let mut error = json!({ "code": self.status, "message": self.message, "type": self.kind });
        for (name, number) in &self.more {
            error[*name] = json!(number);
        }
        json!({ "error": error })
    }
}

impl From<&LocalError> for Refusal {
    fn from(error: &LocalError) -> Self {
        match *error {
            LocalError::TooLong { prompt_tokens, window_tokens } => Self {
                more: vec![("n_prompt_tokens", prompt_tokens), ("n_ctx", window_tokens)],
                ..Self::new(400, "exceed_context_size_error", error.to_string())
            },
            _ => Self::new(500, "server_error", error.to_string()),
        }
    }
}
