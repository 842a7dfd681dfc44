//! A plain record of one session's tool calls, as the miner reads it.
//!
//! This is *private* data whenever it comes from a real session; `lore-privacy` wraps it. The type
//! itself is plain so that the simulator can feed crafted traces to the same miner.

/// End of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A validator, a person or a rule said that the task was done.
    Success,
    /// A validator, a person or a rule said that it was not.
    Failure,
    /// Nobody said; not counted.
    Unknown,
}

/// One tool call with its result.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Call {
    /// The tool as the harness names it (`bash`, `Read`, `http_get`, ...).
    pub tool: String,
    /// The command line for a shell tool, else the canonical JSON of the arguments.
    pub input: String,
    /// Output of the call: standard output and error, or the tool's result.
    pub output: String,
    /// Exit status for a shell tool, when known.
    pub exit: Option<i32>,
    /// True when the harness or the tool flagged the call as failed.
    pub failed: bool,
}

/// One session, reduced to what the miner may look at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Trace {
    /// The user's task, in their words.
    pub task: String,
    /// The calls in order.
    pub calls: Vec<Call>,
    /// Its outcome.
    pub outcome: Outcome,
}
