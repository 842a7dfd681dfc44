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
    /// The same peers, with the way to each.
    pub connections: Vec<Connection>,
    /// How others reach this node.
    pub reach: Reach,
    /// Addresses on which this node listens, each with its key.
    pub listening: Vec<String>,
    /// Bytes since the node started.
    pub counters: Counters,
}

/// Bytes and frames since the node started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counters {
    /// Bytes of application frames sent.
    pub payload_out_bytes: u64,
    /// Bytes of application frames received.
    pub payload_in_bytes: u64,
    /// Bytes written on all streams of all connections, without encryption and transport headers.
    pub stream_out_bytes: u64,
    /// Bytes read on all streams, likewise.
    pub stream_in_bytes: u64,
    /// Frames of gossip sent: pushes, announcements and what keeps the links.
    pub gossip_out: u64,
    /// Frames of gossip received.
    pub gossip_in: u64,
}

/// A connected peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// Its key.
    pub peer: PublicKey,
    /// The way to it.
    pub way: Way,
    /// Its address; of a relayed one, the relay's.
    pub address: String,
}

/// The way to a connected peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// On this machine.
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

/// How others reach this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reach {
    /// In one word.
    pub state: Reachable,
    /// In plain words, for people.
    pub says: String,
    /// What to do about it; none when nothing is.
    pub advice: Option<String>,
    /// Addresses that others are told, the best first, each with the node's key.
    pub told: Vec<String>,
    /// Addresses that a relay or bootstrap node dialled with success.
    pub confirmed: Vec<String>,
    /// Relays of the configuration.
    pub relays: Vec<RelayPlace>,
    /// Ways through two routers that were made since the node started.
    pub hole_punched: u64,
    /// Ways through two routers that could not be made.
    pub not_hole_punched: u64,
    /// Whether members are looked for on the LAN.
    pub mdns: bool,
    /// Whether addresses are published and looked up at bootstrap nodes.
    pub dht: bool,
    /// Whether deltas are gossiped.
    pub gossip: bool,
}

/// How others reach a node, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reachable {
    /// At its own address; a relay or bootstrap node tried it.
    Directly,
    /// Through a relay.
    ThroughRelay,
    /// Perhaps: it listens on networks, and nobody tried whether others come in.
    Unknown,
    /// Not at all from outside: its relays give it no place, and it was dialled in vain.
    Unreachable,
    /// Only by programs on this machine.
    ThisMachine,
}

/// A relay of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RelayPlace {
    /// Its address, with its key.
    pub address: String,
    /// What it does for this node.
    pub state: RelayUse,
    /// Why it refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a relay does for a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RelayUse {
    /// There is no connection with it.
    NotConnected,
    /// It is connected, and not needed as a relay.
    Connected,
    /// It was asked for a place.
    Asked,
    /// It lets others through to this node.
    Reserved,
    /// It refused.
    Refused,
}

/// A relay that listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RelayListening {
    /// Addresses to give to others, each with the relay's key.
    pub addresses: Vec<String>,
    /// What it serves at most.
    pub limits: RelayLimits,
}

/// What a relay serves at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RelayLimits {
    /// Nodes that hold a place at once.
    pub places: u64,
    /// Connections through it at once.
    pub circuits: u64,
    /// Connections through it of one node at once.
    pub circuits_per_peer: u64,
    /// Seconds that one may last.
    pub circuit_seconds: u64,
    /// Bytes that one may carry, each way.
    pub circuit_bytes: u64,
    /// Records of where nodes are.
    pub records: u64,
}
