//! New keys: what of a chain stands after its member replaced its key.
//!
//! A RotateKey is signed by the recovery key, which only the member has. So what is on another branch than it is void,
//! unless a checkpoint covers it. A checkpoint is final,
//! though, so a RotateKey below what one covers, or on another branch, is void itself. Two that do not follow each
//! other are a fork, as two deltas of any other kind are.
//!
//! The old key of an only signer may have sealed epochs twice, or may be in a thief's hands that go on sealing. So its
//! RotateKey also settles which checkpoints stand: those up to its anchor. Where several sign, an old key is one signer
//! that lies, and none of them can undo what a quorum has sealed.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::Chain;
use super::check::Fault;
use super::heights::{Heights, lowest_twins};
use super::{Entry, Log, Sealed};
use crate::delta::{Header, Sound};
use crate::identity::recovery_hash;
use crate::ids::{CheckpointId, DeltaId, MemberId, PublicKey};
use crate::payload::{MAX_KEPT, Payload, PayloadKind, RotateKey};

/// A chain whose key was replaced.
#[derive(Debug, Clone, Default)]
pub(super) struct Rotated {
    /// Every delta of it here, void ones included.
    pub(super) all: Heights,
}

/// What a RotateKey of a member that was the only signer says of the checkpoints that its old key sealed.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    /// Checkpoints up to and with its anchor: they stand.
    line: BTreeSet<CheckpointId>,
    /// Others that may be anchors.
    keeps: BTreeSet<CheckpointId>,
    /// Checkpoints that its member signed before it, on its branch.
    before: BTreeSet<DeltaId>,
    seq: u64,
}

impl Log {
    /// Members of the last sealed epoch, with the key that each has now.
    pub fn members(&self) -> impl Iterator<Item = (MemberId, PublicKey)> + '_ {
        let roster = self.tip().roster.values();
        roster.map(|entry| (entry.member, self.newest_key(entry.member).unwrap_or(entry.key)))
    }

    /// The key that a member of the last sealed epoch has now.
    #[must_use]
    pub fn key_now(&self, member: MemberId) -> Option<PublicKey> {
        let entry = self.tip().roster.get(&member)?;
        Some(self.newest_key(member).unwrap_or(entry.key))
    }

    /// The newest key of a member that has had several.
    fn newest_key(&self, member: MemberId) -> Option<PublicKey> {
        self.chains.get(&member)?.rotated.as_ref()?;
        self.head(member).and_then(|(_, id)| self.entries.get(&id)).map(|entry| entry.key)
    }

    /// Keys that a member is known to have had.
    pub(super) fn keys_of(&self, member: MemberId) -> impl Iterator<Item = PublicKey> + '_ {
        let listed = self.tip().roster.get(&member).map(|entry| entry.key);
        [self.key_of(member), listed, self.newest_key(member)].into_iter().flatten()
    }

    /// The keys that have likely signed these deltas, if the first ones are what the later ones rest on.
    #[must_use]
    pub fn likely_keys(&self, sounds: &[Sound]) -> Vec<Option<PublicKey>> {
        let mut known: BTreeMap<MemberId, PublicKey> = BTreeMap::new();
        let one = |sound: &Sound| {
            let author = sound.chain();
            let new = match &sound.payload {
                Payload::Join(join) => Some(join.key),
                Payload::RotateKey(rotation) => Some(rotation.new_key),
                _ => None,
            };
            if let Some(key) = new.or_else(|| known.get(&author).copied()) {
                known.insert(author, key);
                return Some(key);
            }
            let before = sound.header().prev.and_then(|prev| self.entries.get(&prev));
            let key = before.map(|entry| entry.key).or_else(|| self.keys_of(author).last());
            known.extend(key.map(|key| (author, key)));
            key
        };
        sounds.iter().map(one).collect()
    }

    /// The new key, when the recovery key that the member's Join names has signed for it; none while the Join is not
    /// here.
    pub(super) fn key_by_recovery(
        &self,
        header: &Header,
        rotation: &RotateKey,
    ) -> Result<Option<PublicKey>, Fault> {
        let place = rotation.last_good;
        let prev = header.prev.map(|prev| (header.seq.saturating_sub(1), prev));
        if rotation.member != header.author || prev != Some(place) {
            return Err(Fault::Header("a new key follows the last good delta of its member"));
        }
        let Some(first) = self.entries.get(&DeltaId(header.author.0)) else { return Ok(None) };
        let Some(Payload::Join(join)) = first.control() else { return Err(Fault::NotMember) };
        let message = rotation.signed_bytes(header.federation);
        let named = recovery_hash(&rotation.recovery_key) == join.recovery;
        if !named || !rotation.recovery_key.verify(&message, &rotation.recovery_signature) {
            return Err(Fault::Forged);
        }
        Ok(Some(rotation.new_key))
    }

    /// Adds an accepted delta to its chain.
    pub(super) fn extend_chain(&mut self, author: MemberId, (seq, id): (u64, DeltaId)) {
        let rotates = self.is_rotation(&id);
        if rotates {
            self.note_rotation(author, id);
        }
        let chain = self.chains.entry(author).or_default();
        let Some(rotated) = &mut chain.rotated else {
            chain.insert(seq, id);
            if rotates {
                let all = chain.heights().clone();
                chain.rotated = Some(Rotated { all });
                self.settle_chain(author);
            }
            return;
        };
        rotated.all.insert(seq, id);
        let alone = rotated.all.from(seq).take(2).count() == 1;
        if alone && !rotates && self.prev_counts(author, &id) {
            self.chains.entry(author).or_default().insert(seq, id);
        } else {
            self.settle_chain(author);
        }
    }

    fn note_rotation(&mut self, author: MemberId, id: DeltaId) {
        let Some(entry) = self.entries.get(&id) else { return };
        let Some(Payload::RotateKey(rotate)) = entry.control() else { return };
        let header = entry.header();
        let parent = |id: &CheckpointId| self.anchor(*id).map(|sealed| sealed.body.parent);
        let line = std::iter::successors(Some(header.anchor), |id| {
            parent(id).filter(|parent| parent != id)
        });
        let settled = Settled {
            line: line.collect(),
            keeps: rotate.keeps.iter().copied().collect(),
            before: std::iter::successors(header.prev, |id| self.prev_of(id))
                .filter(|id| self.is_checkpoint(id))
                .collect(),
            seq: header.seq,
        };
        self.unsettled = true;
        self.settled.entry(author).or_default().insert(id, settled);
    }

    /// Returns true when a Commit of the only signer seals a body: it is on the same branch as each of the signer's
    /// RotateKeys, or they say that the body stands or may be an anchor.
    pub(super) fn may_seal(&self, signer: MemberId, vote: DeltaId, body: CheckpointId) -> bool {
        let mut settled = self.settled.get(&signer).into_iter().flatten();
        settled.all(|(rotation, one)| {
            one.line.contains(&body)
                || one.keeps.contains(&body)
                || one.before.contains(&vote)
                || self.is_after(vote, *rotation, one.seq)
        })
    }

    /// Returns true when the new key of the only signer says that a checkpoint stands.
    pub(super) fn is_settled(&self, parent: &Sealed, id: CheckpointId) -> bool {
        let [signer] = parent.signers[..] else { return false };
        let mut settled = self.settled.get(&signer).into_iter().flatten();
        settled.any(|(_, one)| one.line.contains(&id))
    }

    /// Returns true when a delta is this one, at height `seq`, or comes after it on its chain.
    fn is_after(&self, id: DeltaId, first: DeltaId, seq: u64) -> bool {
        let height = |id: &DeltaId| self.entries.get(id).map(|entry| entry.header().seq);
        let above = std::iter::successors(Some(id), |id| self.prev_of(id));
        let mut above = above.take_while(|id| height(id).is_some_and(|height| height >= seq));
        above.any(|one| one == first)
    }

    /// Checkpoints beside the line that a RotateKey should keep, the newest of them.
    #[must_use]
    pub fn kept_beside(&self) -> Vec<CheckpointId> {
        let mut beside: Vec<_> = self.beside.values().map(|one| (one.epoch(), one.id)).collect();
        beside.sort_by(|a, b| b.cmp(a));
        beside.truncate(MAX_KEPT);
        let mut kept: Vec<CheckpointId> = beside.into_iter().map(|(_, id)| id).collect();
        kept.sort();
        kept
    }

    /// Returns true when two deltas of one height, none of an epoch later than `epoch`, were a fork before a new key
    /// made them void. A checkpoint that excludes their author for them stands: its signers had not heard of the key.
    pub(super) fn has_void_twins(&self, author: MemberId, epoch: u32) -> bool {
        let rotated = self.chains.get(&author).and_then(|chain| chain.rotated.as_ref());
        let early = |(_, id): &(u64, DeltaId)| {
            let entry = self.entries.get(id).filter(|_| !self.is_rotation(id));
            entry.is_some_and(|entry| entry.header().epoch <= epoch)
        };
        rotated.is_some_and(|rotated| lowest_twins(rotated.all.iter().filter(early)).is_some())
    }

    /// Returns true when a delta may be one of the two that prove why a final checkpoint, which is not sealed here,
    /// excludes its author: a new key made them void, and they were not kept.
    pub(super) fn may_prove_ahead(&self, header: &Header) -> bool {
        let author = header.author;
        let Some(chain) = self.chains.get(&author) else { return false };
        let Some(rotated) = &chain.rotated else { return false };
        let here = rotated.all.at(header.seq);
        here.filter(|id| !self.is_rotation(id)).count() < 2
            && self.excluded_ahead().any(|(member, epoch)| {
                member == author && header.epoch <= epoch && !self.has_void_twins(member, epoch)
            })
    }

    /// Void deltas of a signer that seal what may be an anchor.
    pub(super) fn void_seals(&self, author: MemberId) -> Vec<DeltaId> {
        let Some(chain) = self.chains.get(&author) else { return Vec::new() };
        let Some(rotated) = &chain.rotated else { return Vec::new() };
        let void =
            rotated.all.iter().filter(|(seq, id)| !chain.at(*seq).any(|counted| counted == *id));
        void.map(|(_, id)| id).filter(|id| self.is_kept_seal(author, id)).collect()
    }

    fn is_kept_seal(&self, author: MemberId, id: &DeltaId) -> bool {
        match self.get(id).and_then(Entry::control) {
            Some(Payload::Checkpoint(one)) => self.may_seal(author, *id, one.body.id()),
            _ => false,
        }
    }

    /// The void deltas that these stand on, and these.
    pub(super) fn void_branches(&self, author: MemberId, tips: &[DeltaId]) -> BTreeSet<DeltaId> {
        let mut found = BTreeSet::new();
        for tip in tips {
            let mut next = Some(*tip);
            while let Some(id) = next.filter(|id| !self.counts(author, id) && !found.contains(id)) {
                found.insert(id);
                next = self.prev_of(&id);
            }
        }
        found
    }

    fn counts(&self, author: MemberId, id: &DeltaId) -> bool {
        let seq = self.entries.get(id).map(|entry| entry.header().seq);
        let chain = self.chains.get(&author);
        chain.zip(seq).is_some_and(|(chain, seq)| chain.at(seq).any(|one| one == *id))
    }

    /// Another epoch was sealed: what it covers stands.
    pub(super) fn settle_rotated(&mut self) {
        let rotated = self.chains.iter().filter(|(_, chain)| chain.rotated.is_some());
        let authors: Vec<MemberId> = rotated.map(|(author, _)| *author).collect();
        for author in authors {
            self.settle_chain(author);
        }
    }

    /// Computes what counts of a chain whose key was replaced.
    fn settle_chain(&mut self, author: MemberId) {
        let Some(rotated) = self.chains.get(&author).and_then(|chain| chain.rotated.as_ref())
        else {
            return;
        };
        let covered = self.covered_branch(author);
        // The newest RotateKey at or below each delta; ids come by height, so that of prev is known.
        let mut keyed: BTreeMap<DeltaId, Option<DeltaId>> = BTreeMap::new();
        for (_, id) in rotated.all.iter() {
            let before = self.prev_of(&id).and_then(|prev| keyed.get(&prev).copied().flatten());
            keyed.insert(id, if self.is_rotation(&id) { Some(id) } else { before });
        }
        let all = rotated.all.iter().map(|(_, id)| id);
        let standing: Vec<(DeltaId, BTreeSet<DeltaId>)> = all
            .filter(|id| self.is_rotation(id) && self.follows_covered(author, id, &covered))
            // Nothing of a member that is gone is undone: what a checkpoint excluded stays excluded.
            .filter(|id| covered.contains(id) || self.tip().gone_from(author).is_none())
            .map(|id| (id, std::iter::successors(Some(id), |id| self.prev_of(id)).collect()))
            .collect();
        let mut void: BTreeSet<DeltaId> = BTreeSet::new();
        let mut heights = Heights::default();
        for (seq, id) in rotated.all.iter() {
            let own = keyed.get(&id).copied().flatten();
            let comes_after = |rotation: &DeltaId, id: &DeltaId| {
                std::iter::successors(keyed.get(id).copied().flatten(), |one| {
                    keyed.get(&self.prev_of(one)?).copied().flatten()
                })
                .any(|one| one == *rotation)
            };
            let outranked = standing.iter().any(|(rotation, branch)| {
                !branch.contains(&id)
                    && !comes_after(rotation, &id)
                    && own.is_none_or(|own| comes_after(&own, rotation))
            });
            let fallen = self.is_rotation(&id) && !standing.iter().any(|(one, _)| *one == id);
            let below = self.prev_of(&id).is_some_and(|prev| void.contains(&prev));
            if !covered.contains(&id) && (outranked || fallen || below) {
                void.insert(id);
            } else {
                heights.insert(seq, id);
            }
        }
        if let Some(chain) = self.chains.get_mut(&author) {
            chain.set(heights);
        }
        self.opened.begin();
    }

    /// Returns true when a delta is on the branch that checkpoints cover, or after its tip.
    fn follows_covered(&self, author: MemberId, id: &DeltaId, covered: &BTreeSet<DeltaId>) -> bool {
        let Some((_, tip)) = self.covered(author) else { return true };
        let mut next = Some(*id);
        covered.contains(id)
            || std::iter::from_fn(|| {
                let now = next?;
                next = self.prev_of(&now);
                Some(now)
            })
            .any(|one| one == tip)
    }

    /// The deltas of a chain that checkpoints cover.
    fn covered_branch(&self, author: MemberId) -> BTreeSet<DeltaId> {
        let tip = self.covered(author).map(|(_, id)| id);
        std::iter::successors(tip, |id| self.prev_of(id)).collect()
    }

    fn prev_of(&self, id: &DeltaId) -> Option<DeltaId> {
        self.entries.get(id)?.header().prev
    }

    fn prev_counts(&self, author: MemberId, id: &DeltaId) -> bool {
        let prev = self.entries.get(id).and_then(|entry| {
            let header = entry.header();
            Some((header.seq.checked_sub(1)?, header.prev?))
        });
        prev.is_some_and(|(seq, prev)| {
            self.chains.get(&author).is_some_and(|chain| chain.at(seq).any(|id| id == prev))
        })
    }

    fn is_checkpoint(&self, id: &DeltaId) -> bool {
        let is = |entry: &Entry| entry.header().payload_kind == PayloadKind::Checkpoint;
        self.get(id).is_some_and(is)
    }

    fn is_rotation(&self, id: &DeltaId) -> bool {
        let is = |entry: &Entry| entry.header().payload_kind == PayloadKind::RotateKey;
        self.get(id).is_some_and(is)
    }

    /// Number of RotateKeys at a height of a chain.
    pub(super) fn rotations_at(&self, author: MemberId, seq: u64) -> usize {
        let rotated = self.chains.get(&author).and_then(|chain| chain.rotated.as_ref());
        let ids = rotated.into_iter().flat_map(|rotated| rotated.all.at(seq));
        ids.filter(|id| self.is_rotation(id)).count()
    }

    /// Returns true when a new key voids a delta that is not here yet: its prev is void, or a RotateKey is at its
    /// height or above, on a branch without it.
    pub(super) fn is_void(&self, header: &Header) -> bool {
        let Some(chain) = self.chains.get(&header.author).filter(|chain| chain.rotated.is_some())
        else {
            return false;
        };
        let before = header.seq.saturating_sub(1);
        !Chain::at(chain, before).any(|id| Some(id) == header.prev)
            || chain.from(header.seq).any(|id| self.is_rotation(&id))
    }
}
