//! Links: which peers are neighbours, agreed by both ends.
//!
//! A node picks a few peers itself, at random, and lets as many in. So hostile peers that ask for links
//! cannot take the places of those that it picked.

use std::time::Duration;

use super::{Frame, HAVE_AFTER, Output, SHUT_TIME, ShortId, Spread};
use crate::ids::PublicKey;

/// Links that a node asks for.
pub const PICKED: usize = 3;
/// Most links: those that it asked for, and those that it lets in.
pub const MOST_LINKS: usize = 8;

/// Time after which a peer that does not answer is taken for unwilling.
const ANSWER_WAIT: Duration = Duration::from_secs(3);
/// Time until a peer that did not answer is asked again.
const SILENT_WAIT: Duration = Duration::from_secs(5);
/// Time until a peer that has no place is asked again.
const REFUSED_WAIT: Duration = Duration::from_secs(30);
/// Most peers of which anything is kept: those that are gone are forgotten first.
const MAX_PEERS: usize = 1_024;
/// Pushes of a delta that was asked for and did not come, after which a link is lost.
const STRIKES: u32 = 3;
/// Bytes that a peer may have at once by asking.
const WANT_BURST_BYTES: usize = 256 << 10;
/// Bytes that it may have in a second after that.
const WANT_BYTES_PER_SECOND: u64 = 16 << 10;

/// A link with a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// This node asked for it.
    pub(super) picked: bool,
    /// Deltas are pushed along it.
    pub(super) eager: bool,
    /// What is to be announced on it, the oldest first.
    pub(super) haves: Vec<ShortId>,
}

/// What there is with a peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum State {
    #[default]
    Nothing,
    /// Asked, and no answer yet.
    Asked {
        until: Duration,
    },
    Linked(Link),
}

/// A peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) near: bool,
    state: State,
    /// It is not picked before.
    pick_after: Duration,
    /// It is not heard before.
    shut_until: Duration,
    /// Times in a row that it did not send what it had announced.
    strikes: u32,
    /// Bytes that it had by asking, and when that was counted.
    had: (usize, Duration),
}

impl Peer {
    pub(super) const fn linked(&self) -> Option<&Link> {
        match &self.state {
            State::Linked(link) => Some(link),
            _ => None,
        }
    }

    pub(super) const fn linked_mut(&mut self) -> Option<&mut Link> {
        match &mut self.state {
            State::Linked(link) => Some(link),
            _ => None,
        }
    }

    pub(super) fn is_shut(&self, now: Duration) -> bool {
        now < self.shut_until
    }

    /// Takes bytes from what it may have by asking; false when it has had too much.
    pub(super) fn may_have(&mut self, now: Duration, bytes: usize) -> bool {
        let (had, at) = self.had;
        let gained = now.saturating_sub(at).as_millis().min(1 << 40) as u64;
        let gained = usize::try_from(gained * WANT_BYTES_PER_SECOND / 1_000).unwrap_or(usize::MAX);
        let had = had.saturating_sub(gained);
        let may = had.saturating_add(bytes) <= WANT_BURST_BYTES;
        self.had = (if may { had.saturating_add(bytes) } else { had }, now);
        may
    }

    fn is_picked(&self) -> bool {
        match &self.state {
            State::Nothing => false,
            State::Asked { .. } => true,
            State::Linked(link) => link.picked,
        }
    }

    /// Nothing is lost when it is forgotten.
    fn is_idle(&self, now: Duration) -> bool {
        !self.near && !self.is_shut(now)
    }
}

impl Spread {
    pub(super) fn near(&mut self, now: Duration, peer: PublicKey) {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&peer) {
            let idle = self.peers.iter().find(|(_, known)| known.is_idle(now));
            let Some(key) = idle.map(|(key, _)| *key) else { return };
            self.peers.remove(&key);
        }
        let known = self.peers.entry(peer).or_default();
        known.near = true;
        known.pick_after = known.pick_after.min(now);
    }

    pub(super) fn away(&mut self, peer: &PublicKey) {
        if let Some(known) = self.peers.get_mut(peer) {
            known.near = false;
            known.state = State::Nothing;
        }
    }

    /// It broke the protocol: the link is lost, and it is not heard for a while.
    pub(super) fn shut(&mut self, now: Duration, peer: &PublicKey) {
        let Some(known) = self.peers.get_mut(peer) else { return };
        if known.is_shut(now) {
            return;
        }
        known.shut_until = now + SHUT_TIME;
        known.strikes = 0;
        if known.state != State::Nothing {
            known.state = State::Nothing;
            self.outputs.push(Output::Send(*peer, Frame::Leave));
        }
    }

    /// It did not send what it had announced.
    pub(super) fn strike(&mut self, now: Duration, peer: &PublicKey) {
        let Some(known) = self.peers.get_mut(peer) else { return };
        known.strikes += 1;
        if known.strikes >= STRIKES {
            self.shut(now, peer);
        }
    }

    /// It sent something new.
    pub(super) fn forgive(&mut self, peer: &PublicKey) {
        if let Some(known) = self.peers.get_mut(peer) {
            known.strikes = 0;
        }
    }

    pub(super) fn set_eager(&mut self, peer: &PublicKey, eager: bool) {
        if let Some(link) = self.peers.get_mut(peer).and_then(Peer::linked_mut) {
            link.eager = eager;
        }
    }

    pub(super) fn on_enter(&mut self, now: Duration, from: PublicKey) {
        let let_in = self.peers.values().filter_map(Peer::linked).filter(|link| !link.picked);
        let room = let_in.count() < MOST_LINKS - PICKED;
        let Some(peer) = self.peers.get_mut(&from) else { return };
        match &mut peer.state {
            // Its end was lost: both begin again.
            State::Linked(link) => link.eager = true,
            State::Asked { .. } => self.link(now, from, true),
            State::Nothing if room => self.link(now, from, false),
            State::Nothing => {
                peer.pick_after = peer.pick_after.max(now + REFUSED_WAIT);
                return self.outputs.push(Output::Send(from, Frame::Leave));
            }
        }
        self.outputs.push(Output::Send(from, Frame::Welcome));
    }

    /// A link begins. Whoever comes is told of what came in not long ago: it may have been on no tree then.
    fn link(&mut self, now: Duration, peer: PublicKey, picked: bool) {
        let haves = self.recent.told(now);
        if !haves.is_empty() {
            self.haves_due.get_or_insert(now + HAVE_AFTER);
        }
        if let Some(known) = self.peers.get_mut(&peer) {
            known.state = State::Linked(Link { picked, eager: true, haves });
        }
    }

    pub(super) fn on_welcome(&mut self, now: Duration, from: PublicKey) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        match peer.state {
            State::Linked(_) => {}
            State::Asked { .. } => self.link(now, from, true),
            // It came too late: another was asked meanwhile.
            State::Nothing => self.outputs.push(Output::Send(from, Frame::Leave)),
        }
    }

    pub(super) fn on_leave(&mut self, now: Duration, from: &PublicKey) {
        let Some(peer) = self.peers.get_mut(from) else { return };
        if peer.state != State::Nothing {
            peer.state = State::Nothing;
            peer.pick_after = now + REFUSED_WAIT;
        }
    }

    pub(super) fn expire_asked(&mut self, now: Duration) {
        for peer in self.peers.values_mut() {
            if matches!(peer.state, State::Asked { until } if until <= now) {
                peer.state = State::Nothing;
                peer.pick_after = now + SILENT_WAIT;
            }
        }
    }

    /// Asks peers for links while there are too few.
    pub(super) fn seek(&mut self, now: Duration) {
        while self.peers.values().filter(|peer| peer.is_picked()).count() < PICKED {
            let free = self.peers.iter().filter(|(_, peer)| {
                peer.near
                    && peer.state == State::Nothing
                    && peer.pick_after <= now
                    && !peer.is_shut(now)
            });
            let free: Vec<PublicKey> = free.map(|(key, _)| *key).collect();
            let Some(peer) = self.draw.index(free.len()).and_then(|at| free.get(at)) else {
                return;
            };
            if let Some(known) = self.peers.get_mut(peer) {
                known.state = State::Asked { until: now + ANSWER_WAIT };
                self.outputs.push(Output::Send(*peer, Frame::Enter));
            }
        }
    }

    /// When links need attention: an answer is overdue, or a peer may be picked again.
    pub(super) fn links_due(&self) -> Option<Duration> {
        let seeking = self.peers.values().filter(|peer| peer.is_picked()).count() < PICKED;
        let due =
            self.peers.values().filter(|peer| peer.near).filter_map(|peer| match &peer.state {
                State::Asked { until } => Some(*until),
                State::Nothing if seeking => Some(peer.pick_after.max(peer.shut_until)),
                _ => None,
            });
        due.min()
    }
}
