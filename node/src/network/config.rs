//! Configuration that the network is started with.

use std::sync::Arc;

use libp2p::Multiaddr;
use lore_protocol::identity::SecretKey;

use super::peer::PeerAddress;

/// Direction of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Handed to libp2p by this node.
    Out,
    /// Received from a peer.
    In,
}

/// Sees every plaintext application frame (pushes, requests, replies), outgoing ones before they
/// are encrypted. For tests and for the demo's search for canaries.
pub type FrameTap = Arc<dyn Fn(Direction, &[u8]) + Send + Sync>;

/// Configuration of the network.
pub struct NetworkConfig<'a> {
    /// The node's key, which is also its peer id.
    pub key: &'a SecretKey,
    /// Addresses to listen on. `/ip4/127.0.0.1/tcp/0` and `/ip4/127.0.0.1/udp/0/quic-v1` stay on loopback
    /// and let the system choose the port.
    pub listen: Vec<Multiaddr>,
    /// Peers to keep a connection with from the start.
    pub peers: Vec<PeerAddress>,
    /// Relays: asked for a place while this node cannot be reached, and whether it can. At most
    /// [`super::MAX_RELAYS`].
    pub relays: Vec<PeerAddress>,
    /// Nodes through which the addresses of members are looked up, and which are asked like relays whether this
    /// node can be reached. At most [`super::MAX_RELAYS`].
    pub bootstrap: Vec<PeerAddress>,
    /// Whether members are looked for on the LAN.
    pub mdns: bool,
    /// Whether addresses are published to and looked up at the bootstrap nodes.
    pub dht: bool,
    /// Whether there is the fast path; without, sync alone carries deltas.
    pub gossip: bool,
    /// Sees all application frames; none by default.
    pub frame_tap: Option<FrameTap>,
}

impl<'a> NetworkConfig<'a> {
    /// A node with `key` that listens nowhere and dials nobody yet, gossips, and looks for nobody.
    #[must_use]
    pub fn new(key: &'a SecretKey) -> Self {
        Self {
            key,
            listen: Vec::new(),
            peers: Vec::new(),
            relays: Vec::new(),
            bootstrap: Vec::new(),
            mdns: false,
            dht: false,
            gossip: true,
            frame_tap: None,
        }
    }

    /// Whether the hash table of addresses is used.
    pub(super) fn asks_directory(&self) -> bool {
        self.dht && !self.bootstrap.is_empty()
    }
}
