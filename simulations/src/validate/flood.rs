//! Flooding on a regular graph: a node that first hears a rumour sends it to all neighbours but the one it
//! came from. The number of transmissions is a matter of counting, not of luck: the first node sends d,
//! each of the others d - 1, so n(d-1)+1 in all, whatever the graph and the latencies.

use crate::network::Network;
use crate::overlay::Overlay;
use crate::queue::{Queue, Traced};
use crate::rng::Streams;
use crate::scenario::{Latency, NetworkPlan};

/// Treatment of a rumour by a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// Sends it to all neighbours but the one it came from: the model of the target.
    AllButSender,
    /// Sends it back too: a plausible mistake, there to show that the check would see it.
    All,
}

struct Arrival {
    from: usize,
    to: usize,
}

impl Traced for Arrival {
    fn trace(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.from as u64).to_le_bytes());
        out.extend_from_slice(&(self.to as u64).to_le_bytes());
    }
}

/// Result of a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flooded {
    /// Messages sent.
    pub transmissions: u64,
    /// Nodes that know.
    pub reached: usize,
}

/// Floods one rumour from node 0 over links with jitter. None when no such graph exists.
#[must_use]
pub fn flood(nodes: usize, degree: usize, forward: Forward, streams: Streams) -> Option<Flooded> {
    let overlay = Overlay::regular(nodes, degree, streams)?;
    let plan = NetworkPlan {
        latency: Latency::Plane { min_micros: 5_000, span_micros: 100_000 },
        jitter_micros: 50_000,
        ..NetworkPlan::constant(0)
    };
    let mut network = Network::new(plan, nodes, streams);
    let mut queue = Queue::new();
    let mut knows = vec![false; nodes];
    queue.schedule(0, Arrival { from: 0, to: 0 });
    while let Some(Arrival { from, to: node }) = queue.pop() {
        if std::mem::replace(&mut knows[node], true) {
            continue;
        }
        for next in overlay.neighbours(node) {
            if next == from && forward == Forward::AllButSender {
                continue;
            }
            for at in network.send(queue.now(), node, next, 1) {
                queue.schedule(at, Arrival { from: node, to: next });
            }
        }
    }
    Some(Flooded {
        transmissions: network.traffic().sent,
        reached: knows.iter().filter(|knows| **knows).count(),
    })
}
