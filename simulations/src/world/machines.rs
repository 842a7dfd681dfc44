//! Machines that differ: slow ones take one message after the other, and clocks are off.

use crate::queue::Micros;
use crate::rng::{Purpose, Streams, WHOLE};
use crate::scenario::{Scenario, millis};

/// Machines of all nodes.
pub(super) struct Machines {
    slow: Vec<bool>,
    slow_micros: Micros,
    busy_until: Vec<Micros>,
    skew_seconds: Vec<i64>,
}

impl Machines {
    pub(super) fn new(scenario: &Scenario, streams: Streams) -> Self {
        let count = scenario.nodes;
        let machines = scenario.machines;
        let mut stream = streams.stream(WHOLE, Purpose::Machine);
        let mut members: Vec<usize> = (1..count).collect();
        stream.shuffle(&mut members);
        let mut slow = vec![false; count];
        members.iter().take(machines.slow_ones(count)).for_each(|node| slow[*node] = true);
        let most = i64::try_from(machines.skew_s).unwrap_or(0);
        let span = 2 * machines.skew_s + 1;
        let skews = (0..count).map(|_| i64::try_from(stream.below(span)).unwrap_or(most) - most);
        Self {
            slow,
            slow_micros: millis(machines.slow_ms),
            busy_until: vec![0; count],
            skew_seconds: skews.collect(),
        }
    }

    /// Seconds by which the clock of a node is fast.
    pub(super) fn skew_seconds(&self, node: usize) -> i64 {
        self.skew_seconds[node]
    }

    /// Time at which a node has taken in a message that arrives at `at`. Messages are asked for in the order
    /// in which they were sent.
    pub(super) fn taken_in(&mut self, node: usize, at: Micros) -> Micros {
        if !self.slow[node] {
            return at;
        }
        self.busy_until[node] = self.busy_until[node].max(at) + self.slow_micros;
        self.busy_until[node]
    }

    /// Nobody is slow from now on.
    pub(super) fn heal(&mut self) {
        self.slow.fill(false);
    }
}
