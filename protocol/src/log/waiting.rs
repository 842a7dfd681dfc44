//! Deltas whose ancestors are not here yet. Bounded; what does not fit is dropped and fetched again.

use std::collections::{BTreeMap, BTreeSet};

use crate::delta::Sound;
use crate::ids::{CheckpointId, DeltaId, MemberId};

/// Most deltas of one author that wait.
pub const MAX_WAITING_PER_AUTHOR: usize = 1024;
/// Most payload bytes that wait in all.
pub const MAX_WAITING_BYTES: usize = 64 << 20;

/// What a delta waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// Its prev, or one of its deps.
    Delta(DeltaId),
    /// Its anchor is not sealed here.
    Checkpoint(CheckpointId),
    /// A Join waits for the Vouch that names it.
    Vouch(DeltaId),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    deltas: BTreeMap<DeltaId, Sound>,
    reasons: BTreeMap<Missing, BTreeSet<DeltaId>>,
    per_author: BTreeMap<MemberId, usize>,
    bytes: usize,
}

impl Waiting {
    /// Keeps a delta until `missing` is here; false when there is no room.
    pub(super) fn insert(&mut self, sound: Sound, missing: Missing) -> bool {
        let id = sound.id;
        if !self.deltas.contains_key(&id) {
            let author = self.per_author.entry(sound.header().author).or_default();
            let bytes = size(&sound);
            if *author >= MAX_WAITING_PER_AUTHOR || self.bytes + bytes > MAX_WAITING_BYTES {
                return false;
            }
            *author += 1;
            self.bytes += bytes;
            self.deltas.insert(id, sound);
        }
        self.reasons.entry(missing).or_default().insert(id);
        true
    }

    /// Removes what waited for `missing`.
    pub(super) fn take(&mut self, missing: Missing) -> Vec<Sound> {
        let ids = self.reasons.remove(&missing).unwrap_or_default();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    fn remove(&mut self, id: DeltaId) -> Option<Sound> {
        let sound = self.deltas.remove(&id)?;
        self.bytes -= size(&sound);
        let author = sound.header().author;
        if let Some(count) = self.per_author.get_mut(&author) {
            *count -= 1;
            if *count == 0 {
                self.per_author.remove(&author);
            }
        }
        Some(sound)
    }

    /// Missing deltas that do not themselves wait here.
    pub(super) fn wanted(&self) -> impl Iterator<Item = DeltaId> + '_ {
        self.reasons.keys().filter_map(|missing| match missing {
            Missing::Delta(id) if !self.deltas.contains_key(id) => Some(*id),
            _ => None,
        })
    }

    pub(super) fn wants(&self, id: &DeltaId) -> bool {
        self.reasons.contains_key(&Missing::Delta(*id))
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.deltas.len(), self.bytes)
    }

    pub(super) fn into_all(self) -> impl Iterator<Item = Sound> {
        self.deltas.into_values()
    }
}

fn size(sound: &Sound) -> usize {
    sound.delta.payload.as_ref().map_or(0, Vec::len) + 512
}
