//! The network between virtual nodes: latency, jitter, loss, duplication, reordering, partitions.
//!
//! A link is directed. What a node sends draws from that node's own stream, so that one node's traffic
//! never moves another node's luck. Reordering is not a knob: it is what jitter does to two messages.

use crate::queue::Micros;
use crate::rng::{Purpose, Stream, Streams};
use crate::scenario::{Latency, NetworkPlan};

/// A split of the nodes in two sides that cannot reach each other for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// First microsecond of the split.
    pub from: Micros,
    /// First microsecond after it.
    pub until: Micros,
    /// By node: which side it is on.
    pub side: Vec<bool>,
}

impl Partition {
    /// Returns true when the split is in force at `at` and parts `a` from `b`.
    #[must_use]
    pub fn parts(&self, at: Micros, a: usize, b: usize) -> bool {
        (self.from..self.until).contains(&at) && self.side.get(a) != self.side.get(b)
    }
}

/// Counts of the messages so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Traffic {
    /// Messages sent.
    pub sent: u64,
    /// Payload bytes sent, also those that were lost; no transport headers.
    pub bytes: u64,
    /// Messages that loss took.
    pub lost: u64,
    /// Messages that a partition took.
    pub cut: u64,
    /// Messages that arrived twice.
    pub doubled: u64,
}

/// All links of one simulation.
pub struct Network {
    plan: NetworkPlan,
    places: Vec<(u64, u64)>,
    links: Vec<Stream>,
    partitions: Vec<Partition>,
    traffic: Traffic,
}

impl Network {
    /// A network of `nodes` nodes.
    #[must_use]
    pub fn new(plan: NetworkPlan, nodes: usize, streams: Streams) -> Self {
        let ids = || (0..nodes).map(|node| u32::try_from(node).unwrap_or(u32::MAX));
        let places = ids().map(|node| {
            let mut stream = streams.stream(node, Purpose::Place);
            (stream.below(1_000), stream.below(1_000))
        });
        Self {
            places: places.collect(),
            links: ids().map(|node| streams.stream(node, Purpose::Link)).collect(),
            partitions: Vec::new(),
            traffic: Traffic::default(),
            plan,
        }
    }

    /// Adds a split.
    pub fn add_partition(&mut self, partition: Partition) {
        self.partitions.push(partition);
    }

    /// Replaces loss and duplication from now on; latency and jitter stay.
    pub const fn set_faults(&mut self, loss_ppm: u32, duplicate_ppm: u32) {
        self.plan.loss_ppm = loss_ppm;
        self.plan.duplicate_ppm = duplicate_ppm;
    }

    /// Sends a message of `bytes` bytes: the times at which it arrives (none, one or two). A message in
    /// flight when a partition begins is cut too.
    pub fn send(&mut self, now: Micros, from: usize, to: usize, bytes: usize) -> Arrivals {
        self.traffic.sent += 1;
        self.traffic.bytes += bytes as u64;
        let base = self.latency(from, to);
        let Some(link) = self.links.get_mut(from) else {
            return Arrivals::default();
        };
        // Every message takes the same three draws, whatever comes of it.
        let lost = link.chance(self.plan.loss_ppm);
        let doubled = link.chance(self.plan.duplicate_ppm);
        let jitter = [(); 2].map(|()| link.below(self.plan.jitter_micros + 1));
        if lost {
            self.traffic.lost += 1;
            return Arrivals::default();
        }
        let first = now + base + jitter[0];
        let second = doubled.then_some(now + base + jitter[1]);
        let cut = |at: Micros| self.is_cut(now, from, to) || self.is_cut(at, from, to);
        let arrivals = Arrivals([Some(first), second].map(|at| at.filter(|at| !cut(*at))));
        if arrivals.0[0].is_none() && arrivals.0[1].is_none() {
            self.traffic.cut += 1;
        } else if doubled {
            self.traffic.doubled += 1;
        }
        arrivals
    }

    /// Returns true when a split parts two nodes at a moment.
    #[must_use]
    pub fn is_cut(&self, at: Micros, a: usize, b: usize) -> bool {
        self.partitions.iter().any(|split| split.parts(at, a, b))
    }

    /// Latency of a link without jitter.
    #[must_use]
    pub fn latency(&self, from: usize, to: usize) -> Micros {
        match self.plan.latency {
            Latency::Constant { micros } => micros,
            Latency::Plane { min_micros, span_micros } => {
                let (a, b) = (self.place(from), self.place(to));
                let squared = a.0.abs_diff(b.0).pow(2) + a.1.abs_diff(b.1).pow(2);
                // The side of the square is 1,000, so the diagonal is 1,414.
                min_micros + span_micros * squared.isqrt() / 1_414
            }
        }
    }

    fn place(&self, node: usize) -> (u64, u64) {
        self.places.get(node).copied().unwrap_or_default()
    }

    /// Totals so far.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }
}

/// When a message arrives: at most twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrivals([Option<Micros>; 2]);

impl IntoIterator for Arrivals {
    type Item = Micros;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Micros>, 2>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(plan: NetworkPlan) -> Network {
        Network::new(plan, 4, Streams::new(1))
    }

    fn constant(loss_ppm: u32, duplicate_ppm: u32, jitter_micros: u64) -> NetworkPlan {
        NetworkPlan {
            latency: Latency::Constant { micros: 100 },
            jitter_micros,
            loss_ppm,
            duplicate_ppm,
        }
    }

    #[test]
    fn a_clean_link_delivers_once_after_its_latency() {
        let mut network = network(constant(0, 0, 0));
        assert_eq!(network.send(7, 0, 1, 10).into_iter().collect::<Vec<_>>(), [107]);
        assert_eq!(network.traffic().bytes, 10);
    }

    #[test]
    fn loss_and_duplication_happen_as_often_as_they_should() {
        let mut network = network(constant(200_000, 100_000, 50));
        let arrived: usize =
            (0..10_000).map(|now| network.send(now, 0, 1, 1).into_iter().count()).sum();
        let traffic = network.traffic();
        // Standard deviations: 40 losses, 27 duplicates.
        assert!((1_800..2_200).contains(&traffic.lost), "{traffic:?}");
        assert!((665..935).contains(&traffic.doubled), "{traffic:?}");
        assert_eq!(arrived as u64, traffic.sent - traffic.lost + traffic.doubled);
    }

    #[test]
    fn jitter_reorders() {
        let mut network = network(constant(0, 0, 1_000));
        let times: Vec<Micros> = (0..100).flat_map(|now| network.send(now, 0, 1, 1)).collect();
        assert!(times.windows(2).any(|pair| pair[0] > pair[1]));
        assert!(times.iter().zip(0..).all(|(at, sent)| (sent + 100..=sent + 1_100).contains(at)));
    }

    #[test]
    fn a_partition_cuts_across_and_not_within_and_ends() {
        let mut network = network(constant(0, 0, 0));
        network.add_partition(Partition {
            from: 1_000,
            until: 2_000,
            side: vec![false, false, true, true],
        });
        let arrives =
            |network: &mut Network, now, to| network.send(now, 0, to, 1).into_iter().count();
        assert_eq!(arrives(&mut network, 1_500, 1), 1);
        assert_eq!(arrives(&mut network, 1_500, 2), 0);
        assert_eq!(arrives(&mut network, 950, 2), 0, "in flight when the cut comes");
        assert_eq!(arrives(&mut network, 1_950, 2), 0, "sent before the heal");
        assert_eq!(arrives(&mut network, 2_000, 2), 1);
        assert_eq!(network.traffic().cut, 3);
    }

    #[test]
    fn latency_on_the_plane_is_symmetric_and_within_its_span() {
        let network = network(NetworkPlan {
            latency: Latency::Plane { min_micros: 5_000, span_micros: 100_000 },
            ..constant(0, 0, 0)
        });
        for (a, b) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
            assert_eq!(network.latency(a, b), network.latency(b, a));
            assert!((5_000..=105_000).contains(&network.latency(a, b)));
        }
        assert_eq!(network.latency(1, 1), 5_000);
    }
}
