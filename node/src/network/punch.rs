//! Direct ways through two routers (dcutr), with a budget.
//!
//! The behaviour below remembers every attempt while the program runs. So attempts are counted, and those for
//! strangers too: when the budget is spent, connections stay relayed.

use std::collections::BTreeSet;
use std::task::{Context, Poll};

use either::Either;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId, dcutr};

use super::address;

/// Relayed connections that become direct ones, while the program runs.
const ATTEMPTS: u32 = 65_536;
/// Of these, connections with peers that are no members: who joins is one at first.
const FOR_STRANGERS: u32 = 8_192;

/// Dcutr behind the budget.
pub(super) struct Punch {
    inner: dcutr::Behaviour,
    kept: BTreeSet<PeerId>,
    attempts: u32,
    for_strangers: u32,
}

impl Punch {
    pub(super) fn new(me: PeerId) -> Self {
        Self {
            inner: dcutr::Behaviour::new(me),
            kept: BTreeSet::new(),
            attempts: 0,
            for_strangers: 0,
        }
    }

    /// Sets who is no stranger.
    pub(super) fn keep(&mut self, peers: &BTreeSet<PeerId>) {
        self.kept.clone_from(peers);
    }

    /// Takes one attempt out of the budget.
    fn may_try(&mut self, peer: &PeerId) -> bool {
        let stranger = !self.kept.contains(peer);
        if self.attempts >= ATTEMPTS || (stranger && self.for_strangers >= FOR_STRANGERS) {
            return false;
        }
        self.attempts += 1;
        self.for_strangers += u32::from(stranger);
        true
    }
}

impl NetworkBehaviour for Punch {
    type ConnectionHandler = <dcutr::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = dcutr::Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if address::is_circuit(local) && !self.may_try(&peer) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        at: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if address::is_circuit(at) && !self.may_try(&peer) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner.handle_established_outbound_connection(connection, peer, at, role, port)
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
    fn strangers_spend_a_part_of_the_budget_and_members_the_rest() {
        let (stranger, member) = (PeerId::random(), PeerId::random());
        let mut punch = Punch::new(PeerId::random());
        punch.keep(&[member].into());
        let tried =
            |punch: &mut Punch, peer| (0..ATTEMPTS).take_while(|_| punch.may_try(peer)).count();
        assert_eq!(tried(&mut punch, &stranger), FOR_STRANGERS as usize);
        assert_eq!(tried(&mut punch, &member), (ATTEMPTS - FOR_STRANGERS) as usize);
        let relay = PeerId::random();
        let circuit = format!("/ip4/8.8.8.8/tcp/1/p2p/{relay}/p2p-circuit").parse().unwrap();
        let connection = ConnectionId::new_unchecked(1);
        let remote = "/ip4/8.8.8.8/tcp/1".parse().unwrap();
        let spent =
            punch.handle_established_inbound_connection(connection, member, &circuit, &remote);
        assert!(spent.unwrap().is_right(), "it stays relayed");
    }
}
