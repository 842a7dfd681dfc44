//! Events that a turn tells while it runs: one JSON object a line with `--json`.

use lore_session::CallHint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{End, Spend};
use crate::model::{ControlKind, Usage};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The turn begins.
    Started {
        /// The session.
        session: String,
        /// The model.
        model: String,
        /// Tokens of its window.
        window_tokens: u64,
    },
    /// Parts that the sandbox of commands enforces on this machine.
    Sandbox {
        /// In words.
        level: String,
    },
    /// Skills were put before the model.
    Skills {
        /// Their names, the best one first.
        names: Vec<String>,
        /// Names of those that were left out, since nobody agreed to what they ask for.
        left_out: Vec<String>,
    },
    /// The model is asked.
    Asking {
        /// Number of the call within the turn, from 1.
        call: u64,
        /// Purpose of the call.
        purpose: Purpose,
        /// Tokens of the request, estimated.
        tokens: u64,
    },
    /// Words of the model as they come. After `retry` the words since the last `asking` are void.
    Text {
        /// The piece.
        text: String,
    },
    /// Reasoning of the model as it comes.
    Reasoning {
        /// The piece.
        text: String,
    },
    /// The model answered, or wrote a summary.
    Answered {
        /// Tokens charged.
        usage: Usage,
        /// True when they are estimated.
        estimated: bool,
        /// Calls it asks for.
        calls: u64,
    },
    /// A call failed and is tried again.
    Retry {
        /// Class of the error.
        class: String,
        /// Message of the error.
        message: String,
        /// Time that is waited, in milliseconds.
        wait_ms: u64,
    },
    /// A tool is called.
    Calling {
        /// Id of the call.
        call: String,
        /// The tool.
        tool: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A person is asked for leave; the answer follows as `called` or `refused`.
    Permission {
        /// Id of the call; empty for a question about the whole turn.
        call: String,
        /// Question that is asked.
        question: String,
    },
    /// A call was not allowed or not possible, and the model was told why.
    Refused {
        /// Id of the call.
        call: String,
        /// Why.
        reason: String,
    },
    /// A tool answered.
    Called {
        /// Id of the call.
        call: String,
        /// True when it failed.
        is_error: bool,
        /// Exit code of a command.
        exit_code: Option<i32>,
        /// Time it ran, in milliseconds.
        duration_ms: u64,
        /// Text that the model reads.
        text: String,
    },
    /// A hint was put behind the result of the call that was just told of.
    Hinted {
        /// Id of the call.
        call: String,
        /// The hint.
        hint: CallHint,
    },
    /// The conversation was made smaller.
    Compacted {
        /// Tokens before, estimated.
        before: u64,
        /// Tokens after.
        after: u64,
        /// True when a model wrote the summary.
        by_model: bool,
    },
    /// The loop said something to the model.
    Control {
        /// Why.
        kind: ControlKind,
        /// The text.
        text: String,
    },
    /// Still at it.
    Heartbeat {
        /// Seconds since the current call began.
        seconds: u64,
        /// Used so far.
        spend: Spend,
    },
    /// The turn ended.
    Ended {
        /// The way in which it ended.
        end: End,
        /// Used in all.
        spend: Spend,
    },
}

/// Purpose of a model call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The task.
    Work,
    /// A summary.
    Summary,
}
