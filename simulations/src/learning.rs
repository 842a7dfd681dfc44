//! Gossip learning (Ormándi, Hegedűs and Jelasity, "Gossip learning with linear models on fully distributed data",
//! 2013): models walk over random peers, and each node trains what it gets on its own data.
//!
//! The task is made up: points around two centres in so many dimensions, some labels turned over. The rule is
//! Pegasos (Shalev-Shwartz et al. 2007) with merging: a node that gets a model takes the mean of its own weights
//! and those, the greater of both ages, and then makes one step for each of its samples in order. In every
//! round each node sends its model to one random other. Merging needs no order, and a lost model is only lost.

use crate::network::Network;
use crate::queue::{Micros, Queue, Traced};
use crate::rng::{Purpose, Stream, Streams, WHOLE};
use crate::scenario::NetworkPlan;

/// A task.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Task {
    /// Nodes.
    pub nodes: u32,
    /// Samples of each node.
    pub samples: u32,
    /// Dimensions of a sample, with the constant one.
    pub dimensions: u32,
    /// Rounds.
    pub rounds: u32,
    /// Rounds from one measurement of the accuracy to the next, from 1; the last round is always measured.
    pub measured_every: u32,
    /// Regularisation of Pegasos.
    pub lambda: f64,
    /// Loss of each link, in a million.
    pub loss_ppm: u32,
}

/// Samples that no node trains on.
const HELD_OUT: u32 = 1_000;
/// Labels that are turned over, in a million.
const TURNED_PPM: u32 = 50_000;
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

/// A sample and its label, 1 or -1.
struct Sample {
    point: Vec<f32>,
    label: f32,
}

/// A linear model and the number of its steps.
#[derive(Clone)]
struct Model {
    weights: Vec<f32>,
    age: u32,
}

impl Model {
    fn new(dimensions: u32) -> Self {
        Self { weights: vec![0.0; dimensions as usize], age: 0 }
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

/// Points around two centres: each coordinate is a sum of twelve uniform numbers, nearly normal, with variance 1,
/// and a shift of a quarter to the label's side.
fn draw(count: u32, dimensions: u32, stream: &mut Stream) -> Vec<Sample> {
    let uniform = |stream: &mut Stream| {
        f32::from(u16::try_from(stream.bits() & 0xffff).unwrap_or(0)) / 65_536.0
    };
    let mut sample = || {
        let side = if stream.chance(500_000) { 1.0 } else { -1.0 };
        let mut point: Vec<f32> = (1..dimensions)
            .map(|_| (0..12).map(|_| uniform(stream)).sum::<f32>() - 6.0 + 0.25 * side)
            .collect();
        point.push(1.0);
        Sample { point, label: if stream.chance(TURNED_PPM) { -side } else { side } }
    };
    (0..count).map(|_| sample()).collect()
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

/// Samples of a task.
pub struct Data {
    by_node: Vec<Vec<Sample>>,
    held_out: Vec<Sample>,
}

impl Task {
    /// Draws the samples from a seed.
    #[must_use]
    pub fn data(self, seed: u64) -> Data {
        let mut stream = Streams::new(seed).stream(WHOLE, Purpose::Work);
        let by_node =
            (0..self.nodes).map(|_| draw(self.samples, self.dimensions, &mut stream)).collect();
        Data { by_node, held_out: draw(HELD_OUT, self.dimensions, &mut stream) }
    }
}

/// Runs a task from one seed.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn run(task: Task, data: &Data, seed: u64) -> Learnt {
    let streams = Streams::new(seed);
    let nodes = task.nodes as usize;
    let Data { by_node, held_out } = data;
    let mut peers = streams.stream(WHOLE, Purpose::Peers);
    let plan = NetworkPlan { loss_ppm: task.loss_ppm, ..NetworkPlan::constant(1_000) };
    let mut network = Network::new(plan, nodes, streams);
    let mut models = vec![Model::new(task.dimensions); nodes];
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
                    let to = peers.other(from, nodes);
                    for at in network.send(now, from, to, own.weights.len() * 4) {
                        let to = u32::try_from(to).unwrap_or(0);
                        queue.schedule(at, Event::Model { to, model: own.clone() });
                    }
                }
                queue.schedule(now + ROUND, Event::Round);
            }
            Event::Model { to, model } => {
                let own = &mut models[to as usize];
                own.merge(&model);
                own.train(&by_node[to as usize], task.lambda);
                updates += 1;
            }
        }
    }
    let mut central = Model::new(task.dimensions);
    by_node.iter().for_each(|samples| central.train(samples, task.lambda));
    let central = central.accuracy(held_out);
    Learnt { updates, accuracy, central, trace: queue.trace().to_hex().to_string() }
}

/// The arithmetic of a task alone, merging with the next node's model: the control arm. Returns the updates.
#[must_use]
pub fn control(task: Task, Data { by_node, .. }: &Data) -> u64 {
    let nodes = by_node.len();
    let mut models = vec![Model::new(task.dimensions); nodes];
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
mod tests {
    use super::*;

    const TASK: Task = Task {
        nodes: 50,
        samples: 20,
        dimensions: 58,
        rounds: 20,
        measured_every: 20,
        lambda: 0.01,
        loss_ppm: 0,
    };

    #[test]
    fn models_that_walk_come_to_what_one_model_of_all_data_knows() {
        let data = TASK.data(1);
        let learnt = run(TASK, &data, 1);
        assert_eq!(learnt.updates, 50 * 20);
        assert_eq!(control(TASK, &data), learnt.updates);
        let [(0, first), (20, last)] = learnt.accuracy[..] else { panic!("{learnt:?}") };
        // The best rule of all is right 0.92 of the time: the centres overlap, and labels are turned over.
        assert!(first < 0.78 && (0.85..0.93).contains(&last), "{learnt:?}");
        assert!(last > learnt.central && learnt.central > first, "{learnt:?}");
        assert_eq!(run(TASK, &data, 1), learnt);
    }

    #[test]
    fn lost_models_slow_it_down_and_break_nothing() {
        let task = Task { loss_ppm: 500_000, ..TASK };
        let learnt = run(task, &task.data(1), 1);
        assert!((400..600).contains(&learnt.updates), "{}", learnt.updates);
        assert!(learnt.accuracy[1].1 > 0.84, "{learnt:?}");
    }
}
