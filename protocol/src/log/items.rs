//! What a log counts, in the order in which two logs compare it, with a digest of every epoch.
//!
//! An item is a counted delta at its epoch and depth, or the mark of a fork. Items change with what
//! counts: a delta more adds one, a fork or an end of a chain takes some away. So every chain remembers
//! which items it has here, and is looked at again when something about it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::OnceLock;

use super::chain::Chain;
use super::{Entry, Log};
use crate::codec;
use crate::delta::Delta;
use crate::ids::{CheckpointId, DeltaId, FederationId, Hash, MemberId};

/// Place of an item. Ancestors have smaller ones, and marks of forks the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Epoch of the delta; 0 for the mark of a fork.
    pub epoch: u32,
    /// Depth of the delta; 0 for the mark of a fork.
    pub depth: u32,
    /// Id of the delta, or the mark.
    pub id: Hash,
}

impl Place {
    /// The smallest place.
    pub const FIRST: Self = Self { epoch: 0, depth: 0, id: Hash::ZERO };

    /// The smallest place of an epoch.
    #[must_use]
    pub const fn epoch(epoch: u32) -> Self {
        Self { epoch, ..Self::FIRST }
    }

    fn of(entry: &Entry) -> Self {
        let header = entry.header();
        Self { epoch: header.epoch, depth: header.depth, id: Hash(entry.id.0) }
    }
}

#[derive(Debug, Clone, Default)]
struct Epoch {
    items: BTreeSet<(u32, Hash)>,
    digest: OnceLock<Hash>,
}

impl Epoch {
    fn digest(&self) -> Hash {
        *self.digest.get_or_init(|| {
            let ids: Vec<u8> = self.items.iter().flat_map(|(_, id)| id.0).collect();
            Hash::derive("commonlore/epoch/v1", &[&ids])
        })
    }
}

/// Items of one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Listed {
    /// The deltas at heights 0 to this one, of which there is one each here.
    Heights(u64),
    /// These.
    Places(BTreeSet<Place>),
}

/// All items of a log.
#[derive(Debug, Clone, Default)]
pub struct Items {
    epochs: BTreeMap<u32, Epoch>,
    listed: BTreeMap<MemberId, Listed>,
    marks: BTreeMap<Hash, MemberId>,
    digest: OnceLock<Hash>,
    /// The sealed epoch that they follow from.
    tip: Option<CheckpointId>,
}

impl Items {
    /// Number of items in a range.
    #[must_use]
    pub fn count(&self, from: Place, until: Option<Place>) -> usize {
        self.range(from, until).count()
    }

    /// Items from a place on and before another, in order.
    pub fn range(&self, from: Place, until: Option<Place>) -> impl Iterator<Item = Place> + '_ {
        let last = until.map_or(Unbounded, |place| Included(place.epoch));
        let some = until.is_none_or(|until| from < until);
        let epochs = some.then(|| self.epochs.range((Included(from.epoch), last)));
        epochs.into_iter().flatten().flat_map(move |(&epoch, found)| {
            let first = if epoch == from.epoch { (from.depth, from.id) } else { (0, Hash::ZERO) };
            let end = match until {
                Some(place) if place.epoch == epoch => Excluded((place.depth, place.id)),
                _ => Unbounded,
            };
            // An epoch that ends where it begins has nothing of the range.
            let some = !matches!(end, Excluded(end) if end <= first);
            let items = some.then(|| found.items.range((Included(first), end)));
            items.into_iter().flatten().map(move |&(depth, id)| Place { epoch, depth, id })
        })
    }

    /// Epochs with items, ascending, and their digests.
    pub fn epochs(&self) -> impl DoubleEndedIterator<Item = (u32, Hash)> + '_ {
        self.epochs.iter().map(|(epoch, found)| (*epoch, found.digest()))
    }

    /// Digest of one epoch; none without items.
    #[must_use]
    pub fn epoch(&self, epoch: u32) -> Option<Hash> {
        self.epochs.get(&epoch).map(Epoch::digest)
    }

    /// Digest of all epochs before one.
    #[must_use]
    pub fn before(&self, epoch: u32) -> Hash {
        digest(&self.epochs().take_while(|(at, _)| *at < epoch).collect::<Vec<_>>())
    }

    /// Digest of everything.
    #[must_use]
    pub fn digest(&self) -> Hash {
        *self.digest.get_or_init(|| digest(&self.epochs().collect::<Vec<_>>()))
    }

    fn insert(&mut self, place: Place) {
        let epoch = self.epochs.entry(place.epoch).or_default();
        if epoch.items.insert((place.depth, place.id)) {
            epoch.digest = OnceLock::new();
            self.digest = OnceLock::new();
        }
    }

    fn remove(&mut self, place: Place) {
        let Some(epoch) = self.epochs.get_mut(&place.epoch) else { return };
        if epoch.items.remove(&(place.depth, place.id)) {
            epoch.digest = OnceLock::new();
            self.digest = OnceLock::new();
        }
        if epoch.items.is_empty() {
            self.epochs.remove(&place.epoch);
        }
    }
}

/// Digest of epochs with their digests, ascending.
#[must_use]
pub fn digest(epochs: &[(u32, Hash)]) -> Hash {
    Hash::derive("commonlore/frontiers/v2", &[&codec::encode(&epochs.to_vec())])
}

/// The mark of a fork: one item for all that it excludes.
fn mark(federation: FederationId, author: MemberId, fork: u64) -> Hash {
    let (federation, author) = (federation.as_bytes(), author.as_bytes());
    Hash::derive("commonlore/fork/v1", &[federation, author, &fork.to_le_bytes()])
}

impl Log {
    /// Items that equal logs have alike.
    #[must_use]
    pub const fn items(&self) -> &Items {
        &self.items
    }

    /// Equal digests mean equal sets of counted deltas and known forks.
    #[must_use]
    pub fn digest(&self) -> Hash {
        self.items.digest()
    }

    /// Deltas of an item: itself, or two that prove a fork.
    pub(crate) fn deltas_of(&self, place: &Place) -> impl Iterator<Item = &Delta> {
        let forked = self.items.marks.get(&place.id).and_then(|author| self.chains.get(author));
        let pair = forked.and_then(|chain| Some(chain.at(chain.fork()?).take(2)));
        let one = pair.is_none().then_some(DeltaId(place.id.0));
        let ids = pair.into_iter().flatten().chain(one);
        ids.filter_map(|id| self.delta(&id))
    }

    /// Looks at the items of a chain again, to which a delta was added.
    pub(super) fn list_delta(&mut self, author: MemberId, was_forked: bool) {
        self.list(author);
        let rotated = self.chains.get(&author).is_some_and(|chain| chain.rotated.is_some());
        if rotated || was_forked != self.is_forked(author) {
            // Vouches of it may count no more, or again.
            let tip = self.tip();
            let pending = self.chains.keys().filter(|author| {
                !tip.roster.contains_key(author) && !tip.frontier.contains_key(author)
            });
            let pending: Vec<MemberId> = pending.copied().collect();
            pending.into_iter().for_each(|author| self.list(author));
        }
    }

    /// Looks at the items of every chain again when another epoch is the last sealed one.
    pub(super) fn list_sealed(&mut self) {
        if self.items.tip != Some(self.tip().id) {
            self.items.tip = Some(self.tip().id);
            self.list_all();
        }
    }

    fn list_all(&mut self) {
        let authors: Vec<MemberId> = self.chains.keys().copied().collect();
        authors.into_iter().for_each(|author| self.list(author));
    }

    /// Brings the items of one chain up to date.
    pub(super) fn list(&mut self, author: MemberId) {
        let now = self.chains.get(&author).and_then(|chain| self.listing(author, chain));
        let before = self.items.listed.remove(&author);
        match (before, &now) {
            (Some(Listed::Heights(old)), Some(Listed::Heights(new))) if old <= *new => {
                self.places(author, old + 1, *new).into_iter().for_each(|at| self.items.insert(at));
            }
            (before, now) if before != *now => {
                // What was listed by height may not count any more: then it is one of two at its height.
                let all = |listed: &Option<Listed>| match listed {
                    Some(Listed::Heights(top)) => self.places(author, 0, *top),
                    Some(Listed::Places(places)) => places.iter().copied().collect(),
                    None => Vec::new(),
                };
                let (old, new) = (all(&before), all(now));
                old.into_iter().for_each(|place| self.items.remove(place));
                new.into_iter().for_each(|place| self.items.insert(place));
            }
            _ => {}
        }
        if let Some(now) = now {
            self.items.listed.insert(author, now);
        }
        if let Some(fork) = self.chains.get(&author).and_then(Chain::fork) {
            self.items.marks.insert(mark(self.federation, author, fork), author);
        }
    }

    fn places(&self, author: MemberId, from: u64, top: u64) -> Vec<Place> {
        let chain = self.chains.get(&author).into_iter();
        let ids = chain.flat_map(|chain| chain.all_between(from, top));
        ids.filter_map(|id| self.entries.get(&id)).map(|entry| Place::of(entry)).collect()
    }

    fn listing(&self, author: MemberId, chain: &Chain) -> Option<Listed> {
        if !self.is_listed(author) {
            return None;
        }
        let head = self.head(author);
        if chain.doubled().is_none() {
            return head.map(|(seq, _)| Listed::Heights(seq));
        }
        let mark = chain.fork().map(|fork| mark(self.federation, author, fork));
        let mark = mark.map(|id| Place { id, ..Place::FIRST });
        let mut places: BTreeSet<Place> = mark.into_iter().collect();
        let mut next = head.map(|(_, id)| id);
        while let Some(entry) = next.and_then(|id| self.entries.get(&id)) {
            places.insert(Place::of(entry));
            next = entry.header().prev;
        }
        // What is kept of a signer's chain beside that, and what it stands on.
        let kept: Vec<DeltaId> = self.branches(author).into_iter().collect();
        let below = self.void_branches(author, &kept).into_iter();
        let branches = below.chain(kept).filter_map(|id| self.entries.get(&id));
        places.extend(branches.map(|entry| Place::of(entry)));
        Some(Listed::Places(places))
    }
}
