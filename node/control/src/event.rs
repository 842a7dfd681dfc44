//! Events that a verb sends while it works.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// `session.import` finished reading a file or a chunk of sessions.
    Import(ImportProgress),
}

/// Progress of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportProgress {
    /// Files read so far.
    pub files_done: u64,
    /// Files in all.
    pub files: u64,
    /// Sessions stored so far, those that were here already included.
    pub sessions: u64,
}
