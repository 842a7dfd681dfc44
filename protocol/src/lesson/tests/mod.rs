//! The lesson room, promise by promise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cost;
mod errors;
mod grammar;
mod laws;
mod miner;
mod proposals;
mod template;
mod values;

use crate::trace::{Call, Outcome, Trace};

/// A shell call.
pub(super) fn call(input: &str, exit: i32, output: &str) -> Call {
    Call {
        tool: "bash".into(),
        input: input.into(),
        output: output.into(),
        exit: Some(exit),
        failed: exit != 0,
    }
}

/// A session that ended well.
pub(super) fn solved(task: &str, calls: Vec<Call>) -> Trace {
    Trace { task: task.into(), calls, outcome: Outcome::Success }
}
