//! `session.forget` and retention: how stored sessions end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Arguments of `session.forget`: delete stored sessions of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionForget {
    /// User of the sessions. Nobody else's are touched.
    pub user: String,
    /// Sessions to delete.
    pub which: WhichSessions,
    /// Count them, and delete nothing.
    #[serde(default)]
    pub preview: bool,
}

/// Choice of stored sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhichSessions {
    /// Sessions by id.
    Ids(Vec<String>),
    /// Sessions that began before this time, in seconds since the Unix epoch.
    BeforeSeconds(u64),
    /// All sessions.
    All,
}

/// Result of deleting sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionsForgotten {
    /// True when this is a count, and nothing was deleted.
    pub preview: bool,
    /// Sessions that were deleted, or would be.
    pub forgotten: u64,
    /// Sessions that were named and are not here.
    pub not_here: u64,
    /// Sessions of this user that are left.
    pub left: u64,
    /// Start of the oldest of them, as RFC 3339 in UTC.
    pub oldest: Option<String>,
    /// Start of the newest of them, likewise.
    pub newest: Option<String>,
    /// What deleting cannot reach, one sentence each.
    pub stays: Vec<String>,
}

/// How long sessions are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retention {
    /// Days from the time when a session came here; null: for ever.
    pub keep_days: Option<u32>,
    /// Time when the next session is due to be deleted, as RFC 3339 in UTC; null when none is.
    pub next_due: Option<String>,
    /// Sessions that are past their time and are kept until a release that may draw on them was made.
    pub awaiting_release: u64,
}
