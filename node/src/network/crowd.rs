//! Limits on strangers: how many connections one address may have, also before anybody said who it is, and how many all
//! have together. Where that is full, a stranger from an address with few takes the place of one from the address with
//! the most: who holds connections from many addresses keeps no newcomer out.
//!
//! Members are known to the node ([`Crowd::keep`]) and are let in whatever strangers do; what bounds them is
//! the number of connections of one key. A network of IPv6 counts as one address: one who has an
//! address of it has all. A relay counts as one address too: who comes through it shows no other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use libp2p::core::transport::PortUse;
use libp2p::core::{ConnectedPoint, Endpoint};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{
    CloseConnection, ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, ListenFailure,
    NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::address::{self, Place};
use super::limits;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Four([u8; 4]),
    /// The network part of an address.
    Six([u8; 8]),
    /// A relay, by its key.
    Relay(PeerId),
}

impl Source {
    /// Source of a connection that arrives at `local` from `remote`.
    pub(super) fn of(local: &Multiaddr, remote: &Multiaddr) -> Option<Self> {
        if address::is_circuit(local) {
            return address::relay_of(local).map(Self::Relay);
        }
        Self::of_ip(remote)
    }

    fn of_ip(address: &Multiaddr) -> Option<Self> {
        let ip = address.iter().find_map(|part| match part {
            Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
            Protocol::Ip6(ip) => Some(ip.to_canonical()),
            _ => None,
        })?;
        Some(match ip {
            IpAddr::V4(ip) => Self::Four(ip.octets()),
            IpAddr::V6(ip) => {
                let mut network = [0; 8];
                network.copy_from_slice(&ip.octets()[..8]);
                Self::Six(network)
            }
        })
    }
}

/// A connection that a peer began.
#[derive(Debug, Clone, Copy)]
struct Incoming {
    source: Option<Source>,
    /// Its peer; none while it has not said.
    peer: Option<PeerId>,
    since: Instant,
}

/// A dial into a private network that a stranger asked for.
#[derive(Debug, thiserror::Error)]
#[error("a peer that is no member may not have addresses of private networks dialled")]
struct Inside;

/// Too many connections of one kind.
#[derive(Debug, thiserror::Error)]
#[error("at most {most} {what}")]
struct Crowded {
    most: usize,
    what: &'static str,
}

/// Incoming connections, and which peers are members.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Most connections of strangers from one address.
    strangers_per_address: usize,
    /// Most connections of strangers from all addresses.
    strangers: usize,
    incoming: BTreeMap<ConnectionId, Incoming>,
    kept: BTreeSet<PeerId>,
    /// Relays that addresses of wanted peers lead through: dialled anywhere, and strangers otherwise.
    relays: BTreeSet<PeerId>,
    /// Connections that made room for others, to be closed.
    displaced: VecDeque<(PeerId, ConnectionId)>,
}

impl Crowd {
    /// A crowd with at most so many connections of strangers from one address, and from all.
    pub(super) const fn of(strangers_per_address: usize, strangers: usize) -> Self {
        Self {
            strangers_per_address,
            strangers,
            incoming: BTreeMap::new(),
            kept: BTreeSet::new(),
            relays: BTreeSet::new(),
            displaced: VecDeque::new(),
        }
    }

    /// Sets whose connections are let in and kept, and which relays are dialled for their sake.
    pub(super) fn keep(&mut self, peers: BTreeSet<PeerId>, relays: BTreeSet<PeerId>) {
        self.kept = peers;
        self.relays = relays;
    }

    /// Whether these addresses may be dialled. What a stranger asks for, to make a way through two routers,
    /// must not reach into the networks that this machine is in.
    fn may_dial(&self, peer: Option<&PeerId>, addresses: &[Multiaddr]) -> bool {
        let known = |peer: &PeerId| self.is_kept(peer) || self.relays.contains(peer);
        let outside =
            |one: &Multiaddr| matches!(Place::of(one), Some(Place::Public | Place::Circuit));
        peer.is_some_and(known) || addresses.iter().all(outside)
    }

    /// Peers whose connections are let in and kept.
    pub(super) const fn kept(&self) -> &BTreeSet<PeerId> {
        &self.kept
    }

    pub(super) fn is_kept(&self, peer: &PeerId) -> bool {
        self.kept.contains(peer)
    }

    /// Connections of strangers that had their time, but for those who may stay: one that joins is a member by
    /// then, or comes again.
    pub(super) fn overdue(
        &self,
        now: Instant,
        time: Duration,
        stays: impl Fn(&PeerId) -> bool,
    ) -> Vec<ConnectionId> {
        let stranger =
            |one: &Incoming| self.is_stranger(one) && !one.peer.is_some_and(|peer| stays(&peer));
        let late = |one: &Incoming| now.saturating_duration_since(one.since) >= time;
        let overdue = self.incoming.iter().filter(|(_, one)| stranger(one) && late(one));
        overdue.map(|(id, _)| *id).collect()
    }

    fn is_stranger(&self, one: &Incoming) -> bool {
        one.peer.is_some_and(|peer| !self.is_kept(&peer))
    }

    fn count(&self, counts: impl Fn(&Incoming) -> bool) -> usize {
        self.incoming.values().filter(|one| counts(one)).count()
    }

    fn begin(
        &mut self,
        id: ConnectionId,
        source: Option<Source>,
        now: Instant,
    ) -> Result<(), Crowded> {
        let silent = self.count(|one| one.peer.is_none() && one.source == source);
        bound(silent, limits::PENDING_PER_ADDRESS, "connections of one address may be silent")?;
        self.incoming.insert(id, Incoming { source, peer: None, since: now });
        Ok(())
    }

    fn establish(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        source: Option<Source>,
        now: Instant,
    ) -> Result<(), Crowded> {
        self.incoming.remove(&id);
        if self.is_kept(&peer) {
            let same = self.count(|one| one.peer == Some(peer));
            bound(same, limits::CONNECTIONS_PER_PEER as usize, "connections of one key")?;
        } else {
            let there = self.count(|one| one.source == source && self.is_stranger(one));
            bound(there, self.strangers_per_address, "strangers of one address")?;
            self.make_room(there)?;
        }
        self.incoming.insert(id, Incoming { source, peer: Some(peer), since: now });
        Ok(())
    }

    /// Makes room for a stranger from an address that has `there` of them: the oldest one of the address with the most
    /// goes.
    fn make_room(&mut self, there: usize) -> Result<(), Crowded> {
        let strangers = || self.incoming.iter().filter(|(_, one)| self.is_stranger(one));
        let all = strangers().count();
        if all < self.strangers {
            return Ok(());
        }
        let mut sources: BTreeMap<Option<Source>, usize> = BTreeMap::new();
        strangers().for_each(|(_, one)| *sources.entry(one.source).or_default() += 1);
        let most = sources.values().copied().max().unwrap_or_default();
        let oldest = strangers()
            .filter(|(_, one)| sources.get(&one.source) == Some(&most))
            .min_by_key(|(id, one)| (one.since, **id))
            .and_then(|(id, one)| Some((one.peer?, *id)));
        let displaced = oldest.filter(|_| there < most);
        let displaced = displaced
            .ok_or(Crowded { most: self.strangers, what: "strangers from all addresses" })?;
        self.incoming.remove(&displaced.1);
        self.displaced.push_back(displaced);
        Ok(())
    }
}

const fn bound(count: usize, most: usize, what: &'static str) -> Result<(), Crowded> {
    if count < most { Ok(()) } else { Err(Crowded { most, what }) }
}

impl NetworkBehaviour for Crowd {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let source = Source::of(local, remote);
        self.begin(connection, source, Instant::now()).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let source = Source::of(local, remote);
        let done = self.establish(connection, peer, source, Instant::now());
        done.map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if self.may_dial(peer.as_ref(), addresses) {
            Ok(Vec::new())
        } else {
            Err(ConnectionDenied::new(Inside))
        }
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(ConnectionClosed {
                connection_id,
                endpoint: ConnectedPoint::Listener { .. },
                ..
            }) => {
                self.incoming.remove(&connection_id);
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.incoming.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.displaced.pop_front() {
            Some((peer_id, connection)) => Poll::Ready(ToSwarm::CloseConnection {
                peer_id,
                connection: CloseConnection::One(connection),
            }),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn members_and_strangers() -> Crowd {
        Crowd::of(limits::STRANGERS_PER_ADDRESS, limits::STRANGERS)
    }

    /// Source of a connection from an IP address, or, with a `/p2p-circuit`, through a relay.
    fn at(text: &str) -> Option<Source> {
        let listening: Multiaddr = "/ip4/10.9.9.9/tcp/4000".parse().unwrap();
        let (local, remote) = match text.strip_suffix("/p2p-circuit") {
            Some(_) => (text.parse().unwrap(), format!("/p2p/{}", PeerId::random())),
            None => (listening, format!("{text}/tcp/4000")),
        };
        Source::of(&local, &remote.parse().unwrap())
    }

    /// Begins and establishes connections of new peers until one is refused.
    fn fill(crowd: &mut Crowd, from: &str, ids: &mut usize) -> usize {
        let now = Instant::now();
        (0..1_000)
            .take_while(|_| {
                *ids += 1;
                let id = ConnectionId::new_unchecked(*ids);
                crowd.begin(id, at(from), now).is_ok()
                    && crowd.establish(id, PeerId::random(), at(from), now).is_ok()
            })
            .count()
    }

    #[test]
    fn one_address_has_so_many_strangers_and_no_more_and_others_come_in() {
        // So many addresses that all together would be too many: that limit has a test of its own.
        let (most, mut ids) = (limits::STRANGERS_PER_ADDRESS, 0);
        let mut crowd = Crowd::of(most, usize::MAX);
        assert_eq!(fill(&mut crowd, "/ip4/10.0.0.1", &mut ids), most);
        assert_eq!(fill(&mut crowd, "/ip4/10.0.0.2", &mut ids), most);
        assert_eq!(fill(&mut crowd, "/ip6/2001:db8::1", &mut ids), most);
        assert_eq!(fill(&mut crowd, "/ip6/2001:db8::2", &mut ids), 0, "one network of IPv6");
        let relay = |n: u8| format!("/ip4/10.0.0.{n}/tcp/1/p2p/{}/p2p-circuit", PeerId::random());
        let (one, two) = (relay(1), relay(1));
        assert_eq!(
            fill(&mut crowd, &one, &mut ids),
            most,
            "whatever came from the relay's address"
        );
        assert_eq!(fill(&mut crowd, &one, &mut ids), 0, "one relay");
        assert_eq!(fill(&mut crowd, &two, &mut ids), most, "another relay");
        // A member comes in where strangers are too many, a few times.
        let member = PeerId::random();
        crowd.keep([member].into(), BTreeSet::new());
        let mut establish = || {
            ids += 1;
            let id = ConnectionId::new_unchecked(ids);
            crowd.establish(id, member, at("/ip4/10.0.0.1"), Instant::now()).is_ok()
        };
        assert_eq!((0..100).take_while(|_| establish()).count(), 4);
    }

    #[test]
    fn strangers_from_many_addresses_keep_no_newcomer_out_and_displace_no_member() {
        let (mut crowd, now) = (members_and_strangers(), Instant::now());
        let member = PeerId::random();
        crowd.keep([member].into(), BTreeSet::new());
        let mut ids = 0;
        let mut come = |crowd: &mut Crowd, peer, from: &str, seconds| {
            ids += 1;
            let id = ConnectionId::new_unchecked(ids);
            let done = crowd.establish(id, peer, at(from), now + Duration::from_secs(seconds));
            done.map(|()| id)
        };
        come(&mut crowd, member, "/ip4/10.0.0.1", 0).unwrap();
        // One each from as many addresses as there is room for.
        let strangers: Vec<ConnectionId> = (0..limits::STRANGERS)
            .map(|n| come(&mut crowd, PeerId::random(), &format!("/ip4/10.1.0.{n}"), 1).unwrap())
            .collect();
        assert!(crowd.displaced.is_empty());
        // A newcomer takes the place of the oldest; so does the attacker's next one, of its own.
        come(&mut crowd, PeerId::random(), "/ip4/10.2.0.1", 2).unwrap();
        come(&mut crowd, PeerId::random(), "/ip4/10.1.0.0", 3).unwrap();
        let displaced = crowd.displaced.iter().map(|(_, id)| *id);
        assert!(displaced.eq(strangers[..2].iter().copied()));
        assert_eq!(crowd.incoming.len(), limits::STRANGERS + 1);
        // Who has as many as anybody displaces nobody.
        assert!(come(&mut crowd, PeerId::random(), "/ip4/10.1.0.9", 4).is_err());
        assert!(come(&mut crowd, member, "/ip4/10.1.0.9", 4).is_ok());
        assert!(crowd.incoming.values().filter(|one| one.peer == Some(member)).count() == 2);
    }

    #[test]
    fn silent_connections_of_one_address_are_few_and_their_end_makes_room() {
        let mut crowd = members_and_strangers();
        let (now, from) = (Instant::now(), at("/ip4/10.0.0.1"));
        let begun = (0..1_000)
            .take_while(|n| crowd.begin(ConnectionId::new_unchecked(*n), from, now).is_ok());
        assert_eq!(begun.count(), limits::PENDING_PER_ADDRESS);
        assert!(crowd.begin(ConnectionId::new_unchecked(5_000), at("/ip4/10.0.0.2"), now).is_ok());
        crowd.incoming.remove(&ConnectionId::new_unchecked(0));
        assert!(crowd.begin(ConnectionId::new_unchecked(5_001), from, now).is_ok());
    }

    #[test]
    fn strangers_have_their_time_and_members_stay() {
        let mut crowd = members_and_strangers();
        let (now, from, member) = (Instant::now(), at("/ip4/10.0.0.1"), PeerId::random());
        let [one, two, three] = [1, 2, 3].map(ConnectionId::new_unchecked);
        crowd.establish(one, member, from, now).unwrap();
        crowd.establish(two, PeerId::random(), from, now).unwrap();
        crowd.begin(three, from, now).unwrap();
        crowd.keep([member].into(), BTreeSet::new());
        let time = Duration::from_secs(60);
        assert_eq!(crowd.overdue(now, time, |_| false), []);
        assert_eq!(crowd.overdue(now + time, time, |_| false), [two]);
    }

    #[test]
    fn only_known_peers_have_addresses_of_this_network_dialled() {
        let mut crowd = members_and_strangers();
        let [member, relay, stranger] = [1, 2, 3].map(|_| PeerId::random());
        crowd.keep([member].into(), [relay].into());
        let [inside, outside] = ["/ip4/192.168.1.1/tcp/80", "/ip4/8.8.8.8/tcp/80"]
            .map(|text| text.parse::<Multiaddr>().unwrap());
        for known in [member, relay] {
            assert!(crowd.may_dial(Some(&known), std::slice::from_ref(&inside)));
        }
        assert!(crowd.may_dial(Some(&stranger), std::slice::from_ref(&outside)));
        assert!(!crowd.may_dial(Some(&stranger), &[outside, inside.clone()]));
        assert!(!crowd.may_dial(None, &[inside]));
    }
}
