#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lines;
mod schema;
mod socket;
