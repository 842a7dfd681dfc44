//! Scenario settings of the links.

use serde::Deserialize;

use super::{millis, parts};
use crate::queue::Micros;

/// The links, each of which has a direction.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// Latency without jitter.
    pub latency: LatencySection,
    /// Uniform extra latency of each message, from 0 to this, in milliseconds.
    #[serde(default)]
    pub jitter_ms: u64,
    /// Probability that a message is lost, 0 to 0.9.
    #[serde(default)]
    pub loss: f64,
    /// Loss in bursts, on top of `loss`.
    #[serde(default)]
    pub burst: Option<BurstSection>,
    /// Probability that a message arrives twice, 0 to 1.
    #[serde(default)]
    pub duplicate: f64,
    /// Probability that a message is held back, so that later ones overtake it, 0 to 1.
    #[serde(default)]
    pub reorder: f64,
    /// Time for which it is held back, in milliseconds.
    #[serde(default)]
    pub reorder_ms: u64,
    /// Kilobits that a link carries in a second; messages queue for it. None: no limit.
    #[serde(default)]
    pub bandwidth_kbit: Option<u64>,
    /// Share of the nodes behind an address translator, 0 to 1: two of them cannot connect. The founder never is.
    #[serde(default)]
    pub nat: f64,
    /// True when loss, bursts, duplication and reordering end once the last fault has ended and the last delta
    /// was due: a phase of safety, then one of liveness.
    #[serde(default)]
    pub heals: bool,
}

/// Loss in bursts (Gilbert 1960, Elliott 1963): every link is good or bad, and changes with each message.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BurstSection {
    /// Probability that a good link turns bad at a message, 0 to 1.
    pub enter: f64,
    /// Probability that a bad link turns good at a message, 0.001 to 1.
    pub leave: f64,
    /// Probability that a bad link loses a message, 0 to 1.
    pub loss: f64,
}

/// Latency without jitter, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum LatencySection {
    /// The same on every link.
    Constant {
        /// Milliseconds.
        ms: u64,
    },
    /// Nodes lie at random on a square.
    Plane {
        /// Latency at distance zero, in milliseconds.
        min_ms: u64,
        /// Latency that the diagonal adds, in milliseconds.
        span_ms: u64,
    },
    /// Drawn for each pair of nodes, the same in both directions.
    Uniform {
        /// The least, in milliseconds.
        min_ms: u64,
        /// The greatest less the least, in milliseconds.
        span_ms: u64,
    },
}

/// Latency in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latency {
    /// The same on every link.
    Constant {
        /// Microseconds.
        micros: Micros,
    },
    /// By distance on a square.
    Plane {
        /// At distance zero.
        min_micros: Micros,
        /// Latency that the diagonal adds.
        span_micros: Micros,
    },
    /// Uniform, drawn for each pair of nodes.
    Uniform {
        /// The least.
        min_micros: Micros,
        /// The greatest less the least.
        span_micros: Micros,
    },
}

/// Loss in bursts in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// Chance that a good link turns bad at a message.
    pub enter_ppm: u32,
    /// Chance that a bad link turns good at a message.
    pub leave_ppm: u32,
    /// Loss of a bad link.
    pub loss_ppm: u32,
}

/// The links in microseconds and parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkPlan {
    /// Latency without jitter.
    pub latency: Latency,
    /// Greatest uniform extra latency.
    pub jitter_micros: Micros,
    /// Loss in parts per million.
    pub loss_ppm: u32,
    /// Loss in bursts.
    pub burst: Option<Burst>,
    /// Duplication in parts per million.
    pub duplicate_ppm: u32,
    /// Messages that are held back, in a million.
    pub reorder_ppm: u32,
    /// Time for which they are held back.
    pub reorder_micros: Micros,
    /// Bytes that a link carries in a second.
    pub bytes_per_second: Option<u64>,
    /// Nodes behind an address translator, in a million.
    pub nat_ppm: u32,
}

impl NetworkPlan {
    /// Links without faults, all with one latency.
    #[must_use]
    pub const fn constant(micros: Micros) -> Self {
        Self {
            latency: Latency::Constant { micros },
            jitter_micros: 0,
            loss_ppm: 0,
            burst: None,
            duplicate_ppm: 0,
            reorder_ppm: 0,
            reorder_micros: 0,
            bytes_per_second: None,
            nat_ppm: 0,
        }
    }
}

impl NetworkSection {
    pub(super) fn plan(&self) -> NetworkPlan {
        NetworkPlan {
            latency: match self.latency {
                LatencySection::Constant { ms } => Latency::Constant { micros: millis(ms) },
                LatencySection::Plane { min_ms, span_ms } => {
                    Latency::Plane { min_micros: millis(min_ms), span_micros: millis(span_ms) }
                }
                LatencySection::Uniform { min_ms, span_ms } => {
                    Latency::Uniform { min_micros: millis(min_ms), span_micros: millis(span_ms) }
                }
            },
            jitter_micros: millis(self.jitter_ms),
            loss_ppm: parts(self.loss),
            burst: self.burst.map(|burst| Burst {
                enter_ppm: parts(burst.enter),
                leave_ppm: parts(burst.leave),
                loss_ppm: parts(burst.loss),
            }),
            duplicate_ppm: parts(self.duplicate),
            reorder_ppm: parts(self.reorder),
            reorder_micros: millis(self.reorder_ms),
            bytes_per_second: self.bandwidth_kbit.map(|kbit| kbit * 125),
            nat_ppm: parts(self.nat),
        }
    }
}
