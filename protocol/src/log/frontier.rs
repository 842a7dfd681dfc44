//! What this log holds, said shortly, and what a peer with another frontier lacks.

use std::collections::{BTreeMap, BTreeSet};

use bincode::{Decode, Encode};

use super::Log;
use crate::codec;
use crate::delta::Delta;
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
    /// For a forked signer, whose branches are kept whole: hash of all ids from the fork on.
    pub branches: Hash,
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
        let pending = |author: &MemberId| {
            let mut vouches = self.index.vouches_of(DeltaId(author.0));
            vouches.any(|(_, voucher, place)| self.is_live(*voucher, place.0))
        };
        self.chains.keys().copied().filter(move |author| {
            let tip = self.tip();
            tip.roster.contains_key(author) || tip.frontier.contains_key(author) || pending(author)
        })
    }

    /// The state of one chain.
    #[must_use]
    pub fn frontier(&self, author: MemberId) -> Option<Frontier> {
        let chain = self.chains.get(&author)?;
        let (seq, tip) = self.head(author).unwrap_or((0, DeltaId::ZERO));
        let fork = chain.fork();
        let branches = match fork {
            Some(fork) if self.is_signer(author) => {
                let ids: BTreeSet<DeltaId> = chain.from(fork).collect();
                let bytes: Vec<&[u8]> = ids.iter().map(|id| &id.as_bytes()[..]).collect();
                Hash::derive("commonlore/branches/v1", &bytes)
            }
            _ => Hash::ZERO,
        };
        Some(Frontier { author, seq, tip, fork, branches })
    }

    /// Equal digests mean equal sets of counted deltas and known forks.
    #[must_use]
    pub fn digest(&self) -> Hash {
        digest(&self.frontiers())
    }

    /// What a peer with these frontiers lacks, or asks for by id, in causal order, up to `max_bytes`
    /// of encoded deltas; and whether there is more.
    #[must_use]
    pub fn missing_for(
        &self,
        theirs: &[Frontier],
        wants: &[DeltaId],
        max_bytes: usize,
    ) -> (Vec<Delta>, bool) {
        let theirs: BTreeMap<MemberId, &Frontier> = theirs.iter().map(|f| (f.author, f)).collect();
        let mut ids: BTreeSet<DeltaId> =
            wants.iter().filter(|id| self.entries.contains_key(id)).copied().collect();
        for author in self.listed() {
            self.missing_of(author, theirs.get(&author).copied(), &mut ids);
        }
        let mut entries: Vec<_> = ids.iter().filter_map(|id| self.entries.get(id)).collect();
        entries.sort_by_key(|entry| {
            let header = entry.sound.header();
            (header.epoch, header.depth, entry.sound.id)
        });
        let mut bytes = 0;
        let mut deltas = Vec::new();
        for entry in &entries {
            bytes += entry.sound.header().payload_len as usize + 512;
            if bytes > max_bytes && !deltas.is_empty() {
                return (deltas, true);
            }
            deltas.push(entry.sound.delta.clone());
        }
        (deltas, false)
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
        if ours.tip != DeltaId::ZERO {
            self.counted(author, from, ids);
        }
        if let Some(fork) = ours.fork {
            if self.is_signer(author) && theirs.is_none_or(|t| t.branches != ours.branches) {
                ids.extend(chain.from(fork));
            } else if theirs.is_none_or(|t| t.fork.is_none_or(|f| f > fork)) {
                ids.extend(chain.at(fork).take(2));
            }
        }
    }

    /// Adds the counted chain from a height on: covered and live.
    fn counted(&self, author: MemberId, from: u64, ids: &mut BTreeSet<DeltaId>) {
        let mut next = self.head(author).map(|(_, id)| id);
        while let Some(entry) = next.and_then(|id| self.entries.get(&id)) {
            if entry.sound.header().seq < from {
                return;
            }
            ids.insert(entry.sound.id);
            next = entry.sound.header().prev;
        }
    }
}

/// Digest of a list of frontiers.
#[must_use]
pub fn digest(frontiers: &[Frontier]) -> Hash {
    Hash::derive("commonlore/frontiers/v1", &[&codec::encode(&frontiers.to_vec())])
}
