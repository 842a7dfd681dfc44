//! What a simulation reports.

use serde::Serialize;

use crate::engine::Micros;
use crate::network::Traffic;

/// Counts of what nodes met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Bytes that did not decode as what they claimed to be.
    pub malformed: u64,
    /// Deltas that decoded and were refused.
    pub refused: u64,
    /// Requests of peers that are not served: strangers.
    pub not_served: u64,
    /// Anti-entropy rounds that came to their end.
    pub rounds: u64,
    /// Frames that were damaged on purpose.
    pub corrupted: u64,
    /// Deltas that forgers sent.
    pub forged: u64,
    /// Frames that found their node down.
    pub to_nobody: u64,
    /// Gossip bytes sent.
    pub gossip_bytes: u64,
    /// Anti-entropy bytes sent.
    pub sync_bytes: u64,
}

/// The network at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The seed.
    pub seed: u64,
    /// Virtual time.
    pub t_micros: Micros,
    /// Nodes that are up.
    pub up: usize,
    /// Nodes on the founder's roster.
    pub members: usize,
    /// Different library roots among members that are up.
    pub distinct_roots: usize,
    /// Last sealed epoch of the founder.
    pub epoch: u32,
    /// Fewest deltas that a member that is up holds.
    pub deltas_min: usize,
    /// Most deltas that a member that is up holds.
    pub deltas_max: usize,
    /// Bytes sent so far.
    pub bytes: u64,
}

/// How one simulation ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// No invariant was violated.
    pub ok: bool,
    /// Violated invariants.
    pub violations: Vec<String>,
    /// Content deltas that members published.
    pub published: usize,
    /// Those that were on a lost disk and nowhere else: gone for good, and no fault of the protocol.
    pub gone_with_disk: usize,
    /// Publications that were due and could not be made, because their node was excluded.
    pub unpublished: u32,
    /// Time from a publication until half of all (delta, other member) pairs were served.
    pub t50_micros: Option<Micros>,
    /// The same for 99 in 100.
    pub t99_micros: Option<Micros>,
    /// The same for all.
    pub t100_micros: Option<Micros>,
    /// When all members first agreed for good; at the resolution of samples.
    pub agreed_at_micros: Option<Micros>,
    /// How long that was after the last fault and the last due publication.
    pub agreed_after_calm_micros: Option<Micros>,
    /// The common root.
    pub root: Option<String>,
    /// Sealed epochs.
    pub epochs: u32,
    /// Members whose chain forked.
    pub forks: usize,
    /// Greatest number of different roots in any sample.
    pub most_distinct_roots: usize,
    /// What nodes met.
    pub tally: Tally,
    /// What the network did.
    pub traffic: Traffic,
    /// Events executed.
    pub events: u64,
    /// Virtual time at the end.
    pub end_micros: Micros,
    /// Hash of every event in order.
    pub trace: String,
}
