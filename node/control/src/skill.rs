//! `skill`: list, show, search, export, and the brief for a writer of skill texts.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    FederationId, Lesson, LessonId, Measure, MemberId, RevisionId, SkillFile, SkillId, Standing,
};

/// Arguments of `skill.list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillList {
    /// Id, its beginning, or name; none: every federation.
    #[serde(default)]
    pub federation: Option<String>,
}

/// The shared library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Skills {
    /// Its skills.
    pub skills: Vec<SkillSummary>,
}

/// One skill with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SkillSummary {
    /// Its name.
    pub name: String,
    /// Its purpose.
    pub description: String,
    /// Words that it is about.
    pub topics: Vec<String>,
    /// Its id.
    pub skill: SkillId,
    /// The revision that is shown.
    pub revision: RevisionId,
    /// The federation it comes from; absent when no federation has lessons for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federation: Option<FederationId>,
    /// Lessons in it, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lessons: Option<u64>,
    /// Members that support its first lesson, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// Lessons of it that wait for review: they are in no export.
    pub waiting: u64,
    /// True when agents may be given it; false when all of it waits for review or was turned down.
    pub on_shelf: bool,
    /// Success rate; null without outcomes.
    pub evidence: Option<Evidence>,
    /// Costs of the sessions that used it, by the charter's kinds; empty without cost releases.
    pub costs: Vec<CostSum>,
}

/// A pooled success rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Share of sessions that succeeded, 0 to 1.
    pub rate: f64,
    /// Lower end of the 95 % interval, 0 to 1.
    pub low: f64,
    /// Upper end of the 95 % interval, 0 to 1.
    pub high: f64,
    /// Noisy number of sessions behind it; noise can make it negative.
    pub sessions: i64,
    /// Members that contributed outcomes.
    pub members: u64,
}

/// One kind of cost, summed over the sessions that used a skill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostSum {
    /// Measure of the cost.
    pub measure: Measure,
    /// Number of it that makes one unit of the sum.
    pub per: u32,
    /// Noisy sum, in units; noise can make it negative.
    pub sum: i64,
    /// Standard error of the sum by its noise, in units.
    pub standard_error: f64,
    /// Most that one session adds to the sum, in units.
    pub bound: u16,
    /// Members that contributed costs; those admitted through one member count once.
    pub members: u64,
}

/// Arguments of `skill.show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillShow {
    /// Name or id.
    pub name: String,
}

/// One skill, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// Its purpose.
    pub description: String,
    /// Words that it is about.
    pub topics: Vec<String>,
    /// Its id.
    pub skill: SkillId,
    /// The revision that is shown.
    pub revision: RevisionId,
    /// The federation it comes from; absent when no federation has lessons for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federation: Option<FederationId>,
    /// Members that support its first lesson, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// Success rate; null without outcomes.
    pub evidence: Option<Evidence>,
    /// Costs of the sessions that used it, by the charter's kinds; empty without cost releases.
    pub costs: Vec<CostSum>,
    /// True when agents may be given it; false when all of it waits for review or was turned down.
    pub on_shelf: bool,
    /// Its files besides `SKILL.md`, when a person wrote its text.
    pub files: Vec<SkillFile>,
    /// Its lessons.
    pub lessons: Vec<SkillLesson>,
    /// Its `SKILL.md`: with the lessons on the shelf, or with all of them when none is.
    pub text: String,
}

/// One lesson of a skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SkillLesson {
    /// Its id.
    pub id: LessonId,
    /// The lesson.
    pub lesson: Lesson,
    /// Noisy support over all members, in units: one counts 1 when it supports nothing else, and the root of
    /// 1 / k when it supports k keys.
    pub support: f64,
    /// Members that support it.
    pub members: Vec<MemberId>,
    /// A person wrote it.
    pub authored: bool,
    /// Standing on the shelf; agents are given what is on it.
    pub standing: Standing,
    /// The epoch in which it was first released.
    pub epoch: u32,
}

/// Arguments of `skill.brief`: public bytes for a writer in the asking process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillBrief {
    /// Name or id.
    pub name: String,
}

/// Brief for a writer of skill texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Brief {
    /// Name of the skill.
    pub name: String,
    /// The brief's bytes, in base64.
    pub brief: String,
}

/// Arguments of `skill.search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillSearch {
    /// Id, its beginning, or name; none: every federation.
    #[serde(default)]
    pub federation: Option<String>,
    /// The task, in words.
    pub query: String,
    /// Most skills to offer.
    pub skills: usize,
    /// Most tokens to offer, all together.
    pub tokens: u64,
}

/// Result of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// The query.
    pub query: String,
    /// The skills that fit best, best first.
    pub skills: Vec<Hit>,
    /// Skills that were searched.
    pub searched: u64,
    /// Tokens of what is offered, estimated.
    pub tokens: u64,
    /// Tokens of all skills that were searched, estimated.
    pub tokens_of_all: u64,
}

/// One skill that fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// Its name.
    pub name: String,
    /// Its purpose.
    pub description: String,
    /// Score of its fit; comparable within one search only.
    pub score: f64,
    /// Tokens of what is offered of it, estimated.
    pub tokens: u64,
    /// True when all of it is offered; else its name and description.
    pub whole: bool,
    /// Path of its text; null for a skill of the shared library.
    pub path: Option<PathBuf>,
    /// Its id; null for a text without our metadata.
    pub skill: Option<SkillId>,
    /// Its revision, likewise.
    pub revision: Option<RevisionId>,
    /// Success rate; null without outcomes.
    pub evidence: Option<Interval>,
}

/// A success rate with its 95 % interval, each 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The rate.
    pub rate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Arguments of `skill.export`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillExport {
    /// Id, its beginning, or name; none: every federation.
    #[serde(default)]
    pub federation: Option<String>,
    /// Absolute path of the directory to write to.
    pub directory: PathBuf,
    /// Names of the agents that read the directory: a running node then keeps it as its shelf is. Empty: it is written
    /// once.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Most characters of all descriptions together; none: no bound.
    #[serde(default)]
    pub budget_chars: Option<u64>,
    /// Report what would be done, and write nothing.
    #[serde(default)]
    pub preview: bool,
    /// Write again what was taken away from an agent's directory.
    #[serde(default)]
    pub repair: bool,
}

/// Skills that were written as directories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillsExported {
    /// Directory of the skills.
    pub directory: PathBuf,
    /// Names of the skills that were written.
    pub exported: Vec<String>,
    /// Names of those that were already as they should be.
    pub unchanged: Vec<String>,
    /// Names of those that left the library and were removed.
    pub removed: Vec<String>,
    /// Names of those that were edited here, or are not ours, and were left alone.
    pub kept: Vec<String>,
    /// Names of those in `kept` that were written from the library and edited since.
    pub edited: Vec<String>,
    /// Names of those that were written before and taken away since: not written again.
    pub missing: Vec<String>,
    /// Names of those that are left for a search: the descriptions of the more useful ones fill the budget.
    pub left_out: Vec<String>,
}
