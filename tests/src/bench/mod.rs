//! Benchmarks: what a node does, beside a control arm in the same run.

pub mod clock;
pub mod federation;
pub mod hint;
pub mod home;
pub mod hook;
pub mod import;
pub mod ingest;
pub mod ledger;
pub mod release;
pub mod replication;
pub mod scale;

use serde_json::{Value, json};

/// A bar that was set for a figure, and whether it is met.
#[must_use]
pub fn bar(value: f64, most: f64) -> Value {
    json!({ "most": most, "met": value <= most })
}
