//! Scenario settings of faults and hostile participants.

use serde::Deserialize;

use super::parts;
use crate::rng::MILLION;

/// Attack by hostile or broken participants. Each kind takes the members before those of the kind above it, from
/// the last member on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// Probability that one bit of a frame is flipped on its way, 0 to 1.
    #[serde(default)]
    pub corrupt: f64,
    /// Number of members that also send deltas in other members' names.
    #[serde(default)]
    pub forgers: usize,
    /// Number of members that publish nothing, forward nothing and answer nobody.
    #[serde(default)]
    pub free_riders: usize,
    /// Number of members that once sign two deltas at one height, and send each to half of their neighbours.
    #[serde(default)]
    pub equivocators: usize,
    /// Number of members that send frames again that they heard before.
    #[serde(default)]
    pub replayers: usize,
    /// Number of members that send random bytes to all their neighbours, as gossip and as requests.
    #[serde(default)]
    pub flooders: usize,
    /// Number of members that also send deltas of identities that they made up.
    #[serde(default)]
    pub sybils: usize,
}

impl Attack {
    /// Flipped frames in a million.
    #[must_use]
    pub fn corrupt_ppm(&self) -> u32 {
        parts(self.corrupt)
    }

    /// Number of members of each kind, in the order in which they are placed.
    #[must_use]
    pub const fn counts(&self) -> [usize; 6] {
        [
            self.forgers,
            self.free_riders,
            self.equivocators,
            self.replayers,
            self.flooders,
            self.sybils,
        ]
    }
}

/// A split in two sides.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Begin, in seconds.
    pub from_s: u64,
    /// End, in seconds.
    pub until_s: u64,
    /// Share of the nodes on the side without the founder, 0 to 1.
    pub share: f64,
    /// True when that side still hears the other, and only is not heard.
    #[serde(default)]
    pub one_way: bool,
}

impl Split {
    /// Number of `nodes` that are on the side without the founder.
    #[must_use]
    pub fn cut_off(&self, nodes: usize) -> usize {
        share_of(self.share, nodes)
    }
}

/// Number of `nodes` that a share of them is, rounded down.
pub(super) fn share_of(share: f64, nodes: usize) -> usize {
    let count = nodes as u64 * u64::from(parts(share)) / u64::from(MILLION);
    usize::try_from(count).unwrap_or(nodes)
}

/// A crash of some nodes at one time. The founder never crashes: it alone signs checkpoints here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// When, in seconds.
    pub at_s: u64,
    /// Time for which they stay down, in seconds.
    pub down_s: u64,
    /// Number of nodes, drawn at random.
    pub nodes: usize,
    /// True when what they stored survives. Without it they come back from the backup that they made when
    /// they found themselves on the roster.
    pub disk: bool,
}

/// Members that come and go, with their disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Churn {
    /// Mean time for which a member is up, in seconds; uniform from nothing to twice of it.
    pub up_s: u64,
    /// Mean time for which it is down, in seconds; uniform from nothing to twice of it.
    pub down_s: u64,
    /// Everybody stays up from here on, in seconds.
    pub until_s: u64,
}

/// Machines that differ from each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machines {
    /// Share of the members that are slow, 0 to 1.
    #[serde(default)]
    pub slow: f64,
    /// Time that a slow one takes for a message, in milliseconds.
    #[serde(default)]
    pub slow_ms: u64,
    /// A clock is off by at most this, in seconds, either way.
    #[serde(default)]
    pub skew_s: u64,
}

impl Machines {
    /// Number of slow ones among `nodes`.
    #[must_use]
    pub fn slow_ones(&self, nodes: usize) -> usize {
        share_of(self.slow, nodes)
    }
}
