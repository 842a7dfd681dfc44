//! Kinds of addresses: where an address leads, and in which order addresses are told to others.

use std::net::IpAddr;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

/// Most addresses that lead through relays and are kept or told of one peer.
pub(super) const CIRCUITS_PER_PEER: usize = 3;

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// An address of the public internet, or a host name.
    Public,
    /// Through a relay.
    Circuit,
    /// A private network: of a home, of an office, of a provider.
    Lan,
    /// This machine.
    Loopback,
}

impl Place {
    /// Place of an address; none when it names no host.
    pub(super) fn of(address: &Multiaddr) -> Option<Self> {
        if is_circuit(address) {
            return Some(Self::Circuit);
        }
        match address.iter().next()? {
            Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_) => {
                Some(Self::Public)
            }
            Protocol::Ip4(ip) => Self::of_ip(IpAddr::V4(ip)),
            Protocol::Ip6(ip) => Self::of_ip(ip.to_canonical()),
            _ => None,
        }
    }

    fn of_ip(ip: IpAddr) -> Option<Self> {
        let lan = match ip {
            IpAddr::V4(ip) => {
                let [a, b, ..] = ip.octets();
                // 100.64.0.0/10 is the network between a provider and its customers (RFC 6598).
                ip.is_private() || ip.is_link_local() || (a == 100 && b & 0xc0 == 0x40)
            }
            IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
        };
        if ip.is_loopback() {
            Some(Self::Loopback)
        } else if ip.is_unspecified() || ip.is_multicast() {
            None
        } else if lan {
            Some(Self::Lan)
        } else {
            Some(Self::Public)
        }
    }
}

/// Whether the address leads through a relay.
pub(super) fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// The relay that an address leads through.
pub(super) fn relay_of(address: &Multiaddr) -> Option<PeerId> {
    let mut named = None;
    for part in address {
        match part {
            Protocol::P2p(peer) => named = Some(peer),
            Protocol::P2pCircuit => return named,
            _ => {}
        }
    }
    None
}

/// The address without the name of the peer at its end.
pub(super) fn without(mut address: Multiaddr, peer: &PeerId) -> Multiaddr {
    if address.iter().last() == Some(Protocol::P2p(*peer)) {
        address.pop();
    }
    address
}

/// Addresses in the order in which they help others, without those that help nobody: public ones, a few
/// through relays, those of the LAN, and loopback only when there is no other.
pub(super) fn told(addresses: impl IntoIterator<Item = Multiaddr>) -> Vec<Multiaddr> {
    let mut ranked: Vec<(u8, Multiaddr)> = Vec::new();
    for address in addresses {
        let rank = match Place::of(&address) {
            Some(Place::Public) => 0,
            Some(Place::Circuit) => 1,
            Some(Place::Lan) => 2,
            Some(Place::Loopback) => 3,
            None => continue,
        };
        let circuits = ranked.iter().filter(|(rank, _)| *rank == 1).count();
        let known = ranked.iter().any(|(_, one)| *one == address);
        if !known && (rank != 1 || circuits < CIRCUITS_PER_PEER) {
            ranked.push((rank, address));
        }
    }
    // A way through two routers is made more easily over QUIC than over TCP.
    let is_tcp = |one: &Multiaddr| one.iter().any(|part| matches!(part, Protocol::Tcp(_)));
    ranked.sort_by_key(|(rank, address)| (*rank, is_tcp(address)));
    let best = ranked.first().map_or(3, |(rank, _)| *rank);
    let others = ranked.into_iter().filter(|(rank, _)| *rank < 3 || best == 3);
    others.map(|(_, address)| address).collect()
}

/// Of addresses that members are told, those that are published to everybody: none of a private network where
/// there are others, and none of this machine.
pub(super) fn published(told: &[Multiaddr]) -> Vec<Multiaddr> {
    let those = |places: &[Place]| -> Vec<Multiaddr> {
        let fits = |one: &&Multiaddr| Place::of(one).is_some_and(|place| places.contains(&place));
        told.iter().filter(fits).cloned().collect()
    };
    let outside = those(&[Place::Public, Place::Circuit]);
    if outside.is_empty() { those(&[Place::Lan]) } else { outside }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const RELAY: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    fn at(text: &str) -> Multiaddr {
        text.replace("RELAY", RELAY).parse().unwrap()
    }

    #[test]
    fn places_are_told_apart() {
        let place = |text: &str| Place::of(&at(text));
        assert_eq!(place("/ip4/8.8.8.8/tcp/1"), Some(Place::Public));
        assert_eq!(place("/dns4/relay.example/tcp/1"), Some(Place::Public));
        for lan in ["192.168.1.2", "10.0.0.1", "172.16.9.9", "169.254.1.1", "100.64.0.1"] {
            assert_eq!(place(&format!("/ip4/{lan}/udp/1/quic-v1")), Some(Place::Lan), "{lan}");
        }
        assert_eq!(place("/ip4/100.128.0.1/tcp/1"), Some(Place::Public));
        assert_eq!(place("/ip6/fd00::1/tcp/1"), Some(Place::Lan));
        assert_eq!(place("/ip6/::ffff:127.0.0.1/tcp/1"), Some(Place::Loopback));
        assert_eq!(place("/ip4/0.0.0.0/tcp/1"), None);
        assert_eq!(place("/memory/1"), None);
        assert_eq!(place("/ip4/8.8.8.8/tcp/1/p2p/RELAY/p2p-circuit"), Some(Place::Circuit));
    }

    #[test]
    fn an_address_through_a_relay_names_it() {
        let relay: PeerId = RELAY.parse().unwrap();
        assert_eq!(relay_of(&at("/ip4/8.8.8.8/tcp/1/p2p/RELAY/p2p-circuit")), Some(relay));
        assert_eq!(relay_of(&at("/p2p-circuit/p2p/RELAY")), None);
        assert_eq!(relay_of(&at("/ip4/8.8.8.8/tcp/1/p2p/RELAY")), None);
    }

    #[test]
    fn others_are_told_the_best_addresses_first_and_loopback_only_for_want_of_better() {
        let circuit = |n: u8| at(&format!("/ip4/8.8.8.{n}/tcp/1/p2p/RELAY/p2p-circuit"));
        let (loopback, lan) = (at("/ip4/127.0.0.1/tcp/1"), at("/ip4/10.0.0.1/tcp/1"));
        let public = at("/ip4/8.8.8.8/tcp/1");
        let mut all = vec![loopback.clone(), lan.clone()];
        all.extend((1..9).map(circuit));
        all.extend([public.clone(), public.clone()]);
        let quic = at("/ip4/8.8.4.4/udp/1/quic-v1");
        assert_eq!(told([public.clone(), quic.clone()]), [quic, public.clone()]);
        let told_all = told(all);
        assert_eq!(told_all, [public, circuit(1), circuit(2), circuit(3), lan.clone()]);
        assert_eq!(published(&told_all), told_all[..4]);
        assert_eq!(published(&[loopback.clone(), lan.clone()]), [lan]);
        assert!(published(std::slice::from_ref(&loopback)).is_empty());
        assert_eq!(told([loopback.clone()]), [loopback]);
    }
}
