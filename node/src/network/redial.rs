//! Peers to keep a connection with, and when to try again.
//!
//! Exponential back-off with jitter, so that a node that restarts is not met by everybody at once.
//! A state machine: time and randomness come in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::address::{self, CIRCUITS_PER_PEER};
use super::limits;

/// The first wait after a failed or lost connection.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Most addresses of one peer that were found, not told. They are kept apart: whoever lies about where a peer
/// is must not displace what the peer said.
const FOUND_PER_PEER: usize = 4;
/// Addresses that are tried before those through relays.
const FIRST_TRIED: usize = 4;

struct Wanted {
    addresses: Vec<Multiaddr>,
    found: Vec<Multiaddr>,
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
        let Some(wanted) = self.entry(peer) else { return false };
        if address::is_circuit(&address) {
            let circuits = wanted.addresses.iter().enumerate();
            let mut circuits = circuits.filter(|(_, one)| address::is_circuit(one));
            if let Some((oldest, _)) = circuits.nth(CIRCUITS_PER_PEER - 1) {
                wanted.addresses.remove(oldest);
            }
        }
        put_first(&mut wanted.addresses, address, limits::ADDRESSES_PER_PEER);
        wanted.wait = FIRST_WAIT;
        wanted.due = Some(now);
        true
    }

    /// `peer` was found at `address`, as another peer says or it says itself: tried beside the addresses that
    /// are known, soon when it is news.
    pub(super) fn found(&mut self, now: Instant, peer: PeerId, address: Multiaddr) {
        let Some(wanted) = self.entry(peer) else { return };
        if wanted.addresses.contains(&address) || wanted.found.contains(&address) {
            return;
        }
        put_first(&mut wanted.found, address, FOUND_PER_PEER);
        wanted.due = Some(wanted.due.map_or(now + FIRST_WAIT, |due| due.min(now + FIRST_WAIT)));
    }

    /// Relays that addresses of wanted peers lead through.
    pub(super) fn relays(&self) -> BTreeSet<PeerId> {
        let addresses = self.wanted.values().flat_map(|one| one.addresses.iter().chain(&one.found));
        addresses.filter_map(address::relay_of).collect()
    }

    fn entry(&mut self, peer: PeerId) -> Option<&mut Wanted> {
        let full = self.wanted.len() >= limits::WANTED_PEERS;
        if full && !self.wanted.contains_key(&peer) {
            return None;
        }
        Some(self.wanted.entry(peer).or_insert_with(|| Wanted {
            addresses: Vec::new(),
            found: Vec::new(),
            wait: FIRST_WAIT,
            due: None,
        }))
    }

    /// Whether an address of a wanted peer leads through `relay`.
    pub(super) fn leads_through(&self, relay: &PeerId) -> bool {
        let addresses = self.wanted.values().flat_map(|one| one.addresses.iter().chain(&one.found));
        addresses.filter_map(address::relay_of).any(|one| one == *relay)
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
                due.push((*peer, wanted.in_order()));
            }
        }
        due
    }
}

impl Wanted {
    /// A few direct addresses first, then those through relays, which may have to wait for a place.
    fn in_order(&self) -> Vec<Multiaddr> {
        let all = self.addresses.iter().chain(&self.found).cloned();
        let (circuits, mut direct): (Vec<_>, Vec<_>) = all.partition(address::is_circuit);
        let rest = direct.split_off(direct.len().min(FIRST_TRIED));
        direct.into_iter().chain(circuits).chain(rest).collect()
    }
}

fn put_first(addresses: &mut Vec<Multiaddr>, address: Multiaddr, most: usize) {
    if let Some(known) = addresses.iter().position(|known| *known == address) {
        addresses.remove(known);
    }
    // The newest address is the likeliest; the oldest is the one to forget.
    addresses.insert(0, address);
    addresses.truncate(most);
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

    #[test]
    fn what_is_found_or_leads_through_relays_never_displaces_what_a_peer_said() {
        let relay = peer(9);
        let circuit = |port| {
            let direct = address(port).to_string();
            format!("{direct}/p2p/{relay}/p2p-circuit").parse::<Multiaddr>().unwrap()
        };
        let now = Instant::now();
        let mut redial = Redial::default();
        for port in 1..=8 {
            assert!(redial.want(now, peer(1), address(port)));
        }
        for port in 1..=1_000 {
            redial.found(now, peer(1), address(1_000 + port));
            assert!(redial.want(now, peer(1), circuit(port)));
        }
        assert!(redial.leads_through(&relay) && !redial.leads_through(&peer(1)));
        let (_, addresses) = redial.take_due(now).remove(0);
        for port in 1..=8 {
            assert!(addresses.contains(&address(port)), "{port} in {addresses:?}");
        }
        let circuits = addresses.iter().filter(|one| address::is_circuit(one)).count();
        assert_eq!((circuits, addresses.len()), (CIRCUITS_PER_PEER, 8 + 3 + FOUND_PER_PEER));
        assert!(address::is_circuit(&addresses[FIRST_TRIED]));
    }
}
