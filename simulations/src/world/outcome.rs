//! Report of a simulation, and the checks at its end.

use std::collections::BTreeSet;

use serde::Serialize;

use super::World;
use crate::network::Traffic;
use crate::queue::Micros;

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
    /// Pairs of deltas that equivocators signed at one height.
    pub equivocations: u64,
    /// Frames that replayers sent again.
    pub replayed: u64,
    /// Frames of random bytes that flooders sent.
    pub flooded: u64,
    /// Deltas of made-up identities that sybils sent.
    pub invented: u64,
    /// Frames that found their node down.
    pub to_nobody: u64,
    /// Gossip bytes sent.
    pub gossip_bytes: u64,
    /// Anti-entropy bytes sent.
    pub sync_bytes: u64,
}

/// Deliveries of content deltas, over all (delta, other member) pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Deliveries {
    /// Pairs.
    pub pairs: u64,
    /// Pairs of which the member did not get the delta.
    pub missed: u64,
    /// Payload bytes of all pairs.
    pub payload_bytes: u64,
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

/// Outcome of one simulation.
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
    /// Results that were drawn for releases, over all nodes and their restarts.
    pub draws: u64,
    /// Releases that were signed.
    pub released: usize,
    /// Releases that were given up: refused at the gate, or cut short by a crash.
    pub voided: usize,
    /// Time from a publication until half of all (delta, other member) pairs were served.
    pub t50_micros: Option<Micros>,
    /// The same for 99 in 100.
    pub t99_micros: Option<Micros>,
    /// The same for all.
    pub t100_micros: Option<Micros>,
    /// The control arm of these times: 99 in 100 over the shortest paths of the same overlay, without jitter.
    pub t99_shortest_micros: Option<Micros>,
    /// What should have reached whom.
    pub deliveries: Deliveries,
    /// Time at which all members first agreed for good; at the resolution of samples.
    pub agreed_at_micros: Option<Micros>,
    /// Time from the last fault and the last due publication to that agreement.
    pub agreed_after_calm_micros: Option<Micros>,
    /// The common root.
    pub root: Option<String>,
    /// Sealed epochs.
    pub epochs: u32,
    /// Members whose chain forked.
    pub forks: usize,
    /// Greatest number of different roots in any sample.
    pub most_distinct_roots: usize,
    /// Tally of what nodes met.
    pub tally: Tally,
    /// Traffic of the network.
    pub traffic: Traffic,
    /// Events executed.
    pub events: u64,
    /// Virtual time at the end.
    pub end_micros: Micros,
    /// Hash of every event in order.
    pub trace: String,
}

impl World<'_> {
    /// Checks what must hold at the end, and reports.
    pub(super) fn outcome(mut self) -> Outcome {
        let members = self.members();
        let roots = self.roots(&members);
        let unpublished = self.nodes.iter().map(|node| node.due).sum();
        if self.agreed_at.is_none() {
            let what = format!(
                "{} s after calm, {} members of {} nodes have {} different roots, {unpublished} \
                 publications due",
                self.scenario.settle_s,
                members.len(),
                self.nodes.len(),
                roots.len(),
            );
            let unready: Vec<String> =
                members.iter().filter_map(|number| self.nodes[*number].unready(*number)).collect();
            self.record.violated([vec![what], unready].concat().join("; "));
        }
        let logs: Vec<_> = members
            .iter()
            .filter_map(|n| Some((*n, self.nodes[*n].member()?, self.nodes[*n].log()?)))
            .collect();
        self.record.check_nothing_lost(&logs);
        self.check_ledgers(&members);
        let mut tally = self.tally;
        for heard in self.nodes.iter().map(super::Node::heard) {
            tally.malformed += heard.malformed;
            tally.refused += heard.refused;
            tally.not_served += heard.strangers;
            tally.rounds += heard.rounds;
        }
        let delays = self.record.delays(&members);
        let shortest = self.shortest_paths(&members);
        let deliveries = self.record.deliveries(&members);
        let at = |ppm| crate::stats::quantile(&delays, ppm);
        let violations = self.record.violations();
        Outcome {
            seed: self.seed,
            ok: violations.is_empty(),
            violations,
            published: self.record.published_count(),
            gone_with_disk: self.record.gone_with_disk(),
            unpublished,
            draws: self.nodes.iter().map(super::Node::draws).sum(),
            released: self.record.released_count(),
            voided: self.record.voided_count(),
            t50_micros: at(500_000),
            t99_micros: at(990_000),
            t99_shortest_micros: crate::stats::quantile(&shortest, 990_000),
            deliveries,
            t100_micros: at(1_000_000),
            agreed_at_micros: self.agreed_at,
            agreed_after_calm_micros: self.agreed_at.map(|at| at - self.scenario.calm_at()),
            root: roots.first().filter(|_| roots.len() == 1).map(ToString::to_string),
            epochs: self.epoch(),
            forks: self.nodes[0].log().map_or(0, |log| log.forks().len()),
            most_distinct_roots: self.most_distinct_roots,
            tally,
            traffic: self.network.traffic(),
            events: self.queue.executed(),
            end_micros: self.queue.now(),
            trace: self.queue.trace().to_hex().to_string(),
        }
    }

    /// Sorted times from each publication to every other member over the overlay's shortest path.
    fn shortest_paths(&self, members: &[usize]) -> Vec<Micros> {
        let mut times = Vec::new();
        for author in self.record.authors() {
            let mut known = vec![None; self.nodes.len()];
            let mut next = BTreeSet::from([(0, author)]);
            while let Some((time, node)) = next.pop_first() {
                if known[node].is_some_and(|known| known <= time) {
                    continue;
                }
                known[node] = Some(time);
                let hop = |to: usize| (time + self.network.latency(node, to), to);
                next.extend(self.overlay.neighbours(node).map(hop));
            }
            let others = members.iter().filter(|member| **member != author);
            times.extend(others.filter_map(|member| known[*member]));
        }
        times.sort_unstable();
        times
    }

    /// Every ledger verifies from its first entry, and nobody spent more than the charter allows.
    fn check_ledgers(&mut self, members: &[usize]) {
        for number in 0..self.nodes.len() {
            let verified = self.nodes[number].engine().ledger().verify();
            if let Err(error) = verified {
                self.record.violated(format!("the ledger of node {number}: {error}"));
            }
        }
        let Some(log) = self.nodes[0].log() else { return };
        let terms = &log.charter().privacy;
        let over = |number: &&usize| {
            let spend = self.nodes[**number].member().map(|member| log.spend(member));
            spend.is_some_and(|spend| {
                spend.rho_nano > terms.rho_nano || spend.delta_e18 > terms.delta_e18
            })
        };
        let over: Vec<usize> = members.iter().filter(over).copied().collect();
        for number in over {
            self.record.violated(format!("node {number} spent more than the charter allows"));
        }
    }
}
