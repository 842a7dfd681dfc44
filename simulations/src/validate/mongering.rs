//! Rumours that nodes lose interest in, in synchronous rounds on a complete graph, through the queue and the
//! network. Demers et al., "Epidemic algorithms for replicated database maintenance", 1987, section 1.4.
//!
//! In each round every interested node sends the rumour to random others. A receiver counts as informed
//! only if it was so at the start of the round: who hears it from two at once was needed by both.

use crate::network::Network;
use crate::queue::{Queue, Traced};
use crate::rng::{Purpose, Stream, Streams};
use crate::scenario::NetworkPlan;

/// Loss of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// After `limit` calls to nodes that knew already; a call to one that did not starts the count again.
    Counter {
        /// Calls in vain.
        limit: u32,
    },
    /// The same without starting again: a plausible mistake, there to show that the check would see it.
    SteadyCounter {
        /// Calls in vain.
        limit: u32,
    },
    /// After each call with probability `1 / mean_calls`, whatever it did.
    Coin {
        /// Calls on average.
        mean_calls: u32,
    },
    /// After one round, in which it calls `fanout` different others.
    Once {
        /// Calls.
        fanout: usize,
    },
}

/// End of a rumour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ended {
    /// Share of the nodes that never heard it.
    pub residue: f64,
    /// Calls for each node.
    pub traffic: f64,
}

/// Length of a round. A call and its answer take less.
const ROUND: u64 = 1_000;
const FLIGHT: u64 = 400;

enum Event {
    Round,
    Rumour { from: usize, to: usize },
    Answer { to: usize, needed: bool },
}

impl Traced for Event {
    fn trace(&self, out: &mut Vec<u8>) {
        let (kind, a, b) = match self {
            Self::Round => (0, 0, 0),
            Self::Rumour { from, to } => (1, *from, *to),
            Self::Answer { to, needed } => (2, *to, usize::from(*needed)),
        };
        out.push(kind);
        out.extend_from_slice(&(a as u64).to_le_bytes());
        out.extend_from_slice(&(b as u64).to_le_bytes());
    }
}

/// One node.
#[derive(Clone, Copy, Default)]
struct Node {
    knew: bool,
    heard: bool,
    interested: bool,
    in_vain: u32,
}

/// Spreads one rumour from node 0 among `nodes` until nobody is interested.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn spread(nodes: usize, rule: Rule, streams: Streams) -> Ended {
    let mut network = Network::new(NetworkPlan::constant(FLIGHT), nodes, streams);
    let mut peers: Vec<Stream> = (0..nodes)
        .map(|node| streams.stream(u32::try_from(node).unwrap_or(u32::MAX), Purpose::Peers))
        .collect();
    let mut all = vec![Node::default(); nodes];
    all[0].heard = true;
    let (mut calls, mut interested, mut learnt) = (0_u64, Vec::new(), vec![0]);
    let mut queue = Queue::new();
    queue.schedule(0, Event::Round);
    while let Some(event) = queue.pop() {
        let now = queue.now();
        match event {
            Event::Round => {
                for node in learnt.drain(..) {
                    (all[node].knew, all[node].interested) = (true, true);
                    interested.push(node);
                }
                interested.retain(|node| all[*node].interested);
                if interested.is_empty() {
                    break;
                }
                for from in interested.iter().copied() {
                    let stream = &mut peers[from];
                    for to in called(from, nodes, rule, stream) {
                        calls += 1;
                        for at in network.send(now, from, to, 1) {
                            queue.schedule(at, Event::Rumour { from, to });
                        }
                    }
                    all[from].interested = match rule {
                        Rule::Coin { mean_calls } => stream.below(mean_calls.into()) != 0,
                        Rule::Once { .. } => false,
                        Rule::Counter { .. } | Rule::SteadyCounter { .. } => true,
                    };
                }
                queue.schedule(now + ROUND, Event::Round);
            }
            Event::Rumour { from, to } => {
                let needed = !all[to].knew;
                if needed && !std::mem::replace(&mut all[to].heard, true) {
                    learnt.push(to);
                }
                if matches!(rule, Rule::Counter { .. } | Rule::SteadyCounter { .. }) {
                    for at in network.send(now, to, from, 1) {
                        queue.schedule(at, Event::Answer { to: from, needed });
                    }
                }
            }
            Event::Answer { to, needed } => count(&mut all[to], rule, needed),
        }
    }
    let missed = all.iter().filter(|node| !node.knew).count();
    Ended { residue: missed as f64 / nodes as f64, traffic: calls as f64 / nodes as f64 }
}

/// Nodes that a node calls in a round.
fn called(own: usize, nodes: usize, rule: Rule, stream: &mut Stream) -> Vec<usize> {
    let wanted = if let Rule::Once { fanout } = rule { fanout.min(nodes - 1) } else { 1 };
    let mut chosen = Vec::with_capacity(wanted);
    while chosen.len() < wanted {
        let other = stream.other(own, nodes);
        if !chosen.contains(&other) {
            chosen.push(other);
        }
    }
    chosen
}

fn count(node: &mut Node, rule: Rule, needed: bool) {
    let (Rule::Counter { limit } | Rule::SteadyCounter { limit }) = rule else { return };
    if !needed {
        node.in_vain += 1;
        node.interested &= node.in_vain < limit;
    } else if matches!(rule, Rule::Counter { .. }) {
        node.in_vain = 0;
    }
}
