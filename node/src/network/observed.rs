//! Identify, with a filter: addresses of this node that others report count only from peers that this node
//! dialled.
//!
//! What a stranger reports would be kept and tested otherwise, and a stranger may come again and again.
//! An address that a router gave to a reused port is passed on too: others find a way through the router
//! there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, identify};

use super::address::Place;

/// Most addresses of this node that one peer may report while this node runs.
const REPORTS_PER_PEER: usize = 16;
/// Most peers whose reports are remembered.
const REPORTERS: usize = 1_024;

/// Identify behind the filter.
pub(super) struct Observed {
    inner: identify::Behaviour,
    /// Connections that this node began, and whether from the port that it listens on.
    dialled: BTreeMap<ConnectionId, bool>,
    /// Reports so far.
    reports: BTreeMap<PeerId, BTreeSet<Multiaddr>>,
    /// Peer and connection whose report is being read.
    reading: Option<(PeerId, ConnectionId)>,
    more: VecDeque<Multiaddr>,
}

impl Observed {
    pub(super) fn new(inner: identify::Behaviour) -> Self {
        Self {
            inner,
            dialled: BTreeMap::new(),
            reports: BTreeMap::new(),
            reading: None,
            more: VecDeque::new(),
        }
    }

    /// Tells connected peers where this node is now.
    pub(super) fn push(&mut self, peers: impl IntoIterator<Item = PeerId>) {
        self.inner.push(peers);
    }

    /// Whether a report counts.
    fn counts(&mut self, address: &Multiaddr) -> bool {
        let Some((peer, connection)) = self.reading else { return false };
        if !self.dialled.contains_key(&connection) {
            return false;
        }
        if !matches!(Place::of(address), Some(Place::Public | Place::Lan)) {
            return false;
        }
        let full = self.reports.len() >= REPORTERS && !self.reports.contains_key(&peer);
        if full {
            return false;
        }
        let reports = self.reports.entry(peer).or_default();
        reports.contains(address)
            || (reports.len() < REPORTS_PER_PEER && reports.insert(address.clone()))
    }

    fn read(&mut self, peer: PeerId, connection: ConnectionId, observed: &Multiaddr) {
        self.reading = Some((peer, connection));
        if self.dialled.get(&connection) == Some(&true) && self.counts(observed) {
            self.more.push_back(observed.clone());
        }
    }
}

impl NetworkBehaviour for Observed {
    type ConnectionHandler = <identify::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = identify::Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.dialled.insert(connection, port == PortUse::Reuse);
        self.inner.handle_established_outbound_connection(connection, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) = &event {
            self.dialled.remove(connection_id);
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.inner.on_connection_handler_event(peer, connection, event);
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(address) = self.more.pop_front() {
            return Poll::Ready(ToSwarm::NewExternalAddrCandidate(address));
        }
        loop {
            match self.inner.poll(context) {
                // Identify says what it read first, and then which addresses follow from it.
                Poll::Ready(ToSwarm::NewExternalAddrCandidate(address)) => {
                    if self.counts(&address) {
                        return Poll::Ready(ToSwarm::NewExternalAddrCandidate(address));
                    }
                }
                Poll::Ready(event) => {
                    if let ToSwarm::GenerateEvent(identify::Event::Received {
                        peer_id,
                        connection_id,
                        info,
                    }) = &event
                    {
                        self.read(*peer_id, *connection_id, &info.observed_addr);
                    }
                    return Poll::Ready(event);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn observed() -> Observed {
        let key = libp2p::identity::Keypair::generate_ed25519();
        let config = identify::Config::new("/test".into(), key.public());
        Observed::new(identify::Behaviour::new(config))
    }

    fn at(n: usize) -> Multiaddr {
        format!("/ip4/8.8.8.8/tcp/{n}").parse().unwrap()
    }

    #[test]
    fn a_peer_that_came_by_itself_reports_nothing() {
        let mut observed = observed();
        let (peer, connection) = (PeerId::random(), ConnectionId::new_unchecked(1));
        observed.read(peer, connection, &at(1));
        assert!(!observed.counts(&at(1)));
        observed.dialled.insert(connection, false);
        assert!(observed.counts(&at(1)));
        assert!(observed.more.is_empty(), "a new port says nothing about the old one");
    }

    #[test]
    fn reports_of_one_peer_are_few_and_name_hosts_elsewhere() {
        let mut observed = observed();
        let (peer, connection) = (PeerId::random(), ConnectionId::new_unchecked(1));
        observed.dialled.insert(connection, true);
        for n in 1..1_000 {
            observed.read(peer, connection, &at(n));
        }
        assert_eq!(observed.more.len(), REPORTS_PER_PEER);
        observed.reading = Some((PeerId::random(), connection));
        assert!(observed.counts(&at(2_000)), "another peer still reports");
        assert!(!observed.counts(&"/ip4/127.0.0.1/tcp/1".parse().unwrap()));
    }
}
