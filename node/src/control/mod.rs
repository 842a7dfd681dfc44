//! The control socket: how a verb asks a running daemon.
//!
//! A Unix socket of mode 0600. The client sends one line, `{"version":1,"verb":..,"args":..}`, and
//! reads any number of `{"progress":..}` lines and one last line, `{"ok":..}` or `{"error":..}`.
//! One request a connection.

mod client;
mod server;
mod wire;

#[cfg(test)]
mod tests;

pub use client::{call, call_blocking};
pub use server::{Handler, Progress, Server};
pub use wire::{LINE_BYTES, Request, VERSION};
