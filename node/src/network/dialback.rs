//! Autonat, version 2, with a filter: only relays and bootstrap nodes of the configuration say whether this
//! node can be reached.
//!
//! A peer that says so of a wrong address could make a node give up its place at a relay.

use std::collections::BTreeSet;
use std::task::{Context, Poll};

use libp2p::autonat::v2::client;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

/// Autonat's client behind the filter.
pub(super) struct DialBack {
    inner: client::Behaviour,
    judges: BTreeSet<PeerId>,
}

impl DialBack {
    /// A client that believes `judges`.
    pub(super) fn new(judges: BTreeSet<PeerId>) -> Self {
        Self { inner: client::Behaviour::default(), judges }
    }
}

impl NetworkBehaviour for DialBack {
    type ConnectionHandler = <client::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = client::Event;

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
        if self.judges.contains(&peer) {
            return self
                .inner
                .handle_established_outbound_connection(connection, peer, address, role, port);
        }
        // The handler of an incoming connection asks nothing.
        self.inner.handle_established_inbound_connection(connection, peer, address, address)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
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
        self.inner.poll(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_a_judge_is_asked_whether_this_node_can_be_reached() {
        let [judge, peer] = [1, 2].map(|_| PeerId::random());
        let mut dialback = DialBack::new([judge].into());
        let address = "/ip4/8.8.8.8/tcp/1".parse().unwrap();
        let mut asks = |peer| {
            let (connection, role) = (ConnectionId::new_unchecked(1), Endpoint::Dialer);
            let handler = dialback.handle_established_outbound_connection(
                connection,
                peer,
                &address,
                role,
                PortUse::Reuse,
            );
            // Left is the handler that asks, right the one that is asked for an answer.
            handler.unwrap().is_left()
        };
        assert!(asks(judge));
        assert!(!asks(peer));
    }
}
