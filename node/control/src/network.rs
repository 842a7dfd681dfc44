//! `peers`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PublicKey;

/// Arguments of `peers`: connected peers and listening addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Peers {}

/// The running node's connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// Keys of the peers that are connected.
    pub connected: Vec<PublicKey>,
    /// Addresses on which this node listens, each with its key.
    pub listening: Vec<String>,
    /// Bytes since the node started.
    pub counters: Counters,
}

/// Bytes and frames since the node started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counters {
    /// Bytes of application frames sent (a gossip frame counts once).
    pub payload_out_bytes: u64,
    /// Bytes of application frames received.
    pub payload_in_bytes: u64,
    /// Bytes written on all streams of all connections, without encryption and transport headers.
    pub stream_out_bytes: u64,
    /// Bytes read on all streams, likewise.
    pub stream_in_bytes: u64,
    /// Gossip frames published here.
    pub gossip_out: u64,
    /// Gossip frames received for the first time.
    pub gossip_in: u64,
}
