//! Tools that need the outside world, against a server of the tests' own on loopback, whose answers are
//! written after the documentation of the real services.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod commits;
mod failures;
mod github;
mod hub;
mod jobs;
mod papers;
mod policy;
mod redirects;
mod settings;
mod support;
mod web;
