//! The lines of `lore agent --json`, as their schema is published.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Spend};

/// The result of a task: the last line, when it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finished {
    /// The session, for `--resume` and `--fork`.
    pub session: String,
    /// The model's answer.
    pub text: String,
    /// The amounts used.
    pub spend: Spend,
    /// Calls that the policy or a person refused.
    pub refused: u64,
    /// Skills that were put before the model, by name.
    pub skills: Vec<String>,
    /// Name of the private session that it became on this node; none when it could not be stored, which
    /// is then said on stderr.
    pub stored: Option<String>,
}

/// Why a task was not done: the last line in that case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    /// The error.
    pub error: Failure,
}

/// An error of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// A stable word.
    pub kind: String,
    /// The error's message.
    pub message: String,
    /// The advice for the reader; may be empty.
    pub help: String,
    /// The exit code: 1 failed, 2 cannot be right, 3 refused by a policy or a bound.
    pub exit: u8,
}

/// One line: events, then one result or one error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
// One line at a time is alive.
#[allow(clippy::large_enum_variant)]
pub enum Line {
    /// Something that happened.
    Event(Event),
    /// The result.
    Finished(Finished),
    /// The error.
    Failed(Failed),
}

/// The JSON Schema of [`Line`].
#[must_use]
pub fn line_schema_json() -> String {
    let schema = schemars::schema_for!(Line);
    // SAFETY: a schema is a JSON value.
    #[allow(clippy::expect_used)]
    let mut text = serde_json::to_string_pretty(&schema).expect("schemas serialise");
    text.push('\n');
    text
}
