//! Everything that touches a model, a tool or a session.
//!
//! This room makes sessions (the task lab with its rule-based operator) and reads those that others
//! made. It must not know the store, the network or a user interface, and nothing here may put private
//! data into public bytes: that is the business of `lore-privacy`.

pub mod evolve;
pub mod extract;
mod http;
pub mod import;
pub mod lab;
#[cfg(feature = "local-llm")]
pub mod local;
pub mod model;
pub mod operator;
pub mod outside;
pub mod redact;
pub mod replay;
pub mod sandbox;
pub mod select;
pub mod session;
pub mod tool;
pub mod turn;
