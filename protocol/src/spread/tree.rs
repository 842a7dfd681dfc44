//! The tree: pushes, announcements, and what is done about what does not come.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::links::Peer;
use super::recent::Kept;
use super::{
    Frame, HAVE_AFTER, MAX_IDS, Output, ROUND_WAIT, ShortId, Spread, Verdict, WANT_AFTER, WANT_WAIT,
};
use crate::delta::Delta;
use crate::ids::{DeltaId, PublicKey};

/// Most deltas that are waited for.
pub(super) const MAX_MISSING: usize = 1_024;
/// Most of them that one peer announced first.
pub(super) const MAX_MISSING_PER_PEER: usize = 256;
/// Most peers that are remembered as holding one of them.
const MAX_HOLDERS: usize = 8;

/// A delta that this node has heard of and does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    /// When something is done about it.
    pub(super) due: Duration,
    /// Peer that was asked last and has not sent it.
    asked: Option<PublicKey>,
    /// Peers that hold it.
    holders: BTreeSet<PublicKey>,
    /// Those of them that were not asked, the first to announce it first.
    next: VecDeque<PublicKey>,
    /// Peer that spoke of it first.
    first: PublicKey,
}

impl Spread {
    /// A peer holds a delta that is not here; false when too much is missing.
    fn miss(&mut self, id: ShortId, holder: PublicKey, due: Duration) -> bool {
        if let Some(missing) = self.missing.get_mut(&id) {
            if missing.holders.len() < MAX_HOLDERS && missing.holders.insert(holder) {
                missing.next.push_back(holder);
            }
            return true;
        }
        let own = self.missing.values().filter(|missing| missing.first == holder).count();
        if self.missing.len() >= MAX_MISSING || own >= MAX_MISSING_PER_PEER {
            return false;
        }
        let missing = Missing {
            due,
            asked: None,
            holders: BTreeSet::from([holder]),
            next: VecDeque::from([holder]),
            first: holder,
        };
        self.missing.insert(id, missing);
        true
    }

    /// A peer is known to hold a delta: it need not be told.
    fn holds(&mut self, peer: &PublicKey, id: &ShortId) {
        if let Some(link) = self.peers.get_mut(peer).and_then(Peer::linked_mut) {
            link.haves.retain(|queued| queued != id);
        }
    }

    pub(super) fn on_push(&mut self, now: Duration, from: PublicKey, delta: Delta) {
        let id = delta.header.id();
        let short = ShortId::from(id);
        if self.recent.contains(&short) {
            self.holds(&from, &short);
            return self.prune(from);
        }
        if !self.miss(short, from, now + ROUND_WAIT) {
            return;
        }
        if let Some(missing) = self.missing.get_mut(&short) {
            missing.due = now + ROUND_WAIT;
            missing.next.retain(|next| *next != from);
            if missing.asked == Some(from) {
                missing.asked = None;
            }
        }
        if delta.payload.is_none() {
            self.set_eager(&from, true);
            self.outputs.push(Output::Fetch(from));
        } else {
            self.outputs.push(Output::Judge(from, delta));
        }
    }

    fn prune(&mut self, from: PublicKey) {
        self.set_eager(&from, false);
        self.outputs.push(Output::Send(from, Frame::Prune));
    }

    pub(super) fn judged(
        &mut self,
        now: Duration,
        from: &PublicKey,
        id: DeltaId,
        verdict: Verdict,
    ) {
        let short = ShortId::from(id);
        match verdict {
            Verdict::New => {
                self.forgive(from);
                self.set_eager(from, true);
            }
            Verdict::Known => {
                self.missing.remove(&short);
                self.prune(*from);
            }
            // It stays among what is missing: the round that begins now brings it.
            Verdict::Waiting => {
                self.forgive(from);
                self.outputs.push(Output::Fetch(*from));
            }
            Verdict::Refused => {
                self.missing.remove(&short);
            }
            Verdict::Malformed => {
                self.missing.remove(&short);
                self.shut(now, from);
            }
        }
    }

    pub(super) fn took(&mut self, now: Duration, id: DeltaId, size_bytes: usize) {
        self.recent.insert(now, id, size_bytes);
        // What came by anti-entropy alone is old: whoever lacks it has its own rounds.
        if let Some(missing) = self.missing.remove(&ShortId::from(id)) {
            self.pass_on(now, id, &missing.holders);
        }
    }

    pub(super) fn publish(&mut self, now: Duration, id: DeltaId) {
        self.pass_on(now, id, &BTreeSet::new());
    }

    /// Pushes a delta along the tree, and leaves it to be announced on the other links.
    fn pass_on(&mut self, now: Duration, id: DeltaId, holders: &BTreeSet<PublicKey>) {
        let short = ShortId::from(id);
        for (key, peer) in &mut self.peers {
            let Some(link) = peer.linked_mut() else { continue };
            if holders.contains(key) {
                continue;
            }
            if link.eager {
                self.outputs.push(Output::Push(*key, id));
                continue;
            }
            if link.haves.len() >= MAX_IDS {
                link.haves.remove(0);
            }
            link.haves.push(short);
            self.haves_due.get_or_insert(now + HAVE_AFTER);
        }
    }

    pub(super) fn send_haves(&mut self, now: Duration) {
        if !self.haves_due.is_some_and(|due| due <= now) {
            return;
        }
        self.haves_due = None;
        for (key, peer) in &mut self.peers {
            let Some(link) = peer.linked_mut().filter(|link| !link.haves.is_empty()) else {
                continue;
            };
            let haves = std::mem::take(&mut link.haves);
            self.outputs.push(Output::Send(*key, Frame::Have(haves)));
        }
    }

    pub(super) fn on_have(&mut self, now: Duration, from: PublicKey, ids: &[ShortId]) {
        for id in ids.iter().take(MAX_IDS) {
            self.holds(&from, id);
            if !self.recent.contains(id) {
                self.miss(*id, from, now + WANT_AFTER);
            }
        }
    }

    pub(super) fn on_want(&mut self, now: Duration, from: PublicKey, ids: &[ShortId]) {
        self.set_eager(&from, true);
        ids.iter().for_each(|id| self.holds(&from, id));
        let mut wanted: Vec<Kept> = ids.iter().filter_map(|id| self.recent.get(id)).collect();
        // What a delta rests on goes first.
        wanted.sort_by_key(|kept| kept.place);
        wanted.dedup_by_key(|kept| kept.place);
        let Some(peer) = self.peers.get_mut(&from) else { return };
        for kept in wanted.into_iter().take(MAX_IDS) {
            if peer.may_have(now, kept.size_bytes) {
                self.outputs.push(Output::Push(from, kept.id));
            }
        }
    }

    /// Asks for what was announced and did not come, and for the next time another peer.
    pub(super) fn want_what_is_due(&mut self, now: Duration) {
        let due = self.missing.iter().filter(|(_, missing)| missing.due <= now);
        let due: Vec<ShortId> = due.map(|(id, _)| *id).collect();
        let mut wants: BTreeMap<PublicKey, Vec<ShortId>> = BTreeMap::new();
        let mut failed = BTreeSet::new();
        for id in due {
            let Some(missing) = self.missing.get_mut(&id) else { continue };
            failed.extend(missing.asked.take());
            let linked =
                |key: &PublicKey| self.peers.get(key).is_some_and(|peer| peer.linked().is_some());
            let next = std::iter::from_fn(|| missing.next.pop_front()).find(linked);
            let Some(next) = next else {
                self.missing.remove(&id);
                continue;
            };
            missing.asked = Some(next);
            missing.due = now + WANT_WAIT;
            wants.entry(next).or_default().push(id);
        }
        for (peer, ids) in wants {
            self.set_eager(&peer, true);
            for ids in ids.chunks(MAX_IDS) {
                self.outputs.push(Output::Send(peer, Frame::Want(ids.to_vec())));
            }
        }
        for peer in failed {
            self.strike(now, &peer);
        }
    }
}
