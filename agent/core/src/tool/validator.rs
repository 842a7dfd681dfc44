//! A command that says whether a task is done.

use lore_protocol::trace::Outcome;
use serde_json::json;

use super::{Bash, Tool, ToolContext};
use lore_session::{SessionOutcome, Source};

/// Exit codes of a shell from this one on say that the command did not run or was ended by a signal.
const NOT_RUN: i32 = 126;

/// Judges work by a command of the user's, run in the sandbox like any other.
#[derive(Debug, Clone)]
pub struct Validator {
    bash: Bash,
    command: String,
}

/// The finding of a validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validated {
    /// Success when it exited with 0, failure when with another code; unknown when it crashed, ran out of
    /// time or could not run, which says nothing about the work.
    pub outcome: SessionOutcome,
    /// Its output, bounded as that of any command, and how it ended.
    pub text: String,
}

impl Validator {
    /// With a command that `bash` runs.
    #[must_use]
    pub fn new(bash: Bash, command: impl Into<String>) -> Self {
        Self { bash, command: command.into() }
    }

    /// Runs it where `context` says.
    pub async fn judge(&self, context: &ToolContext) -> Validated {
        let output = self.bash.call(json!({ "command": self.command }), context).await;
        let outcome = match output.exit_code {
            Some(0) => SessionOutcome::certain(Outcome::Success, Source::Validator),
            Some(code) if code < NOT_RUN => {
                SessionOutcome::certain(Outcome::Failure, Source::Validator)
            }
            _ => SessionOutcome::unknown(),
        };
        Validated { outcome, text: output.text }
    }
}
