//! `status` and `stop`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    FederationStatus, Network, PendingLesson, PrivacyStatus, PublicKey, Retention, ShelfStatus,
};

/// Arguments of `status`: one screen about the node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {}

/// State of the node and of its federations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeStatus {
    /// The node's home directory.
    pub home: PathBuf,
    /// The node's public key.
    pub key: PublicKey,
    /// Federations of this node, by id.
    pub federations: Vec<FederationStatus>,
    /// Other devices of this node's users, with which own lessons are kept in step.
    pub devices: u64,
    /// Sessions stored here.
    pub sessions: u64,
    /// How long they are kept.
    pub retention: Retention,
    /// Spent and left.
    pub privacy: PrivacyStatus,
    /// Items of other members that agents may be given, and those that wait for a person.
    pub shelf: ShelfStatus,
    /// Lessons that a person agreed to publish and that are not signed yet, the next one first.
    pub pending_lessons: Vec<PendingLesson>,
    /// Why the node signs nothing before it synced with a member; none in normal operation.
    pub recovering: Option<Recovering>,
    /// Next step, as a sentence.
    pub next: String,
    /// Process id of the daemon; absent when the node is not running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<u32>,
    /// Connections; absent when the node is not running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

/// Why a store's own history cannot be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recovering {
    /// It was put back from a copy.
    Restored,
    /// It was damaged and made usable again.
    Repaired,
}

/// Arguments of `stop`: end the daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {}

/// The daemon is about to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stopping {
    /// Always true.
    pub stopping: bool,
}
