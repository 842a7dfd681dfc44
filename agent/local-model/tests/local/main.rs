//! The model in this process: its server, by a scripted generator, and the real one where its file is.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod client;
mod http;
mod real;
mod support;
