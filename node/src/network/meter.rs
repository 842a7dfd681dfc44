//! Counters of bytes by direction.

use std::sync::atomic::{AtomicU64, Ordering};

use libp2p::metrics::Registry;

use super::Direction;

/// Bytes since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Application frames handed to libp2p.
    pub payload_out_bytes: u64,
    /// Application frames received.
    pub payload_in_bytes: u64,
    /// Bytes written on all streams of all connections: frames,
    /// negotiation, identify and ping. Not counted: encryption, yamux or
    /// QUIC headers and the handshake.
    pub stream_out_bytes: u64,
    /// Bytes read on all streams, likewise.
    pub stream_in_bytes: u64,
    /// Frames of the fast path handed to libp2p.
    pub gossip_out: u64,
    /// Frames of the fast path received.
    pub gossip_in: u64,
}

/// Counts frames, and reads libp2p's own count of stream bytes.
pub(super) struct Meter {
    payload_out: AtomicU64,
    payload_in: AtomicU64,
    gossip_out: AtomicU64,
    gossip_in: AtomicU64,
    registry: Registry,
}

impl Meter {
    pub(super) fn new(registry: Registry) -> Self {
        Self {
            payload_out: AtomicU64::new(0),
            payload_in: AtomicU64::new(0),
            gossip_out: AtomicU64::new(0),
            gossip_in: AtomicU64::new(0),
            registry,
        }
    }

    pub(super) fn frame(&self, direction: Direction, len: usize) {
        let counter = match direction {
            Direction::Out => &self.payload_out,
            Direction::In => &self.payload_in,
        };
        counter.fetch_add(len as u64, Ordering::Relaxed);
    }

    pub(super) fn gossip(&self, direction: Direction) {
        let counter = match direction {
            Direction::Out => &self.gossip_out,
            Direction::In => &self.gossip_in,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counters {
        // libp2p keeps its counters private; its exposition text is the public way to them.
        let mut text = String::new();
        let (stream_out_bytes, stream_in_bytes) =
            match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
                Ok(()) => (sum_of(&text, "Outbound"), sum_of(&text, "Inbound")),
                Err(_) => (0, 0),
            };
        Counters {
            payload_out_bytes: self.payload_out.load(Ordering::Relaxed),
            payload_in_bytes: self.payload_in.load(Ordering::Relaxed),
            stream_out_bytes,
            stream_in_bytes,
            gossip_out: self.gossip_out.load(Ordering::Relaxed),
            gossip_in: self.gossip_in.load(Ordering::Relaxed),
        }
    }
}

/// Sums the samples of libp2p's bandwidth counter in one direction, over all transports.
fn sum_of(text: &str, direction: &str) -> u64 {
    text.lines()
        .filter(|line| line.starts_with("libp2p_bandwidth_bytes_total{"))
        .filter(|line| line.contains(direction))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}
