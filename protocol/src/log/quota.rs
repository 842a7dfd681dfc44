//! Quotas: how much one author may write between two checkpoints.
//!
//! What no checkpoint had covered when an author's anchor was sealed counts, whatever epoch it names. So an author
//! that was silent for a hundred epochs, and has as many anchors to choose from, may write no more at once than
//! one that writes in every epoch; and what a checkpoint covers of an author is bounded by one epoch's quota.

use super::check::Fault;
use super::{Entry, Log, Sealed};
use crate::delta::{Header, Sound};
use crate::payload::{Origin, Payload};

/// Most Vouches of one member between two checkpoints; founders are bound by the charter's quota of deltas
/// alone.
pub const MAX_VOUCHES_PER_EPOCH: u64 = 16;

/// Most RotateKeys of one member between two checkpoints.
pub const MAX_ROTATIONS_PER_EPOCH: u64 = 4;

/// Checkpoints that a signer may write above the quota: else one who used it up could end no epoch, and
/// nobody's quota would ever begin again.
const CHECKPOINTS_ABOVE: u64 = 4;

/// Sums over a chain, up to and with one delta.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Vouches.
    pub vouches: u64,
    /// Lessons that its author wrote by hand.
    pub authored_lessons: u64,
    /// New keys.
    pub rotations: u64,
}

impl Totals {
    /// The sums with one delta more.
    fn and(self, payload: &Payload) -> Self {
        let lessons = match payload {
            Payload::Lessons(lessons) if lessons.origin == Origin::Authored => {
                lessons.entries.len() as u64
            }
            _ => 0,
        };
        Self {
            vouches: self.vouches + u64::from(matches!(payload, Payload::Vouch(_))),
            authored_lessons: self.authored_lessons + lessons,
            rotations: self.rotations + u64::from(matches!(payload, Payload::RotateKey(_))),
        }
    }
}

impl Log {
    /// The sums with a delta, when its author may still write it.
    pub(super) fn check_quota(
        &self,
        sound: &Sound,
        prev: &Entry,
        anchor: &Sealed,
    ) -> Result<Totals, Fault> {
        let header = sound.header();
        let limits = &self.charter.limits;
        let totals = prev.totals.and(&sound.payload);
        let covered = anchor.frontier.get(&header.author);
        let since = header.seq.saturating_sub(covered.map_or(0, |(seq, _)| *seq));
        let above = match sound.payload {
            Payload::Checkpoint(_) => CHECKPOINTS_ABOVE,
            _ => 0,
        };
        if since > u64::from(limits.deltas_per_epoch) + above {
            return Err(Fault::Charter("too many deltas of one author between two checkpoints"));
        }
        let before = covered.and_then(|(_, id)| self.entries.get(id));
        let before = before.map_or_else(Totals::default, |entry| entry.totals);
        if !self.is_founder(header)
            && totals.vouches.saturating_sub(before.vouches) > MAX_VOUCHES_PER_EPOCH
        {
            return Err(Fault::Charter("too many vouches of one member between two checkpoints"));
        }
        if totals.rotations.saturating_sub(before.rotations) > MAX_ROTATIONS_PER_EPOCH {
            return Err(Fault::Charter("too many new keys of one member between two checkpoints"));
        }
        let lessons = totals.authored_lessons.saturating_sub(before.authored_lessons);
        if lessons > u64::from(limits.lessons_per_epoch) {
            return Err(Fault::Charter("too many lessons of one author between two checkpoints"));
        }
        Ok(totals)
    }

    pub(super) fn is_founder(&self, header: &Header) -> bool {
        self.founders.iter().any(|(id, _)| *id == header.author)
    }
}
