//! Select: how well it finds skills, and that it stays within its bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod bounds;
mod growth;
mod quality;
