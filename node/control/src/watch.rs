//! `session.watch`: follow the directories of a user's agents.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Arguments of `session.watch`: turn it on or off, or look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionWatch {
    /// User of the sessions.
    pub user: String,
    /// What to change.
    pub set: WatchSetting,
}

/// A change of what is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchSetting {
    /// Change nothing.
    Keep,
    /// Follow the agents' directories below this home.
    On {
        /// Absolute path of the user's home directory.
        home: PathBuf,
    },
    /// Follow nothing any more. Imported sessions stay.
    Off,
}

/// What is followed for a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Watching {
    /// User of the sessions.
    pub user: String,
    /// Whether the user turned it on. A running node then imports what is new.
    pub on: bool,
    /// Directories that are followed.
    pub directories: Vec<WatchedDirectory>,
    /// End of the last pass over them, as RFC 3339 in UTC.
    pub last_pass: Option<String>,
    /// Sessions that were imported so, since it was turned on.
    pub imported: u64,
    /// Times that a session brought more turns.
    pub grown: u64,
    /// Files that may hold sessions, in the last pass.
    pub files: u64,
    /// Files that are still being written, in the last pass.
    pub waiting: u64,
    /// Files in which no session could be read, since it was turned on.
    pub unread: u64,
    /// The last of them, with the reason.
    pub notes: Vec<String>,
}

/// A directory of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchedDirectory {
    /// The agent.
    pub harness: String,
    /// The directory.
    pub directory: PathBuf,
    /// Whether it is there.
    pub is_there: bool,
}
