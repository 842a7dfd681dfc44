//! `federation`: found, show, end an epoch, leave, export.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AskingMember, FederationId, Hash, MemberId, PublicKey, Unit};

/// Arguments of `federation.create`. What is left out has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationCreate {
    /// Name of the federation.
    pub name: String,
    /// Ceiling on epsilon per unit and period, in millionths.
    #[serde(default = "four")]
    pub epsilon_micros: u64,
    /// Hours of an epoch; none: an epoch ends when the founder says so.
    #[serde(default)]
    pub epoch_hours: Option<u32>,
    /// Epochs in an accounting period.
    #[serde(default = "ninety")]
    pub epochs_per_period: u32,
    /// Epochs of a period in which lessons are released, from 0; none: epoch 6.
    #[serde(default)]
    pub lessons_at: Option<Vec<u32>>,
    /// Epochs of a period in which outcomes are released, from 0; none: twelve, evenly spread.
    #[serde(default)]
    pub outcomes_at: Option<Vec<u32>>,
    /// Epochs of a period in which votes are released, from 0; none: epoch 6.
    #[serde(default)]
    pub votes_at: Option<Vec<u32>>,
    /// Words of a task that may go with its lesson into a release, 0 to 2. They say what the lesson is about, and
    /// each weighs as much as a lesson.
    #[serde(default)]
    pub topic_words: u16,
    /// Windows of time that releases draw on, and when they are sent.
    #[serde(default)]
    pub windows: Windows,
    /// Units that a member's releases may protect; none: user and personal.
    #[serde(default)]
    pub units: Option<Vec<Unit>>,
    /// Cost releases; none: costs are not released.
    #[serde(default)]
    pub costs: Option<CostReleases>,
    /// True to leave the program's codebook off the ballot.
    #[serde(default)]
    pub without_codebook: bool,
    /// True to let skills with scripts spread.
    #[serde(default)]
    pub scripts: bool,
    /// Most members on the roster, 1 to 400; none: 200.
    #[serde(default)]
    pub members: Option<u32>,
    /// Voices that must vouch for a newcomer, 2 to 8; none: the inviter's is enough.
    #[serde(default)]
    pub vouches: Option<u32>,
}

/// The public times of releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// A window ends at a multiple of so many seconds since the Unix epoch: 1 to 86400.
    pub grid_seconds: u32,
    /// Least length of a window, and least time between two releases of a kind, in seconds: 1 to 2592000.
    pub least_seconds: u32,
    /// Seconds from the end of its window until a release is sent: 0 to 86400.
    pub send_after_seconds: u32,
}

impl Default for Windows {
    fn default() -> Self {
        Self { grid_seconds: 3_600, least_seconds: 86_400, send_after_seconds: 600 }
    }
}

const fn four() -> u64 {
    4_000_000
}

const fn ninety() -> u32 {
    90
}

/// Releases of what sessions cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostReleases {
    /// Epochs of a period in which costs are released, from 0.
    pub at: Vec<u32>,
    /// Most that one session adds to a sum, in the kind's unit; at least 1.
    pub bound: u16,
    /// Costs that are summed; at least one kind.
    pub kinds: Vec<CostKind>,
}

/// One kind of cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostKind {
    /// Measure of the cost.
    pub measure: Measure,
    /// Number of it that makes one unit of the sum; at least 1.
    pub per: u32,
}

/// Measure of a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Tokens that a session's model calls read and wrote.
    Tokens,
    /// Seconds that its tool calls took.
    Seconds,
    /// Its tool calls.
    Calls,
}

/// A federation that was founded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FederationCreated {
    /// Its id.
    pub federation: FederationId,
    /// Its name.
    pub name: String,
    /// Secret of the founder's recovery key, 64 hexadecimal digits; shown once and kept nowhere.
    pub recovery_secret: String,
}

/// Arguments of `federation.show`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationShow {
    /// Id, its beginning, or name; none: the only federation.
    #[serde(default)]
    pub federation: Option<String>,
}

/// Charter and members of a federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FederationShown {
    /// The federation.
    pub federation: FederationId,
    /// The charter's canonical text.
    pub charter: String,
    /// The charter in words, one sentence a rule.
    pub in_words: Vec<String>,
    /// The open epoch.
    pub epoch: u32,
    /// The roster, by member.
    pub members: Vec<Member>,
    /// Members that sign checkpoints.
    pub signers: Vec<MemberId>,
    /// Who asks to join: a member has vouched for each, and no checkpoint has admitted it.
    pub asking: Vec<AskingMember>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// Its id.
    pub member: MemberId,
    /// Its present key.
    pub key: PublicKey,
}

/// Arguments of `federation.checkpoint`: end the epoch, as its founder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationCheckpoint {
    /// Id, its beginning, or name; none: the only federation.
    #[serde(default)]
    pub federation: Option<String>,
}

/// An epoch that was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checkpoint {
    /// The federation.
    pub federation: FederationId,
    /// The epoch.
    pub epoch: u32,
    /// Chains that the checkpoint covers.
    pub chains: u64,
    /// Members on its roster.
    pub members: u64,
    /// True when the epoch is sealed; false while other signers have to agree.
    pub sealed: bool,
    /// Signers that have agreed so far, this one included.
    pub agreed: u64,
    /// Signers that have to agree.
    pub needed: u64,
}

/// Arguments of `federation.leave`: leave a federation for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationLeave {
    /// Id, its beginning, or name.
    pub federation: String,
    /// Why, for the other members; at most 256 bytes.
    #[serde(default)]
    pub reason: String,
}

/// A federation that was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FederationLeft {
    /// The federation.
    pub federation: FederationId,
    /// The epoch whose checkpoint takes this node off the roster.
    pub epoch: u32,
}

/// Arguments of `federation.revoke`: speak against a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationRevoke {
    /// Id, its beginning, or name.
    pub federation: String,
    /// The member's id or its beginning.
    pub member: String,
    /// Why, for the other members; at most 256 bytes.
    pub reason: String,
}

/// A word against a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberRevoked {
    /// The federation.
    pub federation: FederationId,
    /// The member.
    pub member: MemberId,
    /// Distinct voices against it that are known here, this one included.
    pub voices: u64,
    /// Voices that remove it at the next checkpoint, for ever.
    pub needed: u32,
}

/// Arguments of `federation.export_log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationExportLog {
    /// Id, its beginning, or name; none: the only federation.
    #[serde(default)]
    pub federation: Option<String>,
    /// Absolute path of the directory to write to.
    pub directory: PathBuf,
}

/// A log that was written as files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogExported {
    /// Directory of the log.
    pub directory: PathBuf,
    /// Deltas written.
    pub deltas: u64,
    /// Root of the library that they come to.
    pub root: Hash,
}

/// A federation's part of `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FederationStatus {
    /// The federation.
    pub federation: FederationId,
    /// Its name.
    pub name: String,
    /// This node's member id; none while it waits for a checkpoint, and when it was taken off the roster.
    pub member: Option<MemberId>,
    /// This node left or was removed: it publishes nothing here.
    pub former_member: bool,
    /// Members on the roster.
    pub members: u64,
    /// Members whose newest delta is of the open epoch or the one before.
    pub heard_from: u64,
    /// Distinct voices among its members: who vouched for keys of their own is one with them.
    pub voices: u64,
    /// Fewest voices that together hold half of the weight of evidence: what so many agree on is what the library
    /// says, true or not.
    pub voices_of_half: u64,
    /// The open epoch.
    pub epoch: u32,
    /// Root of the library, with what no checkpoint covers yet.
    pub root: Hash,
    /// Root of the part that checkpoints cover.
    pub sealed_root: Hash,
    /// Digest of the log: equal at two nodes that hold the same deltas.
    pub digest: Hash,
    /// Deltas in the log.
    pub deltas: u64,
    /// Deltas that wait for one they build on.
    pub waiting: u64,
    /// Their size, in bytes.
    pub waiting_bytes: u64,
    /// Skills in the library.
    pub skills: u64,
    /// Lessons in the library.
    pub lessons: u64,
    /// Lessons whose remedy stopped working: `lore lesson list --drifting` shows them.
    pub drifting_lessons: u64,
    /// Chains with two deltas at one height.
    pub forks: u64,
    /// Two checkpoints of one epoch are final: signing has stopped.
    pub split: bool,
    /// A sealed epoch of which chains are missing here.
    pub behind: Option<Behind>,
    /// Faults of members' chains, one sentence each.
    pub problems: Vec<String>,
    /// Epochs whose sealed library differs from the one computed here.
    pub disputed_epochs: Vec<u32>,
}

/// Missing part of a sealed epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// The epoch.
    pub epoch: u32,
    /// Chains of it that are not here yet.
    pub chains_missing: u64,
}
