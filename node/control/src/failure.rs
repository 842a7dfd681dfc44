//! One clear error: what happened, what to do, and the exit code.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The exit code of the process, beside 0 for done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Exit {
    /// 1: it was tried and failed.
    Failed,
    /// 2: the command or its input cannot be right.
    Usage,
    /// 3: a policy (privacy budget, quarantine, charter) says no.
    Refused,
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
        }
    }
}

impl TryFrom<u8> for Exit {
    type Error = String;

    fn try_from(code: u8) -> Result<Self, String> {
        match code {
            1 => Ok(Self::Failed),
            2 => Ok(Self::Usage),
            3 => Ok(Self::Refused),
            other => Err(format!("{other} is not an exit code of lore: it must be 1, 2 or 3")),
        }
    }
}

impl JsonSchema for Exit {
    fn schema_name() -> Cow<'static, str> {
        "Exit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The exit code: 1 failed, 2 usage, 3 refused by a policy.",
            "enum": [1, 2, 3],
        })
    }
}

/// An error as the daemon reports it and `--json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// A stable word for programs, such as `port_in_use`.
    pub kind: String,
    /// The problem, naming the thing.
    pub message: String,
    /// The advice; empty when the message says it.
    pub help: String,
    /// The exit code.
    pub exit: Exit,
}

impl Failure {
    /// Something was tried and failed.
    #[must_use]
    pub fn failed(kind: &str, message: impl fmt::Display) -> Self {
        Self::new(kind, message, Exit::Failed)
    }

    /// The input cannot be right.
    #[must_use]
    pub fn usage(kind: &str, message: impl fmt::Display) -> Self {
        Self::new(kind, message, Exit::Usage)
    }

    fn new(kind: &str, message: impl fmt::Display, exit: Exit) -> Self {
        Self { kind: kind.into(), message: message.to_string(), help: String::new(), exit }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = help.to_string();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
