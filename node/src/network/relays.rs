//! Places at relays: asked for while this node cannot be reached otherwise, and given back when it can.
//!
//! A state machine: time comes in, and what is to be listened on goes out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::peer::PeerAddress;

/// Most relays of a node.
pub const MAX_RELAYS: usize = 8;
/// The first wait after a refusal.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Longest reason of a refusal that is kept, in characters.
const MAX_WHY: usize = 200;

/// State of a relay, for this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayState {
    /// There is no connection with it.
    NotConnected,
    /// It is connected, and holds no place.
    Connected,
    /// It was asked for a place.
    Asked,
    /// It lets others through to this node.
    Reserved,
    /// It refused, or the place was lost.
    Refused(String),
}

struct Relay {
    addresses: Vec<Multiaddr>,
    state: RelayState,
    listener: Option<ListenerId>,
    wait: Duration,
    due: Option<Instant>,
}

/// The relays of the configuration.
#[derive(Default)]
pub(super) struct Relays {
    relays: BTreeMap<PeerId, Relay>,
}

impl Relays {
    pub(super) fn new(addresses: &[PeerAddress]) -> Self {
        let mut relays = Self::default();
        for one in addresses {
            let relay = relays.relays.entry(one.peer).or_insert_with(|| Relay {
                addresses: Vec::new(),
                state: RelayState::NotConnected,
                listener: None,
                wait: FIRST_WAIT,
                due: None,
            });
            relay.addresses.push(one.address.clone());
        }
        relays
    }

    /// Each relay with its first address and its state.
    pub(super) fn states(&self) -> impl Iterator<Item = (PeerId, &Multiaddr, &RelayState)> {
        self.relays.iter().filter_map(|(peer, relay)| {
            relay.addresses.first().map(|address| (*peer, address, &relay.state))
        })
    }

    /// Addresses by which others come through relays to this node.
    pub(super) fn circuits(&self) -> impl Iterator<Item = Multiaddr> {
        let reserved = self.relays.iter().filter(|(_, relay)| relay.state == RelayState::Reserved);
        reserved
            .flat_map(|(peer, relay)| relay.addresses.iter().map(|address| circuit(address, *peer)))
    }

    /// A connection with a relay is up.
    pub(super) fn connected(&mut self, peer: &PeerId, now: Instant) {
        if let Some(relay) = self.relays.get_mut(peer)
            && relay.state == RelayState::NotConnected
        {
            relay.state = RelayState::Connected;
            relay.wait = FIRST_WAIT;
            relay.due = Some(now);
        }
    }

    /// The last connection with a relay is gone.
    pub(super) fn disconnected(&mut self, peer: &PeerId) {
        if let Some(relay) = self.relays.get_mut(peer) {
            relay.state = RelayState::NotConnected;
            relay.due = None;
        }
    }

    /// Addresses to listen on now; [`Self::asked`] or [`Self::lost`] follows for each.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(PeerId, Multiaddr)> {
        let mut due = Vec::new();
        for (peer, relay) in &mut self.relays {
            let Some(address) = relay.addresses.first() else { continue };
            if relay.listener.is_none() && relay.due.is_some_and(|at| at <= now) {
                relay.due = None;
                due.push((*peer, circuit(address, *peer)));
            }
        }
        due
    }

    /// A relay was asked.
    pub(super) fn asked(&mut self, peer: &PeerId, listener: ListenerId) {
        if let Some(relay) = self.relays.get_mut(peer) {
            relay.listener = Some(listener);
            relay.state = RelayState::Asked;
        }
    }

    /// A relay gave a place. `false` when it was not asked.
    pub(super) fn accepted(&mut self, peer: &PeerId) -> bool {
        match self.relays.get_mut(peer) {
            Some(relay) if relay.listener.is_some() => {
                relay.state = RelayState::Reserved;
                relay.wait = FIRST_WAIT;
                true
            }
            _ => false,
        }
    }

    /// A place is gone. `false` when the listener is none of a relay.
    pub(super) fn closed(&mut self, listener: ListenerId, why: &str, now: Instant) -> bool {
        let found = self.relays.iter().find(|(_, relay)| relay.listener == Some(listener));
        let Some((peer, _)) = found else { return false };
        let peer = *peer;
        self.lost(&peer, why, now);
        true
    }

    /// A relay could not be asked, or its place is gone: it is asked again later.
    pub(super) fn lost(&mut self, peer: &PeerId, why: &str, now: Instant) {
        let Some(relay) = self.relays.get_mut(peer) else { return };
        relay.listener = None;
        if relay.state != RelayState::NotConnected {
            relay.state = RelayState::Refused(why.chars().take(MAX_WHY).collect());
            relay.due = Some(now + relay.wait);
            relay.wait = (relay.wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Gives all places back: the listeners to close.
    pub(super) fn give_back(&mut self) -> Vec<ListenerId> {
        let mut listeners = Vec::new();
        for relay in self.relays.values_mut() {
            relay.due = None;
            if let Some(listener) = relay.listener.take() {
                listeners.push(listener);
            }
            if relay.state != RelayState::NotConnected {
                relay.state = RelayState::Connected;
            }
        }
        listeners
    }

    /// Asks for places again, at those that are connected.
    pub(super) fn ask_again(&mut self, now: Instant) {
        for relay in self.relays.values_mut() {
            if relay.listener.is_none() && relay.state == RelayState::Connected {
                relay.due = Some(now);
            }
        }
    }
}

/// The address of this node through a relay, without the node's own name.
fn circuit(address: &Multiaddr, relay: PeerId) -> Multiaddr {
    address.clone().with(Protocol::P2p(relay)).with(Protocol::P2pCircuit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const RELAY: &str =
        "/ip4/8.8.8.8/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    fn relays() -> (Relays, PeerId) {
        let address: PeerAddress = RELAY.parse().unwrap();
        (Relays::new(std::slice::from_ref(&address)), address.peer)
    }

    #[test]
    fn a_place_is_asked_for_told_and_given_back() {
        let (mut relays, peer) = relays();
        let (now, listener) = (Instant::now(), ListenerId::next());
        assert!(relays.due(now).is_empty(), "not before it is connected");
        relays.connected(&peer, now);
        let (_, address) = relays.due(now).remove(0);
        assert_eq!(address.to_string(), format!("{RELAY}/p2p-circuit"));
        assert!(relays.due(now).is_empty(), "asked once");
        assert!(!relays.accepted(&peer), "an answer to no question");
        relays.asked(&peer, listener);
        assert_eq!(relays.circuits().count(), 0);
        assert!(relays.accepted(&peer));
        assert_eq!(relays.circuits().collect::<Vec<_>>(), [address]);
        assert_eq!(relays.give_back(), [listener]);
        assert_eq!(relays.circuits().count(), 0);
        assert!(relays.due(now + LONGEST_WAIT).is_empty());
        relays.ask_again(now);
        assert_eq!(relays.due(now).len(), 1);
    }

    #[test]
    fn a_relay_that_refuses_is_asked_again_ever_more_slowly() {
        let (mut relays, peer) = relays();
        let mut now = Instant::now();
        relays.connected(&peer, now);
        let mut waits = Vec::new();
        for _ in 0..10 {
            let listener = ListenerId::next();
            assert_eq!(relays.due(now).len(), 1);
            relays.asked(&peer, listener);
            assert!(relays.closed(listener, &"full".repeat(1_000), now));
            let due = relays.relays[&peer].due.unwrap();
            waits.push(due - now);
            now = due;
        }
        assert_eq!((waits[0], waits[9]), (FIRST_WAIT, LONGEST_WAIT));
        let (_, _, state) = relays.states().next().unwrap();
        assert!(matches!(state, RelayState::Refused(why) if why.len() == MAX_WHY));
        assert!(!relays.closed(ListenerId::next(), "", now), "a listener of another kind");
    }
}
