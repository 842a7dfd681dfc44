//! Versions of skills: what would be published, the history of a skill, differences, and the version that is held fast.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Capability, FederationId, Hash, Interval, LessonId, MemberId, RevisionId, ScanFinding, SkillId,
    Standing,
};

/// One file of a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillFile {
    /// Path below the skill's directory, escaped.
    pub path: String,
    /// Length, in bytes.
    pub bytes: u64,
    /// True when it may be executed.
    pub executable: bool,
}

/// Arguments of `skill.check`: look at a directory as `lore skill publish` would. Nothing is published; no verb of the
/// socket publishes a skill, since that needs a person at a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillCheck {
    /// Absolute path of the skill's directory.
    pub directory: PathBuf,
    /// Id, its beginning, or name of the federation; none: the only one.
    #[serde(default)]
    pub federation: Option<String>,
    /// The version that this one replaces, by id or at least four digits of it; none: found by name and metadata.
    #[serde(default)]
    pub parent: Option<String>,
}

/// What would be published of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Publication {
    /// Name of the skill.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The federation.
    pub federation: FederationId,
    /// Name of the federation, escaped.
    pub federation_name: String,
    /// Id of the skill.
    pub skill: SkillId,
    /// Id of this version, by its files.
    pub revision: RevisionId,
    /// Versions that it replaces.
    pub parents: Vec<RevisionId>,
    /// True when this very version is published already, or waits to be.
    pub unchanged: bool,
    /// Its files.
    pub files: Vec<SkillFile>,
    /// Paths that are left out, since their names begin with a dot.
    pub left_out: Vec<String>,
    /// True when lines that `lore skill export` had added to `SKILL.md` are left out.
    pub stripped: bool,
    /// What an agent would newly do with it.
    pub capabilities: Vec<Capability>,
    /// Findings of the scan over all files.
    pub findings: Vec<ScanFinding>,
    /// Places that look private: names of homes, addresses, keys, and what the deny-list names.
    pub private: Vec<PrivateMark>,
    /// Guidance of the standard that is not followed.
    pub warnings: Vec<String>,
    /// Difference from the version that it replaces, escaped.
    pub diff: Vec<String>,
}

/// A place in a file that looks private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrivateMark {
    /// Path of the file, escaped.
    pub path: String,
    /// Line, from 1.
    pub line: u64,
    /// The line with what looks private taken out, escaped.
    pub text: String,
    /// The pattern of the deny-list that it matches; null when it only looks private.
    pub denied_by: Option<String>,
}

/// Arguments of `skill.log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillLog {
    /// Name or id.
    pub name: String,
}

/// All versions of a skill's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillHistory {
    /// Name that was asked for, escaped.
    pub name: String,
    /// Id of the skill.
    pub skill: SkillId,
    /// The federation.
    pub federation: FederationId,
    /// The version that is held fast; null when none is.
    pub pinned: Option<RevisionId>,
    /// The versions, newest first.
    pub versions: Vec<SkillVersion>,
}

/// One version of a skill's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillVersion {
    /// Its id, by its files.
    pub revision: RevisionId,
    /// Id for `lore approve` and `lore reject`.
    pub id: Hash,
    /// Its name, escaped.
    pub name: String,
    /// Its description, escaped.
    pub description: String,
    /// Member that published it.
    pub author: MemberId,
    /// True when that is this node.
    pub own: bool,
    /// Epoch that it came in.
    pub epoch: u32,
    /// Versions that it replaces.
    pub parents: Vec<RevisionId>,
    /// Its standing.
    pub standing: Standing,
    /// True for the version that agents are given.
    pub used: bool,
    /// Its files.
    pub files: Vec<SkillFile>,
    /// Number of files that are not here yet.
    pub missing: u64,
}

/// Arguments of `skill.diff`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillDiff {
    /// Name or id.
    pub name: String,
    /// The older version, by at least four digits of its id; none: the one in use.
    #[serde(default)]
    pub from: Option<String>,
    /// The newer version, likewise; none: the newest one.
    #[serde(default)]
    pub to: Option<String>,
}

/// Difference of two versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillDifference {
    /// The older version; null: there is none, and all of the newer one is shown.
    pub from: Option<RevisionId>,
    /// The newer version.
    pub to: RevisionId,
    /// Lines of a patch, escaped.
    pub lines: Vec<String>,
}

/// Arguments of `skill.pin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillPin {
    /// Name or id.
    pub name: String,
    /// The version, by at least four digits of its id; none: the one in use.
    #[serde(default)]
    pub revision: Option<String>,
}

/// Arguments of `skill.unpin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillUnpin {
    /// Name or id.
    pub name: String,
}

/// Arguments of `skill.rollback`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillRollback {
    /// Name or id.
    pub name: String,
}

/// The version of a skill that is held fast now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillPinned {
    /// Name that was asked for, escaped.
    pub name: String,
    /// Id of the skill.
    pub skill: SkillId,
    /// The version that is held fast; null: none, and the newest approved one is used.
    pub pinned: Option<RevisionId>,
    /// The version that agents are given; null when they are given no text.
    pub used: Option<RevisionId>,
}

/// Arguments of `skill.withdraw`: tell the federation that versions of this node are not to be used any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillWithdraw {
    /// Name or id.
    pub name: String,
    /// The version, by at least four digits of its id; none: all that this node published.
    #[serde(default)]
    pub revision: Option<String>,
}

/// Versions that were withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillWithdrawn {
    /// Name that was asked for, escaped.
    pub name: String,
    /// The versions.
    pub revisions: Vec<RevisionId>,
}

/// Arguments of `skill.file`: one file of a skill as agents are given it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillFileRead {
    /// Name or id of the skill.
    pub name: String,
    /// Path of the file below the skill's directory.
    pub path: String,
}

/// Text of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillFileText {
    /// Path of the file.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Arguments of `skill.why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillWhy {
    /// Name or id.
    pub name: String,
}

/// Where what agents are given of a skill comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SkillReasons {
    /// Name that was asked for, escaped.
    pub name: String,
    /// Id of the skill.
    pub skill: SkillId,
    /// Its text, when a person wrote one; null for a skill of lessons alone.
    pub text: Option<TextReason>,
    /// Lessons that agents are shown with it, in the order of the text.
    pub lessons: Vec<LessonReason>,
}

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextReason {
    /// The version.
    pub revision: RevisionId,
    /// Member that published it.
    pub author: MemberId,
    /// Epoch that it came in.
    pub epoch: u32,
    /// Lessons that it says it was written from.
    pub inputs: Vec<String>,
}

/// Where a lesson comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LessonReason {
    /// Its id, for `lore lesson why`.
    pub id: LessonId,
    /// The lesson in words, escaped.
    pub text: String,
    /// Noisy support over all members, in units.
    pub support: f64,
    /// Members that released it.
    pub members: Vec<MemberId>,
    /// Members that wrote it by hand.
    pub authored: Vec<MemberId>,
    /// Epoch that it came in.
    pub epoch: u32,
    /// Success rate with its 95 % interval; null without outcomes.
    pub evidence: Option<Interval>,
}
