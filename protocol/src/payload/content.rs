//! Content payloads: what was learnt. Everything here is a mechanism's output, or a text that a person
//! chose to publish.

use bincode::{Decode, Encode};

use crate::ids::{BlobId, Hash, LessonId, RevisionId, SkillId};
use crate::lesson::LessonKey;

/// Whose removal a release protects.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// One user of the node, with all their sessions of the period.
    User,
    /// One session.
    Session,
}

/// The noise law of a mechanism.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// Discrete Gaussian; the scale is sigma.
    Gaussian,
    /// Discrete Laplace; the scale is b.
    Laplace,
}

/// Half-open interval of public time that a release draws on, in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, serde::Serialize)]
pub struct Window {
    /// First second inside.
    pub start_seconds: u64,
    /// First second after.
    pub end_seconds: u64,
}

/// The mechanism that made a release, with what it cost. Integers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, serde::Serialize)]
pub struct Mechanism {
    /// Unit of privacy.
    pub unit: Unit,
    /// Noise law.
    pub noise: Noise,
    /// Scale of the noise, in millionths.
    pub scale_micros: u64,
    /// Most cells or keys that one unit changes.
    pub l0: u16,
    /// Most that one unit changes a cell by.
    pub linf: u16,
    /// Threshold on noisy counts; 0 where there is none.
    pub threshold: u32,
    /// Cost of this release in zero-concentrated DP, in 1e-9.
    pub rho_nano: u64,
    /// Cost of this release in delta, in 1e-18.
    pub delta_e18: u64,
}

/// Where a content payload comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, serde::Serialize)]
pub enum Origin {
    /// A differentially private mechanism.
    Mechanism(Mechanism),
    /// A person wrote it and chose to publish it.
    Authored,
}

/// A lesson release: keys that passed the threshold, by key, or lessons that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Lessons {
    /// How it was made.
    pub origin: Origin,
    /// The sessions it draws on; none when authored.
    pub window: Option<Window>,
    /// Sorted by key, no key twice.
    pub entries: Vec<LessonEntry>,
    /// Zero bytes up to the charter's fixed size, so that the length says nothing.
    pub padding: Vec<u8>,
}

/// One released key with its noisy support (0 when authored).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LessonEntry {
    /// The key.
    pub key: LessonKey,
    /// Noisy number of supporting units.
    pub support: i64,
}

/// Anything that outcomes are counted for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ItemId {
    /// A revision of a skill, as rendered.
    Revision(RevisionId),
    /// One lesson.
    Lesson(LessonId),
}

/// Noisy one-hot counts of one item in one context. Never clamped: unbiased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Cell {
    /// The item.
    pub item: ItemId,
    /// Index into the charter's contexts.
    pub context: u16,
    /// Noisy successes.
    pub successes: i64,
    /// Noisy failures.
    pub failures: i64,
}

/// An outcome release: a cell for *every* item active at a named public state.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Outcomes {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The sessions it draws on.
    pub window: Window,
    /// State root of the checkpoint (the delta's anchor) whose active items are counted.
    pub items_root: Hash,
    /// Sorted by (item, context).
    pub cells: Vec<Cell>,
}

/// A vote release on public candidates.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Votes {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The sessions it draws on.
    pub window: Window,
    /// Sorted by item.
    pub votes: Vec<VoteEntry>,
}

/// Noisy votes for one candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct VoteEntry {
    /// The candidate.
    pub item: ItemId,
    /// Noisy votes.
    pub votes: i64,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct FileEntry {
    /// Relative path with `/`.
    pub path: String,
    /// Whether it is executable.
    pub executable: bool,
    /// Length in bytes.
    pub len: u64,
    /// Contents.
    pub blob: BlobId,
}

/// A version of a skill's base text. The files are blobs; the fold never reads them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Revision {
    /// The skill; none for the first revision of a new skill.
    pub skill: Option<SkillId>,
    /// Skill name as in `SKILL.md`.
    pub name: String,
    /// Skill description as in `SKILL.md`.
    pub description: String,
    /// At most two revisions that this one replaces.
    pub parents: Vec<RevisionId>,
    /// Sorted by path.
    pub files: Vec<FileEntry>,
}
