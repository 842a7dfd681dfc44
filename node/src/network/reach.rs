//! How this node can be reached: which addresses others are told, and what relays say.

use std::time::Instant;

use libp2p::autonat::v2::client as autonat;
use libp2p::{Multiaddr, PeerId, dcutr, relay};
use lore_protocol::ids::PublicKey;

use super::address::{self, Place};
use super::config::NetworkConfig;
use super::links::Way;
use super::peer::{PeerAddress, public_key_of};
use super::relays::{RelayState, Relays};
use super::task::Task;

/// Most addresses that others are told: as many as the protocol takes of one node.
const MAX_TOLD: usize = lore_protocol::wire::MAX_ADDRESSES;
/// Most addresses that a relay found to be reachable and that are kept.
const MAX_CONFIRMED: usize = 4;

/// State of a search for members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lookup {
    /// It was not asked for, or cannot be done here.
    #[default]
    Off,
    /// It is done.
    On,
    /// It was stopped, since more answered than can be members.
    Overrun,
}

/// A relay of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayPlace {
    /// Its address, with its key.
    pub address: String,
    /// Its state.
    pub state: RelayState,
}

/// A connected peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerLink {
    /// Its key.
    pub peer: PublicKey,
    /// The best way to it.
    pub way: Way,
    /// Its address that way; of a relayed one, the relay's.
    pub address: Multiaddr,
}

/// How this node can be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Addresses that a relay or bootstrap node dialled with success.
    pub confirmed: Vec<Multiaddr>,
    /// Addresses that others are told, the best first.
    pub told: Vec<Multiaddr>,
    /// Relays of the configuration.
    pub relays: Vec<RelayPlace>,
    /// The last address that a relay or bootstrap node dialled in vain.
    pub unreachable: Option<Multiaddr>,
    /// Ways through two routers that were made.
    pub punched: u64,
    /// Ways through two routers that could not be made.
    pub not_punched: u64,
    /// The search on the LAN.
    pub mdns: Lookup,
    /// The search at the bootstrap nodes.
    pub dht: Lookup,
    /// Whether deltas are gossiped.
    pub gossip: bool,
}

/// The task's view of how this node is reached.
pub(super) struct Standing {
    pub(super) relays: Relays,
    pub(super) mdns: Lookup,
    confirmed: Vec<Multiaddr>,
    unreachable: Option<Multiaddr>,
    punched: u64,
    not_punched: u64,
    dht: Lookup,
    gossip: bool,
}

impl Standing {
    pub(super) fn new(config: &NetworkConfig<'_>) -> Self {
        let on = |is: bool| if is { Lookup::On } else { Lookup::Off };
        Self {
            relays: Relays::new(&config.relays),
            mdns: on(config.mdns),
            confirmed: Vec::new(),
            unreachable: None,
            punched: 0,
            not_punched: 0,
            dht: on(config.asks_directory()),
            gossip: config.gossip,
        }
    }
}

impl Task {
    /// Writes down for others how this node can be reached, and tells peers when that changed.
    pub(super) fn refresh(&mut self) {
        let standing = &self.standing;
        let listening = self.shared.view().addresses.clone();
        let circuits = standing.relays.circuits();
        let all = standing.confirmed.iter().cloned().chain(circuits).chain(listening);
        let mut told = address::told(all);
        told.truncate(MAX_TOLD);
        let relays = standing.relays.states().filter_map(|(peer, address, state)| {
            let address = PeerAddress::new(address.clone(), public_key_of(&peer)?).ok()?;
            Some(RelayPlace { address: address.to_string(), state: state.clone() })
        });
        let reach = Reach {
            confirmed: standing.confirmed.clone(),
            relays: relays.collect(),
            unreachable: standing.unreachable.clone(),
            punched: standing.punched,
            not_punched: standing.not_punched,
            mdns: standing.mdns,
            dht: standing.dht,
            gossip: standing.gossip,
            told,
        };
        let before = std::mem::replace(&mut self.shared.view().reach, reach.clone());
        if !before.told.is_empty() && before.told != reach.told {
            tracing::info!(told = ?reach.told, "this node is reached elsewhere now");
            let hidden = &self.hidden;
            let peers: Vec<PeerId> = self
                .swarm
                .connected_peers()
                .filter(|peer| !hidden.contains(peer))
                .copied()
                .collect();
            self.swarm.behaviour_mut().identify.push(peers);
        }
    }

    /// Asks relays for places, unless others reach this node without.
    pub(super) fn take_places(&mut self) {
        if !self.standing.confirmed.is_empty() {
            return;
        }
        let now = Instant::now();
        for (relay, address) in self.standing.relays.due(now) {
            match self.swarm.listen_on(address) {
                Ok(listener) => self.standing.relays.asked(&relay, listener),
                Err(error) => self.standing.relays.lost(&relay, &error.to_string(), now),
            }
        }
    }

    pub(super) fn on_relay(&mut self, event: &relay::client::Event) {
        if let relay::client::Event::ReservationReqAccepted { relay_peer_id, renewal, .. } = event
            && self.standing.relays.accepted(relay_peer_id)
            && !renewal
        {
            tracing::info!(relay = %relay_peer_id, "others reach this node through a relay");
            self.refresh();
        }
    }

    pub(super) fn on_punch(&mut self, event: dcutr::Event) {
        match event.result {
            Ok(connection) => {
                tracing::info!(peer = %event.remote_peer_id, "a way through two routers is made");
                self.standing.punched += 1;
                self.shared.view().links.punched(connection);
            }
            Err(error) => {
                tracing::debug!(peer = %event.remote_peer_id, %error, "no way through two routers");
                self.standing.not_punched += 1;
            }
        }
        self.refresh();
    }

    pub(super) fn on_dialback(&mut self, event: autonat::Event) {
        tracing::debug!(address = %event.tested_addr, result = ?event.result, "dialled back");
        if event.result.is_err() {
            self.standing.unreachable = Some(event.tested_addr);
            self.refresh();
        }
    }

    /// A judge reached this node at an address: places at relays are given back.
    pub(super) fn confirmed(&mut self, address: Multiaddr) {
        let known = &mut self.standing.confirmed;
        let direct = matches!(Place::of(&address), Some(Place::Public | Place::Lan));
        if !direct || known.contains(&address) || known.len() >= MAX_CONFIRMED {
            return;
        }
        tracing::info!(%address, "others reach this node directly");
        known.push(address);
        for listener in self.standing.relays.give_back() {
            self.swarm.remove_listener(listener);
        }
        self.refresh();
    }

    pub(super) fn not_confirmed(&mut self, address: &Multiaddr) {
        self.standing.confirmed.retain(|known| known != address);
        self.ask_again_if_needed();
    }

    /// An address of this machine is gone: what was true of it may be true no longer.
    pub(super) fn not_listening(&mut self, address: &Multiaddr) {
        if address::is_circuit(address) {
            return;
        }
        self.shared.view().addresses.retain(|known| known != address);
        for confirmed in std::mem::take(&mut self.standing.confirmed) {
            self.swarm.remove_external_address(&confirmed);
        }
        self.ask_again_if_needed();
    }

    fn ask_again_if_needed(&mut self) {
        if self.standing.confirmed.is_empty() {
            self.standing.relays.ask_again(Instant::now());
            self.take_places();
        }
        self.refresh();
    }
}
