//! A scripted HTTP server on loopback: it answers what a test says, also what no honest server would.
//!
//! A test gives a function from a request, [`Seen`], to what is done about it, [`Act`]; [`chat`] has the
//! replies of a model. It must not know a room of the product: every room's tests may depend on it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test harness fails by panicking")]

mod act;
pub mod agents;
pub mod chat;
mod request;
mod server;

pub use act::{Act, Answer, Ending, answer, fails, json};
pub use request::Seen;
pub use server::Endpoint;
