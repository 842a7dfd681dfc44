//! Deltas that were taken in not long ago: those that may be asked for, and whose copies are told at once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::ShortId;
use crate::ids::DeltaId;

/// Most deltas that are remembered.
pub(super) const KEPT: usize = 4_096;
/// Age up to which a new neighbour is told of a delta.
const TOLD_AGE: Duration = Duration::from_secs(30);
/// Most deltas of which a new neighbour is told.
const MOST_TOLD: usize = 32;

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) id: DeltaId,
    pub(super) size_bytes: usize,
    /// Its place in the order in which all were taken in.
    pub(super) place: u64,
    at: Duration,
}

/// The newest deltas.
#[derive(Debug)]
pub(super) struct Recent {
    kept: BTreeMap<ShortId, Kept>,
    order: VecDeque<ShortId>,
    next: u64,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self { kept: BTreeMap::new(), order: VecDeque::new(), next: 0 }
    }

    /// Remembers a delta.
    pub(super) fn insert(&mut self, now: Duration, id: DeltaId, size_bytes: usize) {
        let short = ShortId::from(id);
        if self.kept.contains_key(&short) {
            return;
        }
        self.kept.insert(short, Kept { id, size_bytes, place: self.next, at: now });
        self.next += 1;
        self.order.push_back(short);
        if self.order.len() > KEPT
            && let Some(old) = self.order.pop_front()
        {
            self.kept.remove(&old);
        }
    }

    pub(super) fn contains(&self, id: &ShortId) -> bool {
        self.kept.contains_key(id)
    }

    pub(super) fn get(&self, id: &ShortId) -> Option<Kept> {
        self.kept.get(id).copied()
    }

    /// What a new neighbour is told of, the oldest first.
    pub(super) fn told(&self, now: Duration) -> Vec<ShortId> {
        let newest = self.order.iter().rev().take(MOST_TOLD);
        let young = newest.take_while(|id| {
            self.kept.get(id).is_some_and(|kept| now.saturating_sub(kept.at) <= TOLD_AGE)
        });
        let mut told: Vec<ShortId> = young.copied().collect();
        told.reverse();
        told
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}
