//! One author's chain: linear below its lowest fork.

use std::collections::{BTreeMap, BTreeSet};

use super::Log;
use crate::ids::{DeltaId, MemberId};

/// Ids by height. More than one at a height is a fork.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    heights: BTreeMap<u64, BTreeSet<DeltaId>>,
}

impl Chain {
    pub(super) fn insert(&mut self, seq: u64, id: DeltaId) {
        self.heights.entry(seq).or_default().insert(id);
    }

    /// Lowest height with two deltas.
    pub(super) fn fork(&self) -> Option<u64> {
        self.heights.iter().find(|(_, ids)| ids.len() > 1).map(|(&seq, _)| seq)
    }

    pub(super) fn at(&self, seq: u64) -> impl Iterator<Item = DeltaId> + '_ {
        self.heights.get(&seq).into_iter().flatten().copied()
    }

    pub(super) fn from(&self, seq: u64) -> impl Iterator<Item = DeltaId> + '_ {
        self.heights.range(seq..).flat_map(|(_, ids)| ids.iter().copied())
    }
}

impl Log {
    /// Covered height and id of a chain, if any of it is sealed.
    pub(super) fn covered(&self, author: MemberId) -> Option<(u64, DeltaId)> {
        self.tip().frontier.get(&author).copied()
    }

    /// First height that is not counted: the fork, but never below what is covered.
    fn cut(&self, author: MemberId) -> u64 {
        let fork = self.chains.get(&author).and_then(Chain::fork).unwrap_or(u64::MAX);
        let above = self.covered(author).map_or(0, |(seq, _)| seq + 1);
        let gone = self.tip().gone_from(author).unwrap_or(u64::MAX);
        fork.max(above).min(gone)
    }

    /// Uncovered deltas of a chain that count, in order.
    pub(super) fn live(&self, author: MemberId) -> Vec<DeltaId> {
        let Some(chain) = self.chains.get(&author) else {
            return Vec::new();
        };
        let covered = self.covered(author);
        let mut prev = covered.map(|(_, id)| id);
        let mut live = Vec::new();
        for seq in covered.map_or(0, |(seq, _)| seq + 1)..self.cut(author) {
            let follows = |id: &DeltaId| {
                self.entries.get(id).is_some_and(|entry| entry.sound.header().prev == prev)
            };
            let Some(id) = chain.at(seq).find(follows) else {
                break;
            };
            live.push(id);
            prev = Some(id);
        }
        live
    }

    /// Height and id of the newest delta of a chain that counts.
    #[must_use]
    pub fn head(&self, author: MemberId) -> Option<(u64, DeltaId)> {
        let newest = self.live(author).pop();
        let height = |id: DeltaId| Some((self.entries.get(&id)?.sound.header().seq, id));
        newest.and_then(height).or_else(|| self.covered(author))
    }

    /// Every delta that no checkpoint covers and that counts, by author and height.
    #[must_use]
    pub fn open_deltas(&self) -> Vec<DeltaId> {
        let authors = self.chains.keys().filter(|author| self.may_count(**author));
        authors.flat_map(|author| self.live(*author)).collect()
    }

    /// Authors with a proven fork, and the height.
    #[must_use]
    pub fn forks(&self) -> BTreeMap<MemberId, u64> {
        self.chains.iter().filter_map(|(author, chain)| Some((*author, chain.fork()?))).collect()
    }

    fn may_count(&self, author: MemberId) -> bool {
        self.tip().gone_from(author).is_none()
    }
}
