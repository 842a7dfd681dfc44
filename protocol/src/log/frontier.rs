//! Frontiers: what this log holds, said shortly, and what a peer with another frontier lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Log;
use super::need::ancestors;
use crate::codec::{Decode, Encode};
use crate::delta::{Delta, Header};
use crate::ids::{DeltaId, Hash, MemberId};

/// The state of one chain: what counts of it, and its fork. Equal heights with different tips are
/// told apart by the tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
pub struct Frontier {
    /// The chain.
    pub author: MemberId,
    /// Height of the newest delta that counts; 0 when there is none, with a zero tip.
    pub seq: u64,
    /// That delta.
    pub tip: DeltaId,
    /// Lowest height with two deltas.
    pub fork: Option<u64>,
    /// For a signer whose chain has forked or has a new key: hash of the ids that are kept beside what counts.
    pub branches: Option<Hash>,
}

impl Log {
    /// One entry per chain, by author.
    #[must_use]
    pub fn frontiers(&self) -> Vec<Frontier> {
        self.listed().filter_map(|author| self.frontier(author)).collect()
    }

    /// Chains that matter: of members, of former members, and Joins whose Vouch no checkpoint covers
    /// yet. A Join that its epoch did not admit is over, so that junk Joins do not grow every digest.
    fn listed(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.chains.keys().copied().filter(|author| self.is_listed(*author))
    }

    pub(super) fn is_listed(&self, author: MemberId) -> bool {
        let pending = || {
            let mut vouches = self.index.vouches_of(DeltaId(author.0));
            vouches.any(|(_, voucher, place)| self.is_live(*voucher, *place))
        };
        let tip = self.tip();
        tip.roster.contains_key(&author) || tip.frontier.contains_key(&author) || pending()
    }

    /// The state of one chain.
    #[must_use]
    pub fn frontier(&self, author: MemberId) -> Option<Frontier> {
        let chain = self.chains.get(&author)?;
        let (seq, tip) = self.head(author).unwrap_or((0, DeltaId::ZERO));
        let fork = chain.fork();
        let kept = self.branches(author);
        let branches = (!kept.is_empty()).then(|| {
            let bytes: Vec<&[u8]> = kept.iter().map(|id| &id.as_bytes()[..]).collect();
            Hash::derive("commonlore/branches/v1", &bytes)
        });
        Some(Frontier { author, seq, tip, fork, branches })
    }

    /// What is kept of a signer's chain beside what counts: everything from a fork on, and what is void and seals what
    /// may be an anchor.
    pub(super) fn branches(&self, author: MemberId) -> BTreeSet<DeltaId> {
        let Some(chain) = self.chains.get(&author).filter(|_| self.is_signer(author)) else {
            return BTreeSet::new();
        };
        let forked = chain.fork().into_iter().flat_map(|fork| chain.from(fork));
        forked.chain(self.void_seals(author)).collect()
    }

    /// Deltas that a peer with these frontiers lacks, up to `max_bytes` encoded; and whether there is more.
    /// First what it asks for by id and will not get otherwise, with everything that rests below,
    /// newest first: so the peer sees that it needs each before it sees the delta. Then, in causal order,
    /// what counts here.
    #[must_use]
    pub fn missing_for(
        &self,
        theirs: &[Frontier],
        wants: &[DeltaId],
        max_bytes: usize,
    ) -> (Vec<Delta>, bool) {
        let theirs: BTreeMap<MemberId, &Frontier> = theirs.iter().map(|f| (f.author, f)).collect();
        let mut ids = BTreeSet::new();
        for author in self.listed() {
            self.missing_of(author, theirs.get(&author).copied(), &mut ids);
        }
        let wanted = self.wanted_by(&theirs, wants, &ids, max_bytes / 2);
        let mut entries: Vec<_> = ids.iter().filter_map(|id| self.entries.get(id)).collect();
        entries.sort_by_key(|entry| causal(&entry.delta.header, entry.id));
        let mut bytes: usize = wanted.iter().map(|delta| size(delta)).sum();
        let mut deltas: Vec<Delta> = wanted.into_iter().cloned().collect();
        for entry in &entries {
            bytes += size(&entry.delta);
            if bytes > max_bytes && !deltas.is_empty() {
                return (deltas, true);
            }
            deltas.push(entry.delta.clone());
        }
        (deltas, false)
    }

    /// Deltas that a peer wants and then their ancestors, newest first, without those that are sent anyway or
    /// that its frontiers say it has. What only waits here is sent too: an id names one header, and the
    /// peer checks what it gets.
    fn wanted_by(
        &self,
        theirs: &BTreeMap<MemberId, &Frontier>,
        wants: &[DeltaId],
        sent: &BTreeSet<DeltaId>,
        max_bytes: usize,
    ) -> Vec<&Delta> {
        let held = |id: DeltaId| {
            let entry = self.get(&id).map(|entry| &entry.delta);
            let delta = entry.or_else(|| self.waiting.get(&id).map(|sound| &sound.delta));
            delta.filter(|_| !sent.contains(&id)).map(|delta| (id, delta))
        };
        let mut bytes = 0;
        let mut wanted: BTreeMap<_, &Delta> = BTreeMap::new();
        let mut fits = |delta: &Delta, count: usize| {
            bytes += size(delta);
            bytes <= max_bytes || count == 0
        };
        for (id, delta) in wants.iter().filter_map(|id| held(*id)) {
            if !fits(delta, wanted.len()) {
                break;
            }
            wanted.insert(causal(&delta.header, id), delta);
        }
        let mut unseen = wanted.clone();
        while let Some((_, delta)) = unseen.pop_last() {
            let below = ancestors(&delta.header).filter_map(held);
            for (id, delta) in below.filter(|(id, delta)| !self.is_below(*id, delta, theirs)) {
                let place = causal(&delta.header, id);
                if wanted.contains_key(&place) {
                    continue;
                }
                if !fits(delta, wanted.len()) {
                    return wanted.into_values().rev().collect();
                }
                wanted.insert(place, delta);
                unseen.insert(place, delta);
            }
        }
        wanted.into_values().rev().collect()
    }

    /// Returns true when a peer with these frontiers has a delta.
    fn is_below(&self, id: DeltaId, delta: &Delta, theirs: &BTreeMap<MemberId, &Frontier>) -> bool {
        let (author, place) = (delta.header.chain_of(id), (delta.header.seq, id));
        theirs.get(&author).is_some_and(|their| {
            let known = self
                .chains
                .get(&author)
                .is_some_and(|chain| chain.at(their.seq).any(|id| id == their.tip));
            known && self.is_on_branch(author, place, (their.seq, their.tip))
        })
    }

    fn missing_of(&self, author: MemberId, theirs: Option<&Frontier>, ids: &mut BTreeSet<DeltaId>) {
        let (Some(chain), Some(ours)) = (self.chains.get(&author), self.frontier(author)) else {
            return;
        };
        if theirs == Some(&ours) {
            return;
        }
        let from = match theirs {
            None => 0,
            Some(their) if their.tip == DeltaId::ZERO => 0,
            // Their branch is ours as far as it goes.
            Some(their) if chain.at(their.seq).any(|id| id == their.tip) => their.seq + 1,
            // Another branch, or longer than ours: from where no checkpoint has settled it.
            Some(_) => self.covered(author).map_or(0, |(seq, _)| seq + 1),
        };
        let signer = self.is_signer(author);
        // What their fork excludes they would refuse, until they need it and ask for it.
        let whole = signer || chain.rotated.is_some();
        let below = theirs.and_then(|their| their.fork).filter(|_| !whole).unwrap_or(u64::MAX);
        if ours.tip != DeltaId::ZERO {
            self.counted(author, from..below, ids);
        }
        if signer && theirs.is_none_or(|t| t.branches != ours.branches) {
            let kept: Vec<DeltaId> = self.branches(author).into_iter().collect();
            ids.extend(self.void_branches(author, &kept));
            ids.extend(kept);
        } else if let Some(fork) = ours.fork
            && theirs.is_none_or(|t| t.fork.is_none_or(|f| f > fork))
        {
            ids.extend(chain.at(fork).take(2));
        }
    }

    /// Adds the counted chain between two heights: covered and live.
    fn counted(&self, author: MemberId, heights: Range<u64>, ids: &mut BTreeSet<DeltaId>) {
        let mut next = self.head(author).map(|(_, id)| id);
        while let Some(entry) = next.and_then(|id| self.entries.get(&id)) {
            let header = entry.header();
            if header.seq < heights.start {
                return;
            }
            if header.seq < heights.end {
                ids.insert(entry.id);
            }
            next = header.prev;
        }
    }
}

/// A sort key by which ancestors come first.
const fn causal(header: &Header, id: DeltaId) -> (u32, u32, DeltaId) {
    (header.epoch, header.depth, id)
}

fn size(delta: &Delta) -> usize {
    usize::try_from(delta.size_bytes()).unwrap_or(usize::MAX)
}
