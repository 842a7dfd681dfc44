//! Open connections: with whom, which way, and since when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

use super::address::{self, Place};

/// How a peer is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Over an address of this machine.
    Loopback,
    /// Over a private network.
    Lan,
    /// Over the internet.
    Direct,
    /// Over the internet, through two routers that let nobody in.
    HolePunched,
    /// Through a relay.
    Relayed,
}

#[derive(Debug, Clone)]
struct Link {
    peer: PeerId,
    way: Way,
    relay: Option<PeerId>,
    address: Multiaddr,
    dialled: bool,
    since: Instant,
}

/// The open connections; their number is bounded by the limits on connections.
#[derive(Debug, Default)]
pub(super) struct Links {
    open: BTreeMap<ConnectionId, Link>,
}

impl Links {
    pub(super) fn opened(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        endpoint: &ConnectedPoint,
        now: Instant,
    ) {
        let (dialled, local, remote) = match endpoint {
            ConnectedPoint::Dialer { address, .. } => (true, address, address),
            ConnectedPoint::Listener { local_addr, send_back_addr } => {
                (false, local_addr, send_back_addr)
            }
        };
        let relay = address::relay_of(local);
        // Nothing but an attempt at a direct way adds a connection to a relayed one; the side whose packet came
        // second sees the other's come in.
        let upgraded = self.best(&peer).is_some_and(|(way, _)| way == Way::Relayed);
        let way = match Place::of(remote) {
            _ if endpoint.is_relayed() => Way::Relayed,
            Some(Place::Public) if upgraded => Way::HolePunched,
            Some(Place::Loopback) => Way::Loopback,
            Some(Place::Lan) => Way::Lan,
            _ => Way::Direct,
        };
        let address = if endpoint.is_relayed() { local } else { remote }.clone();
        self.open.insert(id, Link { peer, way, relay, address, dialled, since: now });
    }

    pub(super) fn closed(&mut self, id: ConnectionId) {
        self.open.remove(&id);
    }

    /// Marks a connection as one through two routers.
    pub(super) fn punched(&mut self, id: ConnectionId) {
        if let Some(link) = self.open.get_mut(&id)
            && link.way == Way::Direct
        {
            link.way = Way::HolePunched;
        }
    }

    /// The best way to a peer, and its address.
    pub(super) fn best(&self, peer: &PeerId) -> Option<(Way, &Multiaddr)> {
        let ways = self.open.values().filter(|link| link.peer == *peer);
        ways.map(|link| (link.way, &link.address)).min_by_key(|(way, _)| *way)
    }

    /// Relayed connections with peers that are connected directly for `time` by now.
    pub(super) fn superseded(&self, now: Instant, time: Duration) -> Vec<ConnectionId> {
        let settled = |link: &Link| {
            link.way != Way::Relayed && now.saturating_duration_since(link.since) >= time
        };
        let direct: BTreeSet<PeerId> =
            self.open.values().filter(|link| settled(link)).map(|link| link.peer).collect();
        let relayed = self.open.iter().filter(|(_, link)| link.way == Way::Relayed);
        relayed.filter(|(_, link)| direct.contains(&link.peer)).map(|(id, _)| *id).collect()
    }

    /// Connections that this node began `time` ago, that nobody is kept for, and that carry no relayed one.
    pub(super) fn needless(
        &self,
        now: Instant,
        time: Duration,
        is_kept: impl Fn(&PeerId) -> bool,
    ) -> Vec<ConnectionId> {
        let relays: BTreeSet<PeerId> = self.open.values().filter_map(|link| link.relay).collect();
        let needless = |link: &Link| {
            link.dialled
                && now.saturating_duration_since(link.since) >= time
                && !relays.contains(&link.peer)
                && !is_kept(&link.peer)
        };
        self.open.iter().filter(|(_, link)| needless(link)).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use libp2p::core::Endpoint;
    use libp2p::core::transport::PortUse;

    use super::*;

    fn dialled(address: &str) -> ConnectedPoint {
        ConnectedPoint::Dialer {
            address: address.parse().unwrap(),
            role_override: Endpoint::Dialer,
            port_use: PortUse::Reuse,
        }
    }

    #[test]
    fn a_relayed_connection_gives_way_to_a_direct_one_and_its_relay_stays_while_it_is_there() {
        let (now, time) = (Instant::now(), Duration::from_secs(60));
        let (peer, relay) = (PeerId::random(), PeerId::random());
        let [to_relay, through, direct] = [1, 2, 3].map(ConnectionId::new_unchecked);
        let mut links = Links::default();
        let at_relay = "/ip4/8.8.8.8/tcp/1";
        links.opened(to_relay, relay, &dialled(at_relay), now);
        links.opened(through, peer, &dialled(&format!("{at_relay}/p2p/{relay}/p2p-circuit")), now);
        assert_eq!(links.best(&peer).unwrap().0, Way::Relayed);
        let kept = |one: &PeerId| *one == peer;
        assert_eq!(links.needless(now + time, time, kept), []);

        links.opened(direct, peer, &dialled("/ip4/9.9.9.9/udp/1/quic-v1"), now);
        assert_eq!(links.best(&peer).unwrap().0, Way::HolePunched);
        assert_eq!(links.superseded(now, time), []);
        assert_eq!(links.superseded(now + time, time), [through]);
        links.closed(through);
        assert_eq!(links.needless(now, time, kept), []);
        assert_eq!(links.needless(now + time, time, kept), [to_relay]);
    }
}
