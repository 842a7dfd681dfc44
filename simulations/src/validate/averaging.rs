//! Averaging by random pairs (Jelasity, Montresor and Babaoglu, "Gossip-based aggregation in large dynamic
//! networks", 2005): two different nodes, chosen uniformly, both take their mean.
//!
//! An exchange takes the sum of squared distances from the mean down to `1 - 1/(n-1)` of it on average,
//! whatever the values are, so `n` of them to `(1 - 1/(n-1))^n`, which tends to 1/e.

use crate::network::Network;
use crate::queue::{Queue, Traced};
use crate::rng::{Purpose, Streams, WHOLE};
use crate::scenario::NetworkPlan;

/// Choice of the pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairs {
    /// Both at random: the model of the target.
    Random,
    /// Each node in turn with a random other: a plausible mistake, which ends at 1/(2 sqrt e).
    InTurn,
}

const FLIGHT: u64 = 400;
const PERIOD: u64 = 1_000;

enum Event {
    Due,
    Offer { from: usize, to: usize, value: i64 },
    Taken { by: usize, value: i64 },
}

impl Traced for Event {
    fn trace(&self, out: &mut Vec<u8>) {
        let (kind, a, b, value) = match self {
            Self::Due => (0, 0, 0, 0),
            Self::Offer { from, to, value } => (1, *from, *to, *value),
            Self::Taken { by, value } => (2, *by, 0, *value),
        };
        out.push(kind);
        out.extend_from_slice(&(a as u64).to_le_bytes());
        out.extend_from_slice(&(b as u64).to_le_bytes());
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Variance after `nodes` exchanges, as a share of what it was. Values are integers, and no exchange changes
/// their sum.
#[must_use]
pub fn shrink(nodes: usize, pairs: Pairs, streams: Streams) -> f64 {
    let mut network = Network::new(NetworkPlan::constant(FLIGHT), nodes, streams);
    let mut values: Vec<i64> = {
        let mut stream = streams.stream(WHOLE, Purpose::Work);
        // Forty bits: the sum of squares of thousands stays far below what an f64 holds exactly enough.
        (0..nodes).map(|_| i64::try_from(stream.below(1 << 40)).unwrap_or(0)).collect()
    };
    let before = variance(&values);
    let mut stream = streams.stream(WHOLE, Purpose::Peers);
    let mut queue = Queue::new();
    for exchange in 0..nodes as u64 {
        queue.schedule(exchange * PERIOD, Event::Due);
    }
    let mut turn = 0;
    while let Some(event) = queue.pop() {
        let now = queue.now();
        match event {
            Event::Due => {
                let from = match pairs {
                    Pairs::Random => stream.index(nodes),
                    Pairs::InTurn => turn,
                };
                turn += 1;
                let (to, value) = (stream.other(from, nodes), values[from]);
                for at in network.send(now, from, to, 8) {
                    queue.schedule(at, Event::Offer { from, to, value });
                }
            }
            Event::Offer { from, to, value } => {
                let sum = value + values[to];
                // Of an odd sum the receiver keeps the greater half.
                values[to] = sum - sum.div_euclid(2);
                for at in network.send(now, to, from, 8) {
                    queue.schedule(at, Event::Taken { by: from, value: sum.div_euclid(2) });
                }
            }
            Event::Taken { by, value } => values[by] = value,
        }
    }
    variance(&values) / before
}

#[allow(clippy::cast_precision_loss)]
fn variance(values: &[i64]) -> f64 {
    values.iter().map(|value| *value as f64).collect::<crate::stats::Sample>().variance()
}

/// The exact mean of [`shrink`] for random pairs.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_wrap, clippy::cast_possible_truncation)]
pub fn expected(nodes: usize) -> f64 {
    (1.0 - 1.0 / (nodes as f64 - 1.0)).powi(nodes as i32)
}
