//! Messages between the caller and the helper, one JSON object a line.

use serde::{Deserialize, Serialize};

use super::level::Level;
use super::policy::Policy;

/// The caller's order to the helper.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The policy.
    pub(super) policy: Policy,
    /// Program and arguments.
    pub(super) argv: Vec<String>,
}

/// A report of the helper.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// Everything is in force; the command begins.
    Ready(Level),
    /// The level is below the minimum; nothing ran.
    Refused { level: Level, why: String },
    /// The namespaces exist but give no right to mount (as some distributions configure it); nothing ran.
    NoRoot(String),
    /// Setting up failed; nothing ran.
    Failed(String),
    /// The command ended, or was ended.
    Ended(Ended),
}

/// The bound that a command overran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overrun {
    /// Resident memory.
    Memory,
    /// Number of processes.
    Processes,
    /// Disk space.
    Disk,
    /// Number of files.
    Files,
}

/// The way in which the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// With its tree, because the caller or a bound ended it.
    Killed,
}

/// The end of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Exit of the command itself.
    pub exit: Exit,
    /// The bound that ended it, if one did.
    pub overrun: Option<Overrun>,
}
