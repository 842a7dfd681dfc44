//! Gossip learning (Ormándi, Hegedűs and Jelasity, "Gossip learning with linear models on fully distributed data",
//! 2013): models walk over random peers, and each node trains what it gets on its own data.
//!
//! The rule is Pegasos (Shalev-Shwartz et al. 2007) with merging: a node that gets a model takes the mean of its own
//! weights and those, the greater of both ages, and then makes one step for each of its samples in order. In every
//! round each node sends its model to one random other. Merging needs no order, and a lost model is only lost.

mod data;
mod scenario;

use data::Sample;
pub use data::{Data, Samples};
pub use scenario::{Learning, LearningError, SHIPPED};

use crate::network::Network;
use crate::overlay::Overlay;
use crate::queue::{Micros, Queue, Traced};
use crate::rng::{Purpose, Stream, Streams, WHOLE};
use crate::scenario::NetworkPlan;

/// A task.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Task {
    /// Nodes.
    pub nodes: u32,
    /// Rounds.
    pub rounds: u32,
    /// Rounds from one measurement of the accuracy to the next, from 1; the last round is always measured.
    pub measured_every: u32,
    /// Regularisation of Pegasos.
    pub lambda: f64,
    /// Neighbours of each node in a random regular graph; none: every other node.
    pub degree: Option<u32>,
    /// Loss of each link, in a million.
    pub loss_ppm: u32,
}

/// Length of a round, in microseconds.
const ROUND: Micros = 1_000_000;

/// Outcome of a task.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Learnt {
    /// Models that were merged and trained.
    pub updates: u64,
    /// Mean accuracy of the nodes' models on samples that none of them has seen, each with its round.
    pub accuracy: Vec<(u32, f64)>,
    /// Accuracy of one model after one pass over all samples: the control arm.
    pub central: f64,
    /// Hash of every event in order.
    pub trace: String,
}

/// A linear model and the number of its steps.
#[derive(Clone)]
struct Model {
    weights: Vec<f32>,
    age: u32,
}

impl Model {
    fn new(dimensions: usize) -> Self {
        Self { weights: vec![0.0; dimensions], age: 0 }
    }

    fn score(&self, sample: &Sample) -> f32 {
        self.weights.iter().zip(&sample.point).map(|(weight, value)| weight * value).sum()
    }

    fn merge(&mut self, other: &Self) {
        self.age = self.age.max(other.age);
        for (own, other) in self.weights.iter_mut().zip(&other.weights) {
            *own = f32::midpoint(*own, *other);
        }
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    fn train(&mut self, samples: &[Sample], lambda: f64) {
        for sample in samples {
            self.age += 1;
            let step = 1.0 / (lambda * f64::from(self.age));
            let inside = self.score(sample) * sample.label < 1.0;
            let keep = (1.0 - step * lambda) as f32;
            let pull = if inside { step as f32 * sample.label } else { 0.0 };
            for (weight, value) in self.weights.iter_mut().zip(&sample.point) {
                *weight = *weight * keep + pull * value;
            }
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn accuracy(&self, samples: &[Sample]) -> f64 {
        let right = samples.iter().filter(|one| self.score(one) * one.label > 0.0).count();
        right as f64 / samples.len() as f64
    }
}

enum Event {
    Round,
    Model { to: u32, model: Model },
}

impl Traced for Event {
    fn trace(&self, out: &mut Vec<u8>) {
        if let Self::Model { to, model } = self {
            out.extend_from_slice(&to.to_le_bytes());
            out.extend_from_slice(&model.age.to_le_bytes());
            model.weights.iter().for_each(|weight| out.extend_from_slice(&weight.to_le_bytes()));
        }
    }
}

/// Peers to which a node may send.
enum Peers {
    Everyone(usize),
    Neighbours(Vec<Vec<usize>>),
}

impl Peers {
    fn new(task: Task, streams: Streams) -> Self {
        let nodes = task.nodes as usize;
        // A graph of every checked degree exists; if it did not, everybody would be a neighbour.
        let overlay =
            task.degree.and_then(|degree| Overlay::regular(nodes, degree as usize, streams));
        overlay.map_or(Self::Everyone(nodes), |overlay| {
            Self::Neighbours((0..nodes).map(|node| overlay.neighbours(node).collect()).collect())
        })
    }

    fn draw(&self, own: usize, stream: &mut Stream) -> usize {
        match self {
            Self::Everyone(nodes) => stream.other(own, *nodes),
            Self::Neighbours(all) => all[own][stream.index(all[own].len())],
        }
    }
}

/// Runs a task from one seed; `after_round` is called as often as there are rounds.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn run(task: Task, data: &Data, seed: u64, mut after_round: impl FnMut()) -> Learnt {
    let streams = Streams::new(seed);
    let nodes = task.nodes as usize;
    let Data { by_node, held_out } = data;
    let mut stream = streams.stream(WHOLE, Purpose::Peers);
    let peers = Peers::new(task, streams);
    let plan = NetworkPlan { loss_ppm: task.loss_ppm, ..NetworkPlan::constant(1_000) };
    let mut network = Network::new(plan, nodes, streams);
    let mut models = vec![Model::new(data.dimensions()); nodes];
    for (model, samples) in models.iter_mut().zip(by_node) {
        model.train(samples, task.lambda);
    }
    let mut queue = Queue::new();
    let (mut updates, mut rounds, mut accuracy) = (0, 0, Vec::new());
    queue.schedule(0, Event::Round);
    while let Some(event) = queue.pop() {
        match event {
            Event::Round => {
                if rounds % task.measured_every.max(1) == 0 || rounds == task.rounds {
                    let right = models.iter().map(|model| model.accuracy(held_out)).sum::<f64>();
                    accuracy.push((rounds, right / nodes as f64));
                }
                if rounds == task.rounds {
                    break;
                }
                rounds += 1;
                let now = queue.now();
                for (from, own) in models.iter().enumerate() {
                    let to = peers.draw(from, &mut stream);
                    for at in network.send(now, from, to, own.weights.len() * 4) {
                        let to = u32::try_from(to).unwrap_or(0);
                        queue.schedule(at, Event::Model { to, model: own.clone() });
                    }
                }
                queue.schedule(now + ROUND, Event::Round);
                after_round();
            }
            Event::Model { to, model } => {
                let own = &mut models[to as usize];
                own.merge(&model);
                own.train(&by_node[to as usize], task.lambda);
                updates += 1;
            }
        }
    }
    let mut central = Model::new(data.dimensions());
    by_node.iter().for_each(|samples| central.train(samples, task.lambda));
    let central = central.accuracy(held_out);
    Learnt { updates, accuracy, central, trace: queue.trace().to_hex().to_string() }
}

/// The arithmetic of a task alone, merging with the next node's model: the control arm. Returns the updates.
#[must_use]
pub fn control(task: Task, data: &Data) -> u64 {
    let by_node = &data.by_node;
    let nodes = by_node.len();
    let mut models = vec![Model::new(data.dimensions()); nodes];
    let mut updates = 0;
    for _ in 0..task.rounds {
        for node in 0..nodes {
            let other = models[(node + 1) % nodes].clone();
            models[node].merge(&other);
            models[node].train(&by_node[node], task.lambda);
            updates += 1;
        }
    }
    updates
}

#[cfg(test)]
mod tests;
