//! Rounds of dissemination: in each round one node publishes a delta, or all nodes do, and it is measured how long it
//! takes until all others have it. The next round begins when nothing of the last is under way any more.
//!
//! Nodes are those of [`crate::mesh`]: each checks a tag when it first hears a delta, and forwards it to all
//! neighbours but the one that it came from.

use crate::mesh::{Arrival, Held, tag};
use crate::network::Network;
use crate::overlay::Overlay;
use crate::queue::{Micros, Queue};
use crate::rng::{Purpose, Streams, WHOLE};
use crate::scenario::{Latency, NetworkPlan};

/// Nodes that publish in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// One, the same in all rounds.
    One,
    /// One, drawn in each round.
    Random,
    /// All at once.
    All,
}

/// Rounds on one graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Rounds {
    /// Nodes.
    pub nodes: u32,
    /// Neighbours of each.
    pub degree: u32,
    /// Rounds.
    pub rounds: u32,
    /// Nodes that publish.
    pub sender: Sender,
    /// Least latency of a pair of nodes, in microseconds.
    pub min_micros: Micros,
    /// The greatest latency less the least; uniform between them.
    pub span_micros: Micros,
}

/// Outcome of all rounds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Disseminated {
    /// By round: virtual time from the publication until the last node had everything, in microseconds.
    pub took_micros: Vec<Micros>,
    /// Deltas that a node never heard, over all rounds and nodes.
    pub missed: u64,
    /// Messages that arrived.
    pub deliveries: u64,
    /// Hash of every event in order.
    pub trace: String,
}

impl Disseminated {
    /// Mean time of a round, in milliseconds.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn mean_ms(&self) -> f64 {
        self.took_micros.iter().sum::<Micros>() as f64 / 1e3 / self.took_micros.len().max(1) as f64
    }
}

/// Runs the rounds from one seed. None when there is no graph of this size and degree.
#[must_use]
pub fn run(plan: Rounds, seed: u64) -> Option<Disseminated> {
    let streams = Streams::new(seed);
    let nodes = plan.nodes as usize;
    let overlay = Overlay::regular(nodes, plan.degree as usize, streams)?;
    let neighbours: Vec<Vec<usize>> =
        (0..nodes).map(|node| overlay.neighbours(node).collect()).collect();
    let Rounds { min_micros, span_micros, .. } = plan;
    let latency = Latency::Uniform { min_micros, span_micros };
    let mut network =
        Network::new(NetworkPlan { latency, ..NetworkPlan::constant(0) }, nodes, streams);
    let mut queue = Queue::new();
    let mut stream = streams.stream(WHOLE, Purpose::Work);
    let one = stream.index(nodes);
    let (mut took_micros, mut missed, mut deliveries) = (Vec::new(), 0, 0);
    for _ in 0..plan.rounds {
        let authors = match plan.sender {
            Sender::One => one..one + 1,
            Sender::Random => {
                let drawn = stream.index(nodes);
                drawn..drawn + 1
            }
            Sender::All => 0..nodes,
        };
        let begin = queue.now();
        let deltas: Vec<_> = authors
            .enumerate()
            .map(|(delta, author)| {
                let (to, delta) = (number(author), number(delta));
                queue.schedule(begin, Arrival { from: to, to, delta });
                let header = stream.bytes();
                (header, tag(&header))
            })
            .collect();
        let mut held = Held::new(plan.nodes, number(deltas.len()));
        let (mut first, mut last) = (0_u64, begin);
        while let Some(Arrival { from, to: node, delta }) = queue.pop() {
            deliveries += 1;
            let (header, claimed) = &deltas[delta as usize];
            if !held.insert(node, delta) || tag(header) != *claimed {
                continue;
            }
            first += 1;
            last = queue.now();
            for next in neighbours[node as usize].iter().filter(|next| number(**next) != from) {
                for at in network.send(last, node as usize, *next, 1) {
                    queue.schedule(at, Arrival { from: node, to: number(*next), delta });
                }
            }
        }
        took_micros.push(last - begin);
        missed += u64::from(plan.nodes) * deltas.len() as u64 - first;
        deliveries -= deltas.len() as u64;
    }
    let trace = queue.trace().to_hex().to_string();
    Some(Disseminated { took_micros, missed, deliveries, trace })
}

/// A node or delta as a number; there are never more than fit.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SMALL: Rounds = Rounds {
        nodes: 40,
        degree: 5,
        rounds: 6,
        sender: Sender::Random,
        min_micros: 10_000,
        span_micros: 40_000,
    };

    #[test]
    fn all_nodes_hear_everything_in_the_exact_number_of_deliveries() {
        for (sender, each) in [(Sender::One, 1), (Sender::Random, 1), (Sender::All, 40)] {
            let spread = run(Rounds { sender, ..SMALL }, 1).unwrap();
            assert_eq!((spread.missed, spread.took_micros.len()), (0, 6));
            assert_eq!(spread.deliveries, 6 * each * (40 * 4 + 1), "{sender:?}");
            assert!((20.0..300.0).contains(&spread.mean_ms()), "{spread:?}");
        }
    }

    #[test]
    fn one_sender_takes_the_same_time_in_each_round_and_seeds_repeat() {
        let spread = run(Rounds { sender: Sender::One, ..SMALL }, 3).unwrap();
        assert!(spread.took_micros.iter().all(|took| *took == spread.took_micros[0]));
        assert_eq!(run(Rounds { sender: Sender::One, ..SMALL }, 3).unwrap(), spread);
        assert_ne!(run(SMALL, 4).unwrap(), run(SMALL, 3).unwrap());
        assert!(run(Rounds { nodes: 5, degree: 3, ..SMALL }, 1).is_none());
    }

    #[test]
    fn two_nodes_take_the_latency_between_them() {
        let pair = Rounds { nodes: 2, degree: 1, sender: Sender::One, span_micros: 0, ..SMALL };
        assert_eq!(run(pair, 1).unwrap().took_micros, [10_000; 6]);
    }
}
