//! A large mesh: many deltas flood it, over the queue and the network of all simulations, on one thread.
//!
//! What is simulated of a node is the fast path alone: it checks a delta's tag when it first hears it, adds it to
//! its digest, and sends it on to all neighbours but the one it came from. Structs cross the wire, not bytes, and a
//! tag is a keyed hash that stands in for a signature. Whole nodes are `world`'s.

use crate::network::{Network, Traffic};
use crate::overlay::Overlay;
use crate::queue::{Micros, Queue, Traced};
use crate::rng::{Purpose, Streams, WHOLE};
use crate::scenario::{Latency, NetworkPlan};

/// Size of a mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Mesh {
    /// Nodes.
    pub nodes: u32,
    /// Neighbours of each.
    pub degree: u32,
    /// Deltas, each published by a random node.
    pub deltas: u32,
    /// They are spread evenly at random over this time, in microseconds.
    pub spread_micros: Micros,
    /// Loss of each link, in a million.
    pub loss_ppm: u32,
}

/// Outcome of a mesh.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Flooded {
    /// Messages that arrived.
    pub deliveries: u64,
    /// Deltas that a node heard first, over all nodes.
    pub first: u64,
    /// Different digests of nodes at the end: one when everybody holds everything.
    pub digests: usize,
    /// Most events that waited at once.
    pub most_waiting: usize,
    /// What the network carried.
    pub traffic: Traffic,
    /// Virtual time at the end.
    pub end_micros: Micros,
    /// Hash of every event in order.
    pub trace: String,
}

/// A delta arrives at a node, or is published there when it comes from itself.
pub(crate) struct Arrival {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) delta: u32,
}

impl Traced for Arrival {
    fn trace(&self, out: &mut Vec<u8>) {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.from.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.to.to_le_bytes());
        bytes[8..].copy_from_slice(&self.delta.to_le_bytes());
        out.extend_from_slice(&bytes);
    }
}

/// A delta and the tag that stands in for its signature.
struct Delta {
    header: [u8; 32],
    tag: blake3::Hash,
}

/// Stand-in signer: anybody can check a tag, and anybody could make one.
pub(crate) fn tag(header: &[u8; 32]) -> blake3::Hash {
    blake3::keyed_hash(&[7; 32], header)
}

/// Deltas that each node holds.
pub(crate) struct Held {
    bits: Vec<u64>,
    words: usize,
}

impl Held {
    pub(crate) fn new(nodes: u32, deltas: u32) -> Self {
        let words = (deltas as usize).div_ceil(64);
        Self { bits: vec![0; words * nodes as usize], words }
    }

    /// Adds one; false when it was there.
    pub(crate) fn insert(&mut self, node: u32, delta: u32) -> bool {
        let word = &mut self.bits[node as usize * self.words + delta as usize / 64];
        let bit = 1 << (delta % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

/// Bytes that a mesh needs, as a guess on the high side.
#[must_use]
pub fn need(mesh: Mesh) -> u64 {
    let nodes = u64::from(mesh.nodes);
    let edges = nodes * u64::from(mesh.degree);
    // Streams and digests, neighbours, bits, and deltas under way at once: a tenth of all deliveries at most.
    nodes * 1_500
        + edges * 100
        + nodes * u64::from(mesh.deltas) / 8
        + edges * 32 * u64::from(mesh.deltas.min(30))
}

/// Neighbours of all nodes, one node after the other.
pub struct Neighbours(Vec<u32>);

impl Mesh {
    /// Draws the graph from a seed. None when there is none of this size and degree.
    #[must_use]
    pub fn neighbours(self, seed: u64) -> Option<Neighbours> {
        let (nodes, degree) = (self.nodes as usize, self.degree as usize);
        let overlay = Overlay::regular(nodes, degree, Streams::new(seed))?;
        let all = (0..nodes).flat_map(|node| overlay.neighbours(node));
        Some(Neighbours(all.map(|node| u32::try_from(node).unwrap_or(0)).collect()))
    }
}

/// Floods a mesh from one seed.
#[must_use]
pub fn run(mesh: Mesh, Neighbours(neighbours): &Neighbours, seed: u64) -> Flooded {
    let streams = Streams::new(seed);
    let (nodes, degree) = (mesh.nodes as usize, mesh.degree as usize);
    let plan = NetworkPlan {
        latency: Latency::Plane { min_micros: 5_000, span_micros: 100_000 },
        jitter_micros: 20_000,
        loss_ppm: mesh.loss_ppm,
        ..NetworkPlan::constant(0)
    };
    let mut network = Network::new(plan, nodes, streams);
    let mut queue = Queue::new();
    let mut stream = streams.stream(WHOLE, Purpose::Work);
    let deltas: Vec<Delta> = (0..mesh.deltas)
        .map(|number| {
            let at = stream.below(mesh.spread_micros);
            let author = u32::try_from(stream.index(nodes)).unwrap_or(0);
            queue.schedule(at, Arrival { from: author, to: author, delta: number });
            let header = stream.bytes();
            Delta { header, tag: tag(&header) }
        })
        .collect();
    let mut held = Held::new(mesh.nodes, mesh.deltas);
    let mut digests = vec![[0_u64; 4]; nodes];
    let (mut first, mut most_waiting) = (0, 0);
    while let Some(Arrival { from, to: node, delta }) = queue.pop() {
        let Delta { header, tag: claimed } = &deltas[delta as usize];
        if !held.insert(node, delta) || tag(header) != *claimed {
            continue;
        }
        first += 1;
        add(&mut digests[node as usize], claimed);
        let start = node as usize * degree;
        for next in &neighbours[start..start + degree] {
            if *next == from {
                continue;
            }
            for at in network.send(queue.now(), node as usize, *next as usize, 1) {
                queue.schedule(at, Arrival { from: node, to: *next, delta });
            }
        }
        most_waiting = most_waiting.max(queue.waiting());
    }
    digests.sort_unstable();
    digests.dedup();
    Flooded {
        deliveries: queue.executed() - u64::from(mesh.deltas),
        first,
        digests: digests.len(),
        most_waiting,
        traffic: network.traffic(),
        end_micros: queue.now(),
        trace: queue.trace().to_hex().to_string(),
    }
}

/// The same flood without virtual time, links, tags and trace, each delta by itself in breadth-first order: the least
/// that has to be done for as many deliveries. Returns their number.
#[must_use]
pub fn control(mesh: Mesh, Neighbours(neighbours): &Neighbours, seed: u64) -> u64 {
    let (nodes, degree) = (mesh.nodes as usize, mesh.degree as usize);
    let mut stream = Streams::new(seed).stream(WHOLE, Purpose::Work);
    let mut held = Held::new(mesh.nodes, mesh.deltas);
    let mut deliveries = 0;
    let mut open = std::collections::VecDeque::new();
    for delta in 0..mesh.deltas {
        let author = u32::try_from(stream.index(nodes)).unwrap_or(0);
        open.push_back((author, author));
        while let Some((from, node)) = open.pop_front() {
            deliveries += 1;
            if !held.insert(node, delta) {
                continue;
            }
            let start = node as usize * degree;
            let next = neighbours[start..start + degree].iter().filter(|next| **next != from);
            open.extend(next.map(|next| (node, *next)));
        }
    }
    deliveries - u64::from(mesh.deltas)
}

/// Adds a hash to a digest in any order.
fn add(digest: &mut [u64; 4], hash: &blake3::Hash) {
    for (sum, part) in digest.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
        let part = part.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        *sum = sum.wrapping_add(part);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SMALL: Mesh =
        Mesh { nodes: 200, degree: 6, deltas: 70, spread_micros: 2_000_000, loss_ppm: 0 };

    fn small(mesh: Mesh, seed: u64) -> Flooded {
        run(mesh, &mesh.neighbours(1).unwrap(), seed)
    }

    #[test]
    fn without_loss_everybody_hears_everything_in_the_exact_number_of_deliveries() {
        let flooded = small(SMALL, 1);
        assert_eq!(flooded.digests, 1);
        assert_eq!(flooded.first, 200 * 70);
        assert_eq!(flooded.deliveries, 70 * (200 * 5 + 1));
        assert_eq!(control(SMALL, &SMALL.neighbours(1).unwrap(), 1), flooded.deliveries);
        assert_eq!(small(SMALL, 1), flooded);
        assert_ne!(small(SMALL, 2).trace, flooded.trace);
    }

    #[test]
    fn with_much_loss_digests_differ() {
        let flooded = small(Mesh { loss_ppm: 600_000, ..SMALL }, 1);
        assert!(flooded.digests > 1 && flooded.first < 200 * 70, "{flooded:?}");
    }

    #[test]
    fn impossible_meshes_are_none() {
        assert!(Mesh { nodes: 5, degree: 3, ..SMALL }.neighbours(1).is_none());
    }
}
