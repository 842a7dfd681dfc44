//! The request to a model.

use std::sync::Arc;

use super::Message;
use crate::tool::ToolSpec;

/// One request. Messages are shared, so that a long history is not copied for every call.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The conversation, oldest first.
    pub messages: Vec<Arc<Message>>,
    /// The tools that may be called.
    pub tools: Arc<[ToolSpec]>,
    /// Most tokens to write; the endpoint's default when none (Anthropic: 8192, it needs a number).
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature, in thousandths; the endpoint's default when none.
    pub temperature_milli: Option<u16>,
    /// The reasoning effort, for models that know one.
    pub effort: Option<Effort>,
}

/// Reasoning effort before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Little.
    Low,
    /// The middle.
    Medium,
    /// Much.
    High,
}

impl Effort {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The effort of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|effort| effort.name() == name)
    }
}
