//! Deltas whose ancestors are not here yet. Bounded; what does not fit is dropped and fetched again.

use std::collections::{BTreeMap, BTreeSet};

use crate::delta::Sound;
use crate::ids::{CheckpointId, DeltaId, MemberId};

/// Most deltas of one author that wait.
pub const MAX_WAITING_PER_AUTHOR: usize = 1024;
/// Most bytes that wait in all: payloads, and 512 for each delta.
pub const MAX_WAITING_BYTES: usize = 64 << 20;

/// The part of them for deltas whose author is not known yet.
pub const MAX_UNKNOWN_BYTES: usize = 8 << 20;

/// Reason that a delta waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// Its prev, or one of its deps.
    Delta(DeltaId),
    /// Its anchor is not sealed here.
    Checkpoint(CheckpointId),
    /// A Join waits for the Vouch that names it.
    Vouch(DeltaId),
}

/// Result of checking a waiting delta's signature against its author's key. Anybody can write
/// what cannot be checked yet, so that has a small room of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    Signed,
    Unknown,
}

#[derive(Debug, Clone)]
struct Held {
    sound: Sound,
    missing: Vec<Missing>,
    proof: Proof,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    deltas: BTreeMap<DeltaId, Held>,
    reasons: BTreeMap<Missing, BTreeSet<DeltaId>>,
    per_author: BTreeMap<(MemberId, Proof), BTreeSet<(u64, DeltaId)>>,
    signed_bytes: usize,
    unknown_bytes: usize,
}

impl Waiting {
    /// Keeps a delta until one of `missing` is here; gives it back when there is no room. Of one author the
    /// lowest heights stay, since they are the first that can be freed. What is not known to be the
    /// author's does not take the author's places.
    pub(super) fn insert(
        &mut self,
        sound: Sound,
        missing: Vec<Missing>,
        proof: Proof,
    ) -> Option<Sound> {
        let id = sound.id;
        self.remove(id);
        let (chain, seq, bytes) = (sound.chain(), sound.header().seq, size(&sound));
        let full = match proof {
            Proof::Signed => self.signed_bytes + bytes > MAX_WAITING_BYTES - MAX_UNKNOWN_BYTES,
            Proof::Unknown => self.unknown_bytes + bytes > MAX_UNKNOWN_BYTES,
        };
        if full {
            return Some(sound);
        }
        let queue = self.per_author.entry((chain, proof)).or_default();
        if queue.len() >= MAX_WAITING_PER_AUTHOR {
            match queue.last().copied() {
                Some((highest, last)) if seq < highest => {
                    self.remove(last);
                }
                _ => return Some(sound),
            }
        }
        self.per_author.entry((chain, proof)).or_default().insert((seq, id));
        *self.bytes_of(proof) += bytes;
        for missing in &missing {
            self.reasons.entry(*missing).or_default().insert(id);
        }
        self.deltas.insert(id, Held { sound, missing, proof });
        None
    }

    fn bytes_of(&mut self, proof: Proof) -> &mut usize {
        match proof {
            Proof::Signed => &mut self.signed_bytes,
            Proof::Unknown => &mut self.unknown_bytes,
        }
    }

    /// Removes what waited for `missing`.
    pub(super) fn take(&mut self, missing: Missing) -> Vec<Sound> {
        let ids = self.reasons.get(&missing).cloned().unwrap_or_default();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    fn remove(&mut self, id: DeltaId) -> Option<Sound> {
        let Held { sound, missing, proof } = self.deltas.remove(&id)?;
        *self.bytes_of(proof) -= size(&sound);
        for missing in &missing {
            if let Some(ids) = self.reasons.get_mut(missing) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.reasons.remove(missing);
                }
            }
        }
        let place = (sound.chain(), proof);
        if let Some(queue) = self.per_author.get_mut(&place) {
            queue.remove(&(sound.header().seq, id));
            if queue.is_empty() {
                self.per_author.remove(&place);
            }
        }
        Some(sound)
    }

    /// Missing deltas that do not themselves wait here. First those that only a dep names, for which
    /// everything else was checked; last those that perhaps only a stranger made up.
    pub(super) fn wanted(&self) -> Vec<DeltaId> {
        let missing = self.reasons.iter().filter_map(|(missing, children)| match missing {
            Missing::Delta(id) if !self.deltas.contains_key(id) => Some((id, children)),
            _ => None,
        });
        let rank = |id: &DeltaId, child: &DeltaId| match self.deltas.get(child) {
            Some(held) if held.sound.header().prev != Some(*id) => 0_u8,
            Some(held) if held.proof == Proof::Signed => 1,
            _ => 2,
        };
        let ranked = missing.map(|(id, children)| {
            (children.iter().map(|child| rank(id, child)).min().unwrap_or(2), *id)
        });
        let ranked: BTreeSet<(u8, DeltaId)> = ranked.collect();
        ranked.into_iter().map(|(_, id)| id).collect()
    }

    /// Returns true when something here rests on this delta of `chain`.
    pub(super) fn wants(&self, chain: MemberId, id: DeltaId) -> bool {
        let children = self.reasons.get(&Missing::Delta(id)).into_iter().flatten();
        children
            .filter_map(|child| self.deltas.get(child))
            .any(|held| held.sound.header().prev != Some(id) || held.sound.chain() == chain)
    }

    pub(super) fn contains(&self, id: &DeltaId) -> bool {
        self.deltas.contains_key(id)
    }

    pub(super) fn is_join(&self, id: &DeltaId) -> bool {
        self.deltas.get(id).is_some_and(|held| held.missing == [Missing::Vouch(*id)])
    }

    pub(super) fn get(&self, id: &DeltaId) -> Option<&Sound> {
        self.deltas.get(id).map(|held| &held.sound)
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.deltas.len(), self.signed_bytes + self.unknown_bytes)
    }

    pub(super) fn into_all(self) -> impl Iterator<Item = Sound> {
        self.deltas.into_values().map(|held| held.sound)
    }
}

fn size(sound: &Sound) -> usize {
    sound.delta.payload.as_ref().map_or(0, Vec::len) + 512
}
