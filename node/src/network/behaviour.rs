//! The libp2p behaviours of a node, put together.

use std::collections::BTreeSet;
use std::time::Duration;

use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::{PeerId, allow_block_list, connection_limits, identify, identity, ping};

use super::codec::FrameCodec;
use super::crowd::Crowd;
use super::gossip::{self, Gossip};
use super::{NetworkError, PROTOCOL, limits};

/// Longest time of an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Interval at which a silent connection is probed.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Time after which an unanswered probe means that the connection is dead.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Everything a node speaks.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    // The order matters: limits and blocks are asked before any other part sees a connection.
    limits: connection_limits::Behaviour,
    pub(super) crowd: Crowd,
    pub(super) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(super) gossip: Gossip,
    pub(super) requests: request_response::Behaviour<FrameCodec>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

impl Behaviour {
    /// Sets the peers whose connections are let in and kept whatever strangers do.
    pub(super) fn keep(&mut self, peers: BTreeSet<PeerId>) {
        for gone in self.crowd.kept().difference(&peers) {
            self.limits.remove_peer_id(gone);
        }
        for peer in &peers {
            self.limits.bypass_peer_id(peer);
        }
        self.crowd.keep(peers);
    }

    pub(super) fn new(key: &identity::Keypair) -> Result<Self, NetworkError> {
        let bounds = connection_limits::ConnectionLimits::default()
            // What one address may have of these is bounded before: see `Crowd`.
            .with_max_pending_incoming(Some(limits::PENDING))
            .with_max_pending_outgoing(Some(limits::CONNECTIONS / 4))
            // Of these strangers have a half at most, so that they cannot surround a node: see `Crowd`.
            .with_max_established(Some(limits::CONNECTIONS))
            .with_max_established_per_peer(Some(limits::CONNECTIONS_PER_PEER));
        Ok(Self {
            limits: connection_limits::Behaviour::new(bounds),
            crowd: Crowd::default(),
            blocked: allow_block_list::Behaviour::default(),
            gossip: gossip::behaviour()?,
            requests: request_response::Behaviour::with_codec(
                FrameCodec,
                [(PROTOCOL, ProtocolSupport::Full)],
                request_response::Config::default()
                    .with_request_timeout(REQUEST_TIMEOUT)
                    .with_max_concurrent_streams(limits::STREAMS_PER_CONNECTION),
            ),
            identify: identify::Behaviour::new(
                identify::Config::new("/commonlore/1".into(), key.public())
                    .with_agent_version(concat!("lore/", env!("CARGO_PKG_VERSION")).into())
                    .with_interval(Duration::from_secs(3600))
                    .with_cache_size(0),
            ),
            ping: ping::Behaviour::new(
                ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT),
            ),
        })
    }
}
