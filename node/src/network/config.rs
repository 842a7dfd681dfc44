//! Settings of the network.

use std::sync::Arc;

use libp2p::Multiaddr;
use lore_protocol::identity::SecretKey;

use super::peer::PeerAddress;

/// The direction of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Handed to libp2p by this node.
    Out,
    /// Received from a peer. An accepted gossip frame is relayed as it came, so what a node puts
    /// on the wire is every `Out` frame and every accepted `In` gossip frame.
    In,
}

/// Sees every plaintext application frame (gossip, requests, replies), outgoing ones before they
/// are encrypted. For tests and for the demo's search for canaries.
pub type FrameTap = Arc<dyn Fn(Direction, &[u8]) + Send + Sync>;

/// Settings to start the network with.
pub struct NetworkConfig<'a> {
    /// The node's key, which is also its peer id.
    pub key: &'a SecretKey,
    /// The addresses to listen on. `/ip4/127.0.0.1/tcp/0` and `/ip4/127.0.0.1/udp/0/quic-v1` stay on loopback
    /// and let the system choose the port.
    pub listen: Vec<Multiaddr>,
    /// Peers to keep a connection with from the start.
    pub bootstrap: Vec<PeerAddress>,
    /// Sees all application frames; none by default.
    pub frame_tap: Option<FrameTap>,
}

impl<'a> NetworkConfig<'a> {
    /// A node with `key` that listens nowhere and dials nobody yet.
    #[must_use]
    pub fn new(key: &'a SecretKey) -> Self {
        Self { key, listen: Vec::new(), bootstrap: Vec::new(), frame_tap: None }
    }
}
