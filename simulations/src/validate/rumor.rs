//! One rumour in synchronous rounds on a complete graph, through the queue and the network.
//!
//! Push: in each round every informed node calls one other node, chosen uniformly. Pull: every
//! uninformed node calls one other and learns the rumour when that one knew it at the start of the
//! round. Push-pull: every node calls one other, and either learns from the one that knew it then. Known
//! results: Pittel, "On spreading a rumor", 1987; Karp et al., "Randomized rumor spreading", 2000.

use crate::network::Network;
use crate::queue::{Queue, Traced};
use crate::rng::{Purpose, Stream, Streams};
use crate::scenario::NetworkPlan;

/// Direction of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The informed.
    Push,
    /// The uninformed.
    Pull,
    /// All.
    PushPull,
}

/// Nodes that a caller may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Any other node: the model of the target.
    Others,
    /// Any node, itself included: a plausible mistake, there to show that the check would see it.
    Anyone,
}

/// Length of a round. A call takes half of one, an answer arrives just before the next.
const ROUND: u64 = 1_000;
const FLIGHT: u64 = 400;

enum Event {
    Round,
    Call { from: usize, to: usize },
    Rumour { to: usize },
}

impl Traced for Event {
    fn trace(&self, out: &mut Vec<u8>) {
        let (kind, a, b) = match self {
            Self::Round => (0, 0, 0),
            Self::Call { from, to } => (1, *from, *to),
            Self::Rumour { to } => (2, *to, 0),
        };
        out.push(kind);
        out.extend_from_slice(&(a as u64).to_le_bytes());
        out.extend_from_slice(&(b as u64).to_le_bytes());
    }
}

/// Rounds until all of `nodes` know what the first one knows.
#[must_use]
pub fn rounds(nodes: usize, direction: Direction, reach: Reach, streams: Streams) -> u64 {
    let mut network = Network::new(NetworkPlan::constant(FLIGHT), nodes, streams);
    let mut peers: Vec<Stream> = (0..nodes)
        .map(|node| streams.stream(u32::try_from(node).unwrap_or(u32::MAX), Purpose::Peers))
        .collect();
    let mut choose = |node: usize| match reach {
        Reach::Others => peers[node].other(node, nodes),
        Reach::Anyone => peers[node].index(nodes),
    };
    // Known at the start of the round, and learnt since.
    let mut knows = vec![false; nodes];
    let mut heard = vec![false; nodes];
    let mut learnt = vec![0];
    let mut informed = 1;
    let mut round = 0;
    let mut queue = Queue::new();
    queue.schedule(0, Event::Round);
    while let Some(event) = queue.pop() {
        let now = queue.now();
        match event {
            Event::Round => {
                for node in learnt.drain(..) {
                    knows[node] = true;
                }
                if informed == nodes {
                    return round;
                }
                round += 1;
                for (node, knows) in knows.iter().enumerate() {
                    let calls = match direction {
                        Direction::Push => *knows,
                        Direction::Pull => !*knows,
                        Direction::PushPull => true,
                    };
                    let to = if calls { choose(node) } else { continue };
                    for at in network.send(now, node, to, 1) {
                        let call = if *knows {
                            Event::Rumour { to }
                        } else {
                            Event::Call { from: node, to }
                        };
                        queue.schedule(at, call);
                    }
                }
                queue.schedule(now + ROUND, Event::Round);
            }
            Event::Call { from, to } if knows[to] => {
                for at in network.send(now, to, from, 1) {
                    queue.schedule(at, Event::Rumour { to: from });
                }
            }
            Event::Call { .. } => {}
            Event::Rumour { to } => {
                if !knows[to] && !std::mem::replace(&mut heard[to], true) {
                    learnt.push(to);
                    informed += 1;
                }
            }
        }
    }
    round
}
