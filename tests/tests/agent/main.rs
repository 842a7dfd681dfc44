//! `lore agent` as a process, against a scripted endpoint on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, missing_docs)]

mod bad_input;
mod budget;
mod cases;
mod desk;
mod end;
mod extract;
mod guide;
mod headless;
mod hints;
mod mcp;
mod outside;
mod prompt;
mod research;
mod session;
mod skills;
mod speed;
