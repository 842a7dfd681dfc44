//! End-to-end tests: real `lore` processes on loopback, each with its own home, store and key.
//!
//! The harness knows the program by its command line, and the network by what a peer can send. It
//! waits on conditions, never for a time. Tests of one room's rules live in that room; here is what
//! only shows between processes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test harness fails by panicking")]

pub mod bench;
pub mod binary;
pub mod clock;
pub mod console;
pub mod files;
pub mod flood;
pub mod guild;
pub mod log;
pub mod member;
pub mod needles;
pub mod node;
pub mod observed;
pub mod peer;
pub mod played;
pub mod pty;
mod publish;
pub mod sessions;
mod shelf;
pub mod wait;

pub use node::{Cluster, Node, Ran};
