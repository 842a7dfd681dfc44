//! One author's chain: linear below its lowest fork.

use std::collections::BTreeMap;

use super::Log;
use super::heights::{Heights, lowest_twins};
use super::rotation::Rotated;
use crate::ids::{DeltaId, MemberId};

/// Ids by height, without those that a new key voids. More than one at a height is a fork.
///
/// A delta is accepted after its prev, so heights have no gaps, and below the lowest fork they are one
/// line.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    heights: Heights,
    fork: Option<u64>,
    /// Of a chain whose key was replaced.
    pub(super) rotated: Option<Rotated>,
}

impl Chain {
    pub(super) fn insert(&mut self, seq: u64, id: DeltaId) {
        self.heights.insert(seq, id);
        if self.heights.at(seq).count() > 1 {
            self.fork = Some(self.fork.map_or(seq, |fork| fork.min(seq)));
        }
    }

    /// Replaces what counts of the chain.
    pub(super) fn set(&mut self, heights: Heights) {
        self.fork = heights.doubled();
        self.heights = heights;
    }

    pub(super) const fn heights(&self) -> &Heights {
        &self.heights
    }

    /// Lowest height with two deltas, one of which a new key may void.
    pub(super) fn doubled(&self) -> Option<u64> {
        self.rotated.as_ref().map_or(self.fork, |rotated| rotated.all.doubled())
    }

    pub(super) fn from(&self, seq: u64) -> impl Iterator<Item = DeltaId> + '_ {
        self.heights.from(seq).map(|(_, id)| id)
    }

    /// Every delta at these heights, what a new key voids included.
    pub(super) fn all_between(&self, from: u64, top: u64) -> impl Iterator<Item = DeltaId> + '_ {
        let all = self.rotated.as_ref().map_or(&self.heights, |rotated| &rotated.all);
        all.between(from, top.saturating_add(1)).map(|(_, id)| id)
    }

    /// Lowest height with two deltas.
    pub(super) const fn fork(&self) -> Option<u64> {
        self.fork
    }

    pub(super) fn at(&self, seq: u64) -> impl Iterator<Item = DeltaId> + '_ {
        self.heights.at(seq)
    }

    fn between(
        &self,
        from: u64,
        below: u64,
    ) -> impl DoubleEndedIterator<Item = (u64, DeltaId)> + '_ {
        self.heights.between(from, below)
    }
}

impl Log {
    /// Covered height and id of a chain, if any of it is sealed.
    pub(super) fn covered(&self, author: MemberId) -> Option<(u64, DeltaId)> {
        self.tip().frontier.get(&author).copied()
    }

    /// First height that no checkpoint covers.
    fn above(&self, author: MemberId) -> u64 {
        self.covered(author).map_or(0, |(seq, _)| seq + 1)
    }

    /// First height that is not counted: the fork, but never below what is covered.
    fn cut(&self, author: MemberId) -> u64 {
        let fork = self.chains.get(&author).and_then(Chain::fork).unwrap_or(u64::MAX);
        let gone = self.tip().gone_from(author).unwrap_or(u64::MAX);
        fork.max(self.above(author)).min(gone)
    }

    /// Uncovered deltas of a chain that count, in order. Above what is covered and below the fork the
    /// chain is one line, so the heights alone say which.
    pub(super) fn live(&self, author: MemberId) -> impl Iterator<Item = (u64, DeltaId)> + '_ {
        let chain = self.chains.get(&author);
        chain.into_iter().flat_map(move |c| c.between(self.above(author), self.cut(author)))
    }

    /// Returns true when this delta of a chain is uncovered and counts.
    pub(super) fn is_live(&self, author: MemberId, (seq, id): (u64, DeltaId)) -> bool {
        let chain = self.chains.get(&author);
        (self.above(author)..self.cut(author)).contains(&seq)
            && chain.is_some_and(|chain| chain.at(seq).any(|known| known == id))
    }

    /// Height and id of the newest delta of a chain that counts.
    #[must_use]
    pub fn head(&self, author: MemberId) -> Option<(u64, DeltaId)> {
        let chain = self.chains.get(&author)?;
        let (above, cut) = (self.above(author), self.cut(author));
        chain.between(above, cut).next_back().or_else(|| self.covered(author))
    }

    /// Returns true when `id` is the delta at height `seq` on the branch that ends in `tip`.
    pub(super) fn is_on_branch(
        &self,
        author: MemberId,
        (seq, id): (u64, DeltaId),
        tip: (u64, DeltaId),
    ) -> bool {
        if seq > tip.0 {
            return false;
        }
        let doubled = self.chains.get(&author).and_then(Chain::doubled);
        if doubled.is_none_or(|doubled| seq < doubled) {
            return true;
        }
        let mut next = Some(tip.1);
        while let Some(entry) = next.and_then(|id| self.entries.get(&id)) {
            let header = entry.header();
            if header.seq <= seq {
                return entry.id == id;
            }
            next = header.prev;
        }
        false
    }

    /// Every delta that no checkpoint covers and that counts, by author and height.
    #[must_use]
    pub fn open_deltas(&self) -> Vec<DeltaId> {
        let authors = self.chains.keys().filter(|author| self.may_count(**author));
        let due = |author: &MemberId| self.live(*author).take_while(|(_, id)| self.is_due(id));
        authors.flat_map(due).map(|(_, id)| id).collect()
    }

    /// Authors with a proven fork, and the height.
    #[must_use]
    pub fn forks(&self) -> BTreeMap<MemberId, u64> {
        self.chains.iter().filter_map(|(author, chain)| Some((*author, chain.fork()?))).collect()
    }

    /// Returns true when two deltas of one height, none of an epoch later than `epoch`, prove a fork. Later ones may
    /// be anchored beside the line, and what seals an epoch must not rest on what comes after it.
    pub(super) fn is_forked_by(&self, author: MemberId, epoch: u32) -> bool {
        let Some(chain) = self.chains.get(&author) else { return false };
        let Some(fork) = chain.fork() else { return false };
        let early = |(_, id): &(u64, DeltaId)| {
            self.entries.get(id).is_some_and(|entry| entry.header().epoch <= epoch)
        };
        lowest_twins(chain.heights.from(fork).filter(early)).is_some()
    }

    pub(super) fn is_forked(&self, author: MemberId) -> bool {
        self.chains.get(&author).is_some_and(|chain| chain.fork().is_some())
    }

    pub(super) fn may_count(&self, author: MemberId) -> bool {
        self.tip().gone_from(author).is_none()
    }
}
