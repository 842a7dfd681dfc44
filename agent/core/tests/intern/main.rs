//! The intern agent against a scripted endpoint.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod hints;
mod model;
mod overhead;
mod real;
mod research;
mod servers;
mod support;
mod turn;
