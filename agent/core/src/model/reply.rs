//! The reply of a model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most calls in one reply; a stream that asks for more is not a reply.
pub(super) const MAX_CALLS: usize = 128;

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// The calls that the model asks for.
    pub calls: Vec<RawCall>,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens, when the endpoint says so.
    pub usage: Option<Usage>,
    /// The model that answered, when the endpoint says so.
    pub model: Option<String>,
    /// Blocks that must come back unchanged.
    pub opaque: Vec<Value>,
}

/// A call as it came: nothing about it is known to be well-formed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RawCall {
    /// Id; empty when the endpoint gave none.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as text, usually JSON; an object sent as such is written out.
    pub arguments: String,
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// It wants tools to be called.
    Calls,
    /// The output limit cut it.
    Length,
    /// The provider or the model refused.
    Refused,
    /// Not said, or something else.
    #[default]
    Unknown,
}

/// Tokens of one call, as the endpoint counts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, PartialOrd, Ord,
)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input: u64,
    /// Of those, read from a cache.
    pub cached: u64,
    /// Tokens written.
    pub output: u64,
}

/// A piece of a reply as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delta<'a> {
    /// Words.
    Text(&'a str),
    /// Reasoning that the endpoint shows.
    Reasoning(&'a str),
    /// A call begins; its arguments follow in the whole reply.
    CallStarted(&'a str),
}

/// Tokens of a number in a JSON body; floats, negatives and texts count as absent.
pub(super) fn tokens(value: Option<&Value>) -> Option<u64> {
    value?.as_u64()
}

/// Arguments as text: a text as it is, an object written out, null or absent as nothing.
pub(super) fn arguments_text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
