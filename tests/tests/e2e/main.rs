//! Promises that only show between real processes. Each file is one promise of the README or of the
//! protocol; `lore_tests` is the harness.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod abuse;
mod amplification;
mod at_rest;
mod attacks;
mod consent;
mod crash;
mod demo;
mod devices;
mod eviction;
mod export;
mod federation;
mod floods;
mod gate;
mod guide;
mod heavy_import;
mod home_secrecy;
mod hooks;
mod hostile;
mod idle;
mod input;
mod isolation;
mod keepers;
mod lessons;
mod logs;
mod loop_lives;
mod mcp;
mod names;
mod neighbours;
mod output;
mod personal;
mod privacy;
mod release;
mod restore;
mod review;
mod select;
mod sessions;
mod simulations;
mod skills;
mod statement;
mod strangers;
mod vouching;
