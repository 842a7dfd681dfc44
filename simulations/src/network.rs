//! The network between virtual nodes: latency, jitter, loss, bursts, duplication, reordering, bandwidth,
//! partitions, address translators.
//!
//! A link is directed. What a node sends draws from that node's own streams, so that one node's traffic
//! never moves another node's luck. Jitter alone already makes messages overtake each other.

use std::collections::BTreeMap;

use crate::queue::Micros;
use crate::rng::{Purpose, Stream, Streams, WHOLE};
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
    /// True when only what the `true` side sends is lost.
    pub one_way: bool,
}

impl Partition {
    /// Returns true when the split is in force at `at` and takes what `from` sends to `to`.
    #[must_use]
    pub fn parts(&self, at: Micros, from: usize, to: usize) -> bool {
        let side = |node| self.side.get(node).copied().unwrap_or(false);
        let across = if self.one_way { side(from) && !side(to) } else { side(from) != side(to) };
        across && (self.from..self.until).contains(&at)
    }
}

/// Counts of what happened to the messages so far.
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
    /// Messages that were held back, so that later ones could overtake them.
    pub held_back: u64,
    /// Messages that waited for a link's bandwidth.
    pub queued: u64,
}

/// State of a link that carried something.
#[derive(Clone, Copy, Default)]
struct Link {
    bad: bool,
    busy_until: Micros,
}

/// All links of one simulation.
pub struct Network {
    plan: NetworkPlan,
    places: Vec<(u64, u64)>,
    /// Key of what is drawn for a pair of nodes without a state.
    pairs: u64,
    luck: Vec<Stream>,
    /// Luck of bursts and reordering, apart from the other: a scenario without them draws as before.
    more_luck: Vec<Stream>,
    hidden: Vec<bool>,
    links: BTreeMap<(usize, usize), Link>,
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
        let hidden = ids().map(|node| {
            node != 0 && streams.stream(node, Purpose::Translator).chance(plan.nat_ppm)
        });
        Self {
            places: places.collect(),
            pairs: streams.stream(WHOLE, Purpose::Place).bits(),
            luck: ids().map(|node| streams.stream(node, Purpose::Link)).collect(),
            more_luck: ids().map(|node| streams.stream(node, Purpose::Burst)).collect(),
            hidden: hidden.collect(),
            links: BTreeMap::new(),
            partitions: Vec::new(),
            traffic: Traffic::default(),
            plan,
        }
    }

    /// Adds a split.
    pub fn add_partition(&mut self, partition: Partition) {
        self.partitions.push(partition);
    }

    /// Ends loss, bursts, duplication and reordering; latency, jitter and bandwidth stay.
    pub const fn heal(&mut self) {
        self.plan.loss_ppm = 0;
        self.plan.burst = None;
        self.plan.duplicate_ppm = 0;
        self.plan.reorder_ppm = 0;
    }

    /// Sends a message of `bytes` bytes: the times at which it arrives (none, one or two). A message in
    /// flight when a partition begins is cut too.
    pub fn send(&mut self, now: Micros, from: usize, to: usize, bytes: usize) -> Arrivals {
        self.traffic.sent += 1;
        self.traffic.bytes += bytes as u64;
        let base = self.latency(from, to);
        let leaves = self.leaves(now, from, to, bytes);
        let in_burst = self.lost_in_burst(from, to);
        let held = self.held_back(from);
        let Some(luck) = self.luck.get_mut(from) else {
            return Arrivals::default();
        };
        // Every message takes the same three draws, whatever comes of it.
        let lost = luck.chance(self.plan.loss_ppm);
        let doubled = luck.chance(self.plan.duplicate_ppm);
        let jitter = [(); 2].map(|()| luck.below(self.plan.jitter_micros + 1));
        if lost || in_burst {
            self.traffic.lost += 1;
            return Arrivals::default();
        }
        let first = leaves + base + jitter[0] + held;
        let second = doubled.then_some(leaves + base + jitter[1]);
        let cut = |at: Micros| self.is_cut(now, from, to) || self.is_cut(at, from, to);
        let arrivals = Arrivals([Some(first), second].map(|at| at.filter(|at| !cut(*at))));
        if arrivals.0[0].is_none() && arrivals.0[1].is_none() {
            self.traffic.cut += 1;
        } else if doubled {
            self.traffic.doubled += 1;
        }
        arrivals
    }

    /// Time at which a message has left its node: at once, or after those that the link still carries.
    fn leaves(&mut self, now: Micros, from: usize, to: usize, bytes: usize) -> Micros {
        let Some(rate) = self.plan.bytes_per_second else { return now };
        let link = self.links.entry((from, to)).or_default();
        let begins = link.busy_until.max(now);
        link.busy_until = begins + (bytes as u64 * 1_000_000).div_ceil(rate.max(1));
        self.traffic.queued += u64::from(begins > now);
        link.busy_until
    }

    /// Moves the link between good and bad, and returns true when a bad one loses the message.
    fn lost_in_burst(&mut self, from: usize, to: usize) -> bool {
        let Some(burst) = self.plan.burst else { return false };
        let Some(luck) = self.more_luck.get_mut(from) else { return false };
        let link = self.links.entry((from, to)).or_default();
        let turns = luck.chance(if link.bad { burst.leave_ppm } else { burst.enter_ppm });
        link.bad ^= turns;
        luck.chance(burst.loss_ppm) && link.bad
    }

    /// Time for which a message is held back.
    fn held_back(&mut self, from: usize) -> Micros {
        if self.plan.reorder_ppm == 0 {
            return 0;
        }
        let held = self.more_luck.get_mut(from).is_some_and(|l| l.chance(self.plan.reorder_ppm));
        self.traffic.held_back += u64::from(held);
        if held { self.plan.reorder_micros } else { 0 }
    }

    /// Returns true when a split takes at a moment what a node sends to another.
    #[must_use]
    pub fn is_cut(&self, at: Micros, from: usize, to: usize) -> bool {
        self.partitions.iter().any(|split| split.parts(at, from, to))
    }

    /// Returns true when two nodes can have a connection: not both are behind an address translator.
    #[must_use]
    pub fn can_connect(&self, a: usize, b: usize) -> bool {
        let hidden = |node| self.hidden.get(node).copied().unwrap_or(false);
        !(hidden(a) && hidden(b))
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
            Latency::Uniform { min_micros, span_micros } => {
                let pair = ((from.min(to) as u64) << 32) | from.max(to) as u64;
                let drawn = u128::from(mix(self.pairs ^ mix(pair))) * u128::from(span_micros + 1);
                min_micros + u64::try_from(drawn >> 64).unwrap_or(0)
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

/// Spreads the bits of a number over all 64 (the finaliser of splitmix64; Steele, Lea and Flood 2014).
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Times at which a message arrives: at most two.
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
mod tests;
