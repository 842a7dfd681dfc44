//! The libp2p behaviours of a node, put together.

use std::collections::BTreeSet;
use std::time::Duration;

use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    PeerId, StreamProtocol, allow_block_list, connection_limits, identify, identity, mdns, ping,
    relay,
};

use super::codec::FrameCodec;
use super::config::NetworkConfig;
use super::crowd::Crowd;
use super::dialback::DialBack;
use super::directory::{self, Kad};
use super::observed::Observed;
use super::punch::Punch;
use super::spread::Streams;
use super::{DEVICES_PROTOCOL, NetworkError, PROTOCOL, limits};

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
    pub(super) spread: Toggle<Streams>,
    pub(super) requests: request_response::Behaviour<FrameCodec>,
    pub(super) devices: request_response::Behaviour<FrameCodec>,
    pub(super) identify: Observed,
    ping: ping::Behaviour,
    relays: relay::client::Behaviour,
    punch: Punch,
    dialback: DialBack,
    pub(super) kad: Toggle<Kad>,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
}

impl Behaviour {
    /// Sets the peers whose connections are let in and kept whatever strangers do, and relays that may be
    /// dialled for their sake.
    pub(super) fn keep(&mut self, peers: BTreeSet<PeerId>, relays: BTreeSet<PeerId>) {
        for gone in self.crowd.kept().difference(&peers) {
            self.limits.remove_peer_id(gone);
        }
        for peer in &peers {
            self.limits.bypass_peer_id(peer);
        }
        self.punch.keep(&peers);
        self.crowd.keep(peers, relays);
    }

    pub(super) fn new(
        key: &identity::Keypair,
        relays: relay::client::Behaviour,
        config: &NetworkConfig<'_>,
    ) -> Result<Self, NetworkError> {
        let me = key.public().to_peer_id();
        let judges = config.relays.iter().chain(&config.bootstrap).map(|one| one.peer).collect();
        let kad = config.asks_directory().then(|| directory::client(me, &config.bootstrap));
        let mdns = if config.mdns { on_the_lan(me) } else { None };
        let bounds = connection_limits::ConnectionLimits::default()
            // What one address may have of these is bounded before: see `Crowd`.
            .with_max_pending_incoming(Some(limits::PENDING))
            .with_max_pending_outgoing(Some(limits::CONNECTIONS / 4))
            // Of these strangers have a half at most, so that they cannot surround a node: see `Crowd`.
            .with_max_established(Some(limits::CONNECTIONS))
            .with_max_established_per_peer(Some(limits::CONNECTIONS_PER_PEER));
        Ok(Self {
            limits: connection_limits::Behaviour::new(bounds),
            crowd: Crowd::of(limits::STRANGERS_PER_ADDRESS, limits::STRANGERS),
            blocked: allow_block_list::Behaviour::default(),
            spread: config.gossip.then(Streams::default).into(),
            requests: frames(PROTOCOL, limits::STREAMS_PER_CONNECTION),
            devices: frames(DEVICES_PROTOCOL, limits::DEVICE_STREAMS_PER_CONNECTION),
            identify: Observed::new(identity_of(key)),
            ping: probes(),
            relays,
            punch: Punch::new(me),
            dialback: DialBack::new(judges),
            kad: kad.into(),
            mdns: mdns.into(),
        })
    }
}

/// Questions and answers under one name.
fn frames(protocol: StreamProtocol, streams: usize) -> request_response::Behaviour<FrameCodec> {
    request_response::Behaviour::with_codec(
        FrameCodec,
        [(protocol, ProtocolSupport::Full)],
        request_response::Config::default()
            .with_request_timeout(REQUEST_TIMEOUT)
            .with_max_concurrent_streams(streams),
    )
}

/// What a node says of itself.
pub(super) fn identity_of(key: &identity::Keypair) -> identify::Behaviour {
    identify::Behaviour::new(
        identify::Config::new("/commonlore/1".into(), key.public())
            .with_agent_version(concat!("lore/", env!("CARGO_PKG_VERSION")).into())
            .with_interval(Duration::from_secs(3600))
            .with_cache_size(0),
    )
}

/// Probes that find dead connections.
pub(super) fn probes() -> ping::Behaviour {
    ping::Behaviour::new(
        ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT),
    )
}

/// Asks and answers on the LAN; a machine that cannot does without.
fn on_the_lan(me: PeerId) -> Option<mdns::tokio::Behaviour> {
    match mdns::tokio::Behaviour::new(mdns::Config::default(), me) {
        Ok(mdns) => Some(mdns),
        Err(error) => {
            tracing::warn!(%error, "members on the LAN are not looked for");
            None
        }
    }
}
