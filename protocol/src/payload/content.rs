//! Content payloads: what was learnt. Everything here is a mechanism's output, or a text that a person
//! chose to publish.

use crate::codec::{
    self, Decode, DecodeFault, Decoder, Encode, EncodeFault, Encoder, impl_borrow_decode,
};
use crate::ids::{BlobId, Hash, LessonId, RevisionId, SkillId};
use crate::lesson::LessonKey;

/// Unit whose removal a release protects.
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
    /// The one person behind a node, with all their sessions of the period. That they take part is
    /// public, so that what is protected is *replacing* their data: `l0` counts a cell that the old data
    /// fills and a cell that the new data fills, twice what one person fills.
    Personal,
}

impl Unit {
    /// Number of the cells that a unit fills that change at most when the unit does: removing it empties
    /// them, replacing it may fill as many others.
    #[must_use]
    pub const fn cells_changed(self) -> u16 {
        match self {
            Self::User | Self::Session => 1,
            Self::Personal => 2,
        }
    }
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

/// Weight of the only key that a unit speaks for in a lesson or vote release. A unit that speaks for `k` keys
/// gives each `floor(WEIGHT / sqrt(k))`, so that all of them together have a Euclidean length of at most
/// `WEIGHT`, however many they are (the weighted Gaussian of Gopi, Gulhane, Kulkarni, Shen, Shokouhi and
/// Yekhanin 2020, "Differentially Private Set Union").
pub const WEIGHT: u16 = 10_000;

/// The mechanism that made a release, with what it cost. Integers only.
///
/// Change that one unit may make: `k <= l0` cells or keys, each by at most `min(linf, sqrt(l2_square / k))`.
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
    /// Most that the squares of its changes sum up to: from `linf^2`, where all cells share one bound, to
    /// `l0 * linf^2`, where each has its own.
    pub l2_square: u64,
    /// Threshold on noisy counts; 0 where there is none.
    pub threshold: u32,
    /// Cost of this release in zero-concentrated DP, in 1e-9.
    pub rho_nano: u64,
    /// Cost of this release in delta, in 1e-18.
    pub delta_e18: u64,
}

impl Mechanism {
    /// The least cost that fits the parameters, in 1e-9 rounded up: what opendp's maps charge, as every
    /// node can check it in integers.
    ///
    /// Gaussian: `rho = l2_square / (2 * sigma^2)` (Bun and Steinke 2016, Proposition 1.6). Laplace: `epsilon = l1 / b` with `l1 = l0 * linf`, and
    /// `rho = epsilon^2 / 2` (there, Proposition 1.4). What overflows costs more than any ceiling.
    #[must_use]
    pub fn least_rho_nano(&self) -> u128 {
        if self.scale_micros == 0 {
            return u128::MAX;
        }
        let doubled = u128::from(self.scale_micros).pow(2).saturating_mul(2);
        match self.square().checked_mul(1_000_000_000_000_000_000_000) {
            Some(scaled) => scaled.div_ceil(doubled),
            None => u128::MAX,
        }
    }

    /// The square of the bound that the noise law is charged by: l2 for a Gaussian, `l1 = l0 * linf` for a
    /// Laplace.
    #[must_use]
    pub fn square(&self) -> u128 {
        let l1 = u128::from(self.l0) * u128::from(self.linf);
        match self.noise {
            Noise::Gaussian => u128::from(self.l2_square),
            Noise::Laplace => l1 * l1,
        }
    }

    /// Variance of the noise on one count, in millionths: sigma squared, or 2 b squared.
    #[must_use]
    pub fn variance_micros(&self) -> u64 {
        let square = u128::from(self.scale_micros).saturating_mul(u128::from(self.scale_micros));
        let variance = match self.noise {
            Noise::Gaussian => square,
            Noise::Laplace => square.saturating_mul(2),
        };
        u64::try_from(variance / 1_000_000).unwrap_or(u64::MAX)
    }

    /// Standard deviation of the noise on one count, in millionths rounded down: sigma, or the square
    /// root of 2 times b.
    #[must_use]
    pub fn deviation_micros(&self) -> u64 {
        match self.noise {
            Noise::Gaussian => self.scale_micros,
            Noise::Laplace => {
                let root = (u128::from(self.scale_micros).pow(2).saturating_mul(2)).isqrt();
                u64::try_from(root).unwrap_or(u64::MAX)
            }
        }
    }
}

/// Origin of a content payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A differentially private mechanism.
    Mechanism(Mechanism),
    /// A person wrote it and chose to publish it.
    Authored,
}

/// A lesson release: keys that passed the threshold, by key, or lessons that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Lessons {
    /// Mechanism or person that made it.
    pub origin: Origin,
    /// The sessions it draws on; none when authored.
    pub window: Option<Window>,
    /// Sorted by key, no key twice.
    pub entries: Vec<LessonEntry>,
    /// Zero bytes up to the charter's fixed size, so that the length says nothing.
    #[serde(serialize_with = "crate::ids::serialize_hex")]
    pub padding: Vec<u8>,
}

/// One released key with its noisy support (0 when authored).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct LessonEntry {
    /// The key.
    pub key: LessonKey,
    /// Noisy sum of the weights of supporting units ([`WEIGHT`]).
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
    /// One lesson in sessions to which it had been given, as a hint or in a skill that was read: helped is a
    /// success, hurt a failure. These sessions count for [`ItemId::Lesson`] too.
    Given(LessonId),
}

/// A count on the wire: eight bytes whatever its value, so that the length of a release tells how many
/// public items it lists and nothing else.
struct Count(i64);

impl Encode for Count {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeFault> {
        self.0.to_le_bytes().encode(encoder)
    }
}

impl<Context> Decode<Context> for Count {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeFault> {
        Decode::decode(decoder).map(|bytes| Self(i64::from_le_bytes(bytes)))
    }
}

impl Encode for Cell {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeFault> {
        self.item.encode(encoder)?;
        self.context.encode(encoder)?;
        Count(self.successes).encode(encoder)?;
        Count(self.failures).encode(encoder)
    }
}

impl<Context> Decode<Context> for Cell {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeFault> {
        Ok(Self {
            item: Decode::decode(decoder)?,
            context: Decode::decode(decoder)?,
            successes: Count::decode(decoder)?.0,
            failures: Count::decode(decoder)?.0,
        })
    }
}
impl_borrow_decode!(Cell);

/// Noisy one-hot counts of one item in one context. Never clamped: unbiased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
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

/// Most cells of an outcome release, so that it fits a payload.
pub const MAX_CELLS: usize = 1_024;

/// Most candidates on a ballot, so that a vote release is small enough to be gossiped whole.
pub const MAX_BALLOT: usize = 256;

/// A vote release: noisy votes for every candidate of a public ballot.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Votes {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The sessions it draws on.
    pub window: Window,
    /// State root of the checkpoint (the delta's anchor) whose ballot is voted on.
    pub items_root: Hash,
    /// Sorted by item.
    pub votes: Vec<VoteEntry>,
}

impl Encode for VoteEntry {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeFault> {
        self.item.encode(encoder)?;
        Count(self.votes).encode(encoder)
    }
}

impl<Context> Decode<Context> for VoteEntry {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeFault> {
        Ok(Self { item: Decode::decode(decoder)?, votes: Count::decode(decoder)?.0 })
    }
}
impl_borrow_decode!(VoteEntry);

/// Noisy votes for one candidate. Never clamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct VoteEntry {
    /// The candidate.
    pub item: ItemId,
    /// Noisy sum of the weights of the units that speak for it ([`WEIGHT`]).
    pub votes: i64,
}

/// A cost release: noisy sums of what sessions cost, over the same items as outcomes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Costs {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// The sessions it draws on.
    pub window: Window,
    /// State root of the checkpoint (the delta's anchor) whose active items are counted.
    pub items_root: Hash,
    /// Sorted by (item, context).
    pub cells: Vec<CostCell>,
}

/// Noisy cost sums of one item in one context, one for each of the charter's kinds, in their order.
/// Never clamped.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CostCell {
    /// The item.
    pub item: ItemId,
    /// Index into the charter's contexts.
    pub context: u16,
    /// Noisy sums.
    pub sums: Vec<i64>,
}

impl Encode for CostCell {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeFault> {
        self.item.encode(encoder)?;
        self.context.encode(encoder)?;
        let sums: Vec<Count> = self.sums.iter().map(|sum| Count(*sum)).collect();
        sums.encode(encoder)
    }
}

impl<Context> Decode<Context> for CostCell {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeFault> {
        let (item, context) = (Decode::decode(decoder)?, Decode::decode(decoder)?);
        let sums: Vec<Count> = Decode::decode(decoder)?;
        Ok(Self { item, context, sums: sums.into_iter().map(|sum| sum.0).collect() })
    }
}
impl_borrow_decode!(CostCell);

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
pub struct FileEntry {
    /// Relative path with `/`.
    pub path: String,
    /// True when it is executable.
    pub executable: bool,
    /// Length in bytes.
    pub len: u64,
    /// Contents.
    pub blob: BlobId,
}

/// A version of a skill's base text. The files are blobs; the fold never reads them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
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

impl Revision {
    /// Its id, over all that its author says of it: a member that publishes the same files with another name,
    /// description, parent or length publishes another revision.
    #[must_use]
    pub fn id(&self) -> RevisionId {
        let (parents, files) = (codec::encode(&self.parents), codec::encode(&self.files));
        let parts = [self.name.as_bytes(), self.description.as_bytes(), &parents, &files];
        RevisionId::derive("commonlore/revision/v1", &parts)
    }
}
