//! Models behind an endpoint: OpenAI-compatible chat completions and Anthropic Messages, streamed.
//!
//! [`Model`] is what the loop knows; [`HttpModel`] is the one that speaks HTTP. An endpoint is not
//! trusted: it may hang, break off, send errors with status 200, send gigabytes or lie about tokens.
//! Every such case is a classified [`ModelError`], within a bounded time and a bounded memory. A model
//! call is one attempt; who retries, and how often, is decided by `turn`, which has the budget.

mod anthropic;
mod anthropic_stream;
mod body;
mod chat;
mod chat_stream;
mod classify;
mod client;
mod endpoint;
mod error;
mod message;
mod probe;
mod reply;
mod request;
mod retry;
mod sse;

pub use classify::retry_after;
pub use client::{HttpModel, Model, ModelFuture, http_client};
pub use endpoint::{Dialect, Endpoint, EndpointError, Patience};
pub use error::ModelError;
pub use message::{Call, ControlKind, Message, ToolResult};
pub use probe::{Abilities, probe, window};
pub use reply::{Delta, Finish, RawCall, Reply, Usage};
pub use request::{Effort, Request};
pub use retry::Retries;
pub(crate) use retry::random;
pub use sse::Sse;
