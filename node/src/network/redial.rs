//! Peers to keep a connection with, and when to try again.
//!
//! Exponential back-off with jitter, so that a node that restarts is not met by everybody at once.
//! A state machine: time and randomness come in.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::limits;

/// The first wait after a failed or lost connection.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

struct Wanted {
    addresses: Vec<Multiaddr>,
    wait: Duration,
    /// Time of the next dial; `None` while connected or while an attempt is under way.
    due: Option<Instant>,
}

/// The wanted peers.
#[derive(Default)]
pub(super) struct Redial {
    wanted: BTreeMap<PeerId, Wanted>,
}

impl Redial {
    /// Wants `peer` at `address`, at once. `false` when the list is full.
    #[must_use]
    pub(super) fn want(&mut self, now: Instant, peer: PeerId, address: Multiaddr) -> bool {
        let full = self.wanted.len() >= limits::WANTED_PEERS;
        if full && !self.wanted.contains_key(&peer) {
            return false;
        }
        let wanted = self.wanted.entry(peer).or_insert_with(|| Wanted {
            addresses: Vec::new(),
            wait: FIRST_WAIT,
            due: None,
        });
        if let Some(known) = wanted.addresses.iter().position(|known| *known == address) {
            wanted.addresses.remove(known);
        }
        // The newest address is the likeliest; the oldest is the one to forget.
        wanted.addresses.insert(0, address);
        wanted.addresses.truncate(limits::ADDRESSES_PER_PEER);
        wanted.wait = FIRST_WAIT;
        wanted.due = Some(now);
        true
    }

    /// The wanted peers.
    pub(super) fn wanted(&self) -> impl Iterator<Item = PeerId> {
        self.wanted.keys().copied()
    }

    /// No longer wants `peer`.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.wanted.remove(peer);
    }

    /// A connection is up.
    pub(super) fn connected(&mut self, peer: &PeerId) {
        if let Some(wanted) = self.wanted.get_mut(peer) {
            wanted.wait = FIRST_WAIT;
            wanted.due = None;
        }
    }

    /// An attempt failed or the last connection was lost. `jitter` is uniform in 0..=255.
    pub(super) fn failed(&mut self, now: Instant, peer: &PeerId, jitter: u8) {
        if let Some(wanted) = self.wanted.get_mut(peer) {
            // Between three quarters and five quarters of the nominal wait.
            let wait = wanted.wait * (384 + u32::from(jitter)) / 512;
            wanted.due = Some(now + wait);
            wanted.wait = (wanted.wait * 2).min(LONGEST_WAIT);
        }
    }

    /// The next moment at which a peer is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.wanted.values().filter_map(|wanted| wanted.due).min()
    }

    /// Takes those who are due: each is told of again only after `failed` or `want`.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let mut due = Vec::new();
        for (peer, wanted) in &mut self.wanted {
            if wanted.due.is_some_and(|at| at <= now) {
                wanted.due = None;
                due.push((*peer, wanted.addresses.clone()));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
    }

    fn peer(n: u8) -> PeerId {
        super::super::peer::keypair_of(&lore_protocol::identity::SecretKey::from_seed(&[n; 32]))
            .unwrap()
            .public()
            .to_peer_id()
    }

    #[test]
    fn waits_double_up_to_a_minute_and_start_again_after_a_connection() {
        let start = Instant::now();
        let mut redial = Redial::default();
        assert!(redial.want(start, peer(1), address(1)));
        let mut waits = Vec::new();
        let mut now = start;
        for _ in 0..10 {
            assert_eq!(redial.take_due(now).len(), 1);
            redial.failed(now, &peer(1), 128);
            let due = redial.next_due().unwrap();
            waits.push(due - now);
            now = due;
        }
        assert_eq!(waits[0], Duration::from_millis(500));
        assert_eq!(waits[1], Duration::from_secs(1));
        assert_eq!(waits[9], Duration::from_secs(60));
        redial.connected(&peer(1));
        assert_eq!(redial.next_due(), None);
        redial.failed(now, &peer(1), 0);
        assert_eq!(redial.next_due().unwrap() - now, Duration::from_millis(375));
    }

    #[test]
    fn an_unwanted_peer_is_never_due() {
        let now = Instant::now();
        let mut redial = Redial::default();
        redial.failed(now, &peer(1), 0);
        assert_eq!(redial.next_due(), None);
        assert!(redial.want(now, peer(1), address(1)));
        redial.forget(&peer(1));
        assert!(redial.take_due(now).is_empty());
    }

    #[test]
    fn addresses_are_bounded_and_the_newest_comes_first() {
        let now = Instant::now();
        let mut redial = Redial::default();
        for port in 1..=40 {
            assert!(redial.want(now, peer(1), address(port)));
        }
        let (_, addresses) = redial.take_due(now).remove(0);
        assert_eq!(addresses.len(), limits::ADDRESSES_PER_PEER);
        assert_eq!(addresses[0], address(40));
    }
}
