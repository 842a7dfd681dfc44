//! The libp2p behaviours of a relay, put together.

use std::num::NonZeroU32;
use std::time::Duration;

use libp2p::autonat::v2::server as autonat;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{connection_limits, identity, ping, relay};

use super::limits;
use crate::network::behaviour::{identity_of, probes};
use crate::network::crowd::Crowd;
use crate::network::directory::{self, Kad};
use crate::network::observed::Observed;
use crate::network::peer::PeerAddress;

/// Most questions for a place or a connection that one node, and one address, has at once.
const AT_ONCE: (u32, u32) = (64, 256);
/// Seconds, and milliseconds, after which a node and an address have one more.
const ONE_MORE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_millis(500));

/// Everything a relay speaks.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    // The order matters: limits are asked before any other part sees a connection.
    limits: connection_limits::Behaviour,
    pub(super) crowd: Crowd,
    pub(super) relay: relay::Behaviour,
    pub(super) kad: Kad,
    autonat: autonat::Behaviour,
    identify: Observed,
    ping: ping::Behaviour,
}

impl Behaviour {
    pub(super) fn new(key: &identity::Keypair, others: &[PeerAddress]) -> Self {
        let me = key.public().to_peer_id();
        let bounds = connection_limits::ConnectionLimits::default()
            .with_max_pending_incoming(Some(limits::CONNECTIONS / 4))
            .with_max_pending_outgoing(Some(limits::CONNECTIONS / 16))
            .with_max_established(Some(limits::CONNECTIONS))
            .with_max_established_per_peer(Some(crate::network::limits::CONNECTIONS_PER_PEER));
        let mut relay = relay::Behaviour::new(me, circuits());
        relay.set_status(Some(relay::Status::Enable));
        Self {
            limits: connection_limits::Behaviour::new(bounds),
            crowd: Crowd::of(limits::CONNECTIONS_PER_ADDRESS, usize::MAX),
            relay,
            kad: directory::server(me, limits::RECORDS, others),
            autonat: autonat::Behaviour::default(),
            identify: Observed::new(identity_of(key)),
            ping: probes(),
        }
    }
}

fn circuits() -> relay::Config {
    let config = relay::Config {
        max_reservations: limits::PLACES,
        max_reservations_per_peer: 2,
        reservation_duration: Duration::from_secs(limits::PLACE_SECONDS),
        reservation_rate_limiters: Vec::new(),
        max_circuits: limits::CIRCUITS,
        max_circuits_per_peer: limits::CIRCUITS_PER_PEER,
        max_circuit_duration: Duration::from_secs(limits::CIRCUIT_SECONDS),
        max_circuit_bytes: limits::CIRCUIT_BYTES,
        circuit_src_rate_limiters: Vec::new(),
    };
    let most = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    config
        .reservation_rate_per_peer(most(AT_ONCE.0), ONE_MORE.0)
        .reservation_rate_per_ip(most(AT_ONCE.1), ONE_MORE.1)
        .circuit_src_per_peer(most(AT_ONCE.0), ONE_MORE.0)
        .circuit_src_per_ip(most(AT_ONCE.1), ONE_MORE.1)
}
