//! A person's approval of releases, the deny-list, and the check of the ledger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Cost, DueRelease, FederationId, Hash, LessonKey};

/// Arguments of `privacy.preview`: exact payloads that wait for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyPreview {}

/// Releases that wait for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GatePreview {
    /// The warning that a person must read before looking, as a sentence.
    pub fixed: String,
    /// The setting of the gate for lesson releases.
    pub gate: GateSetting,
    /// The releases that wait.
    pub waiting: Vec<HeldRelease>,
    /// Releases that are still to come.
    pub due: Vec<DueRelease>,
}

/// The gate's setting from config.toml: lesson releases wait for a person or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum GateSetting {
    /// The configuration says so.
    Known {
        /// True when they wait.
        ask: bool,
        /// The wait in seconds; null when they do not wait.
        deadline_seconds: Option<u64>,
    },
    /// The configuration cannot be read.
    Unreadable {
        /// Why.
        problem: String,
    },
}

/// One release that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldRelease {
    /// The release.
    pub release: Hash,
    /// Its federation.
    pub federation: FederationId,
    /// Name of the federation; null when this node does not know it any more.
    pub name: Option<String>,
    /// When it opens, in seconds since the Unix epoch.
    pub deadline_seconds: u64,
    /// Seconds until then.
    pub seconds_left: u64,
    /// The answer so far, as a sentence.
    pub answer: String,
    /// Its keys.
    pub keys: Vec<GateKey>,
    /// Size of what goes out, in bytes; null before an answer.
    pub payload_bytes: Option<u64>,
    /// BLAKE3 hash of what goes out, likewise.
    pub payload_hash: Option<Hash>,
    /// The payload that goes out, in hexadecimal, likewise.
    pub payload: Option<String>,
}

/// One key of a release that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GateKey {
    /// Id, for `lore privacy gate`.
    pub id: Hash,
    /// The key in words.
    pub text: String,
    /// The key.
    pub key: LessonKey,
    /// Its noisy support.
    pub noisy_support: i64,
    /// True when it goes out; null before an answer.
    pub kept: Option<bool>,
}

/// Arguments of `privacy.gate`: decide about a release that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyGate {
    /// The decision.
    pub decision: Decision,
    /// Ids of keys, or at least four digits of their beginnings; for `keep` and `drop`.
    #[serde(default)]
    pub keys: Vec<String>,
    /// The release or its beginning; none: the only one that waits.
    #[serde(default)]
    pub release: Option<String>,
}

/// A person's decision about a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Release only these keys.
    Keep,
    /// Release all but these keys.
    Drop,
    /// Release all keys.
    Approve,
    /// Release nothing: a void is published.
    Refuse,
}

impl Decision {
    /// The word for the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::Approve => "approve",
            Self::Refuse => "refuse",
        }
    }
}

/// Arguments of `privacy.deny_list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyDenyList {}

/// Arguments of `privacy.deny_list.add`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyDenyAdd {
    /// A word, a phrase, or a pattern such as `*.acme.internal`.
    pub pattern: String,
}

/// Arguments of `privacy.deny_list.remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyDenyRemove {
    /// The pattern as it was added.
    pub pattern: String,
}

/// Patterns that keep lessons from leaving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DenyList {
    /// The entries.
    pub entries: Vec<DenyEntry>,
}

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DenyEntry {
    /// The pattern.
    pub pattern: String,
    /// When it was added, in seconds since the Unix epoch.
    pub added_seconds: Option<u64>,
    /// When it was removed, likewise; null while it is listed.
    pub removed_seconds: Option<u64>,
    /// True when it counts for every open window.
    pub in_force: bool,
    /// For which windows it counts, in words.
    pub counts: String,
}

/// Arguments of `privacy.ledger.verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyLedgerVerify {}

/// Counts of a full verification of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerVerified {
    /// Entries read.
    pub entries: u64,
    /// Reservations whose cost was derived again.
    pub releases: u64,
    /// Results that were drawn.
    pub sampled: u64,
    /// Releases that send nothing.
    pub voided: u64,
    /// Byte strings that were signed.
    pub committed: u64,
    /// Everything ever spent.
    pub lifetime: Cost,
}
