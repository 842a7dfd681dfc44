//! The shelf: `shelf.review`, `shelf.decide`, `shelf.author`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FederationId, Hash, Interval, MemberId, RevisionId, SkillFile, SkillId};

/// Arguments of `shelf.review`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShelfReview {
    /// Most items to list.
    pub limit: usize,
    /// List decided items and those on the shelf too.
    #[serde(default)]
    pub all: bool,
}

/// Policy by which items of other members reach the shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShelfPolicy {
    /// All wait for a person.
    Manual,
    /// Pitfalls of which every word is public knowledge do not wait.
    Validated,
    /// What has no finding and widens no capability does not wait.
    Auto,
}

/// Standing of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may reach an agent.
    OnShelf,
    /// It waits for a person.
    Waiting,
    /// A person rejected it.
    Rejected,
    /// Only blocked members stand behind it.
    Blocked,
    /// A person took it back, its author or the federation revoked it.
    Revoked,
    /// Its files are not all here yet.
    Fetching,
    /// Its files are no skill, or say something else than its author did of them: nobody can use it.
    Broken,
}

/// Items of the shelf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// The policy.
    pub policy: ShelfPolicy,
    /// Items that wait, before the limit.
    pub waiting: u64,
    /// Texts of skills whose files are not all here yet: they come up when they are.
    pub fetching: u64,
    /// The items; those with findings first.
    pub items: Vec<ReviewItem>,
    /// Members that are blocked.
    pub blocked: Vec<MemberId>,
    /// Members that are trusted.
    pub trusted: Vec<MemberId>,
}

/// Arguments of `shelf.text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShelfText {
    /// Id of an item, or at least four digits of its beginning.
    pub id: String,
}

/// The text of a skill as it would be with an item, for a replay. It is not escaped: nobody may take it for words of
/// this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemText {
    /// The item.
    pub id: Hash,
    /// The whole `SKILL.md`.
    pub text: String,
}

/// One item, for a person. Texts of members are escaped for a terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewItem {
    /// Id of the content, for `lore approve`.
    pub id: Hash,
    /// The federation that holds it.
    pub federation: FederationId,
    /// Name of the federation.
    pub federation_name: String,
    /// Its advice in words, escaped.
    pub text: String,
    /// Its standing.
    pub standing: Standing,
    /// Reasons for its standing, in words.
    pub why: Vec<String>,
    /// Members that published it.
    pub authors: Vec<MemberId>,
    /// Independent members behind it: those that one member vouched for count once.
    pub members: u64,
    /// Success rate with its 95 % interval; null without outcomes.
    pub evidence: Option<Interval>,
    /// Noisy number of sessions behind the evidence.
    pub sessions: i64,
    /// New capabilities beyond what is active.
    pub capabilities: Vec<Capability>,
    /// Findings of the scan.
    pub findings: Vec<ScanFinding>,
    /// The skill that it belongs to.
    pub skill: SkillId,
    /// The version, for a text of a skill; null for a lesson.
    pub revision: Option<RevisionId>,
    /// Its files, for a text of a skill.
    pub files: Vec<SkillFile>,
    /// Difference that it makes, escaped. Of a lesson: lines of the skill's text that begin with `+` or `-`. Of a text of
    /// a skill: a patch over all its files against the version in use, or all of them when there is none.
    pub diff: Vec<String>,
    /// Lines of the difference that are left out here; `lore skill diff` shows them.
    pub more_lines: u64,
    /// True when approving it needs a person who was shown findings or capabilities.
    pub needs_consent: bool,
}

/// A kind of capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capability {
    /// Kind, in words: `reaches`, `installs`.
    pub what: String,
    /// The things, escaped.
    pub of: String,
}

/// A finding of the scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanFinding {
    /// A stable word for its kind, such as `download_and_run`.
    pub kind: String,
    /// Risk of the OWASP Agentic Skills Top 10, such as `AST01`.
    pub owasp: String,
    /// The place, escaped.
    pub excerpt: String,
    /// The danger, in words.
    pub why: String,
}

/// What a person decides about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemDecision {
    /// It may be used.
    Approve,
    /// It may not.
    Reject,
    /// Its approval is taken back.
    Revoke,
}

/// Arguments of `shelf.decide`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShelfDecide {
    /// The decision.
    pub decision: ItemDecision,
    /// Ids of the items, or at least four digits of the beginning of each.
    pub ids: Vec<String>,
    /// True when a person saw findings and capabilities, and wants it all the same.
    #[serde(default)]
    pub consent: bool,
}

/// What a person decides about a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthorDecision {
    /// What it publishes passes when it is clean.
    Trust,
    /// What it publishes does not count.
    Block,
    /// Nothing: an earlier decision is taken back.
    Undo,
}

/// Arguments of `shelf.author`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShelfAuthor {
    /// The decision.
    pub decision: AuthorDecision,
    /// Id of the member, or at least four digits of its beginning.
    pub member: String,
    /// True when a person agreed to trust it.
    #[serde(default)]
    pub consent: bool,
}

/// Result of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShelfDecided {
    /// Items that were decided about, with their standing now.
    pub items: Vec<DecidedItem>,
    /// Member that was decided about; null for a decision about items.
    pub member: Option<MemberId>,
    /// Items on the shelf now.
    pub on_shelf: u64,
    /// Items that wait now.
    pub waiting: u64,
}

/// An item after a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecidedItem {
    /// Its id.
    pub id: Hash,
    /// Its advice in words, escaped.
    pub text: String,
    /// Its standing.
    pub standing: Standing,
}

/// Counts of the shelf, for `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShelfStatus {
    /// The policy.
    pub policy: ShelfPolicy,
    /// Items that agents may be given.
    pub on_shelf: u64,
    /// Items that wait for a person.
    pub waiting: u64,
}
