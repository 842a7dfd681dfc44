//! Payloads of deltas.

use crate::codec::{Decode, Encode};

mod check;
mod codebook;
mod content;
mod control;

pub use check::MAX_REASON_BYTES;
pub use codebook::{Codebook, MAX_CODEBOOK};
pub use content::{
    Cell, CostCell, Costs, FileEntry, ItemId, LessonEntry, Lessons, MAX_BALLOT, MAX_CELLS,
    Mechanism, Noise, Origin, Outcomes, Revision, Unit, VoteEntry, Votes, WEIGHT, Window,
};
pub use control::{
    Body, Checkpoint, FrontierEntry, Join, Leave, Phase, Removal, Revoke, RevokeTarget,
    RosterEntry, RotateKey, Signers, Void, Vouch,
};

/// Most signers of a federation.
pub const MAX_SIGNERS: usize = 16;

/// Most checkpoints that a [`RotateKey`] keeps.
pub const MAX_KEPT: usize = 64;

/// Longest encoded payload, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 10;

/// The kind of a payload, readable from the header alone.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PayloadKind {
    /// A new member asks to be admitted.
    Join,
    /// A member admits a Join.
    Vouch,
    /// A member leaves.
    Leave,
    /// A member revokes a revision, a lesson or a member.
    Revoke,
    /// A member replaces its key.
    RotateKey,
    /// A signer closes an epoch.
    Checkpoint,
    /// A scheduled release that sent nothing.
    Void,
    /// Noisy outcome counts.
    Outcomes,
    /// Noisy votes on public candidates.
    Votes,
    /// Lesson keys that passed a threshold, or lessons that a person wrote.
    Lessons,
    /// A version of a skill's base text.
    Revision,
    /// Noisy cost sums.
    Costs,
    /// The first candidates of a federation, which its charter names.
    Codebook,
    /// A signer's word on who signs checkpoints.
    Signers,
}

/// A payload of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Payload {
    Join(Join),
    Vouch(Vouch),
    Leave(Leave),
    Revoke(Revoke),
    RotateKey(RotateKey),
    Checkpoint(Checkpoint),
    Void(Void),
    Outcomes(Outcomes),
    Votes(Votes),
    Lessons(Lessons),
    Revision(Revision),
    Costs(Costs),
    Codebook(Codebook),
    Signers(Signers),
}

impl Payload {
    /// The kind that the header must name.
    #[must_use]
    pub const fn kind(&self) -> PayloadKind {
        match self {
            Self::Join(_) => PayloadKind::Join,
            Self::Vouch(_) => PayloadKind::Vouch,
            Self::Leave(_) => PayloadKind::Leave,
            Self::Revoke(_) => PayloadKind::Revoke,
            Self::RotateKey(_) => PayloadKind::RotateKey,
            Self::Checkpoint(_) => PayloadKind::Checkpoint,
            Self::Void(_) => PayloadKind::Void,
            Self::Outcomes(_) => PayloadKind::Outcomes,
            Self::Votes(_) => PayloadKind::Votes,
            Self::Lessons(_) => PayloadKind::Lessons,
            Self::Revision(_) => PayloadKind::Revision,
            Self::Costs(_) => PayloadKind::Costs,
            Self::Codebook(_) => PayloadKind::Codebook,
            Self::Signers(_) => PayloadKind::Signers,
        }
    }

    /// The mechanism of a release; none for control, void releases and what a person wrote.
    #[must_use]
    pub const fn mechanism(&self) -> Option<&Mechanism> {
        match self {
            Self::Lessons(Lessons { origin: Origin::Mechanism(mechanism), .. })
            | Self::Outcomes(Outcomes { mechanism, .. })
            | Self::Votes(Votes { mechanism, .. })
            | Self::Costs(Costs { mechanism, .. }) => Some(mechanism),
            _ => None,
        }
    }
}
