//! The world: a founder and members who publish, over a network that fails.
//!
//! Every node is the protocol's own log, fold and sync machine; signatures are real, and only bytes cross
//! the wire. Gossip is modelled as a mesh with loss, so that a claim rests on anti-entropy and the
//! fold. Checked always: whatever a log accepts is byte for byte what an honest node signed, and no
//! sealed epoch claims a state that its holder does not fold. Checked at the end: all members have the same root,
//! and nothing that was published is missing.

mod federation;
mod frame;
mod node;
mod outcome;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::rc::Rc;

pub use outcome::{Outcome, Sample, Tally};

use crate::engine::{Engine, Micros, Traced};
use crate::network::{Network, Partition};
use crate::overlay::Overlay;
use crate::rng::{Purpose, Stream, Streams, WHOLE};
use crate::scenario::{Scenario, millis, seconds};
use federation::Federation;
use frame::Frame;
use node::Node;
use record::Record;

/// Why a simulation could not run. None of these is a result.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// No node at all.
    #[error("a scenario has at least two nodes")]
    Empty,
    /// No overlay of this degree.
    #[error("there is no connected overlay of this degree; change `gossip.degree` or `nodes`")]
    Overlay,
    /// The charter of the simulation does not hold.
    #[error(transparent)]
    Charter(#[from] lore_protocol::charter::CharterError),
    /// A delta of the simulation is malformed.
    #[error(transparent)]
    Malformed(#[from] lore_protocol::delta::Malformed),
    /// A lesson of the simulation is not one.
    #[error(transparent)]
    Token(#[from] lore_protocol::lesson::TokenError),
    /// A lesson of the simulation is too long.
    #[error(transparent)]
    Lesson(#[from] lore_protocol::lesson::LessonTooLong),
    /// A node's own log did not accept what the node signed.
    #[error("a node's own log did not accept its delta: {0}")]
    OwnDelta(String),
}

enum Event {
    Frame { from: usize, to: usize, bytes: Rc<[u8]> },
    Due { node: usize },
    Tick { node: usize },
    Retry { node: usize, exchange: u64 },
    Checkpoint,
    Crash { node: usize, disk: bool },
    Restart { node: usize },
    Sample,
}

impl Traced for Event {
    fn trace(&self, out: &mut Vec<u8>) {
        let (kind, a, b, bytes): (u8, usize, usize, &[u8]) = match self {
            Self::Frame { from, to, bytes } => (0, *from, *to, bytes),
            Self::Due { node } => (1, *node, 0, &[]),
            Self::Tick { node } => (2, *node, 0, &[]),
            Self::Checkpoint => (3, 0, 0, &[]),
            Self::Crash { node, disk } => (4, *node, usize::from(*disk), &[]),
            Self::Restart { node } => (5, *node, 0, &[]),
            Self::Sample => (6, 0, 0, &[]),
            Self::Retry { node, .. } => (7, *node, 0, &[]),
        };
        out.push(kind);
        out.extend_from_slice(&(a as u64).to_le_bytes());
        out.extend_from_slice(&(b as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    }
}

/// What one node draws from.
struct Draws {
    peers: Stream,
    work: Stream,
    faults: Stream,
}

/// One simulation.
pub struct World<'a> {
    scenario: &'a Scenario,
    seed: u64,
    engine: Engine<Event>,
    network: Network,
    overlay: Overlay,
    nodes: Vec<Node>,
    draws: Vec<Draws>,
    record: Record,
    tally: Tally,
    agreed_at: Option<Micros>,
    most_distinct_roots: usize,
    finished: bool,
}

/// Runs a scenario from one seed; `observe` sees every sample.
///
/// # Errors
/// When the scenario cannot run at all. A violated invariant is a result, not an error.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    mut observe: impl FnMut(&Sample),
) -> Result<Outcome, WorldError> {
    let mut world = World::new(scenario, seed)?;
    while let Some(event) = world.engine.pop() {
        if let Some(sample) = world.execute(event)? {
            observe(&sample);
        }
        if world.finished || world.engine.now() > scenario.deadline() {
            break;
        }
    }
    Ok(world.outcome())
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, seed: u64) -> Result<Self, WorldError> {
        let streams = Streams::new(seed);
        let count = scenario.nodes;
        let federation = Federation::found(count, streams)?;
        let nodes = (0..count).map(|number| Node::new(&federation, number));
        let nodes = nodes.collect::<Result<Vec<Node>, WorldError>>()?;
        let draws = (0..count).map(|number| {
            let number = u32::try_from(number).unwrap_or(WHOLE);
            let stream = |purpose| streams.stream(number, purpose);
            Draws {
                peers: stream(Purpose::Peers),
                work: stream(Purpose::Work),
                faults: stream(Purpose::Faults),
            }
        });
        let mut record = Record::new(count);
        for node in &nodes {
            record.signed(&node.join_bytes());
        }
        let mut world = Self {
            network: Network::new(scenario.network_plan(), count, streams),
            overlay: Overlay::regular(count, scenario.gossip.degree, streams)
                .ok_or(WorldError::Overlay)?,
            draws: draws.collect(),
            engine: Engine::new(),
            tally: Tally::default(),
            agreed_at: None,
            most_distinct_roots: 0,
            finished: false,
            scenario,
            seed,
            nodes,
            record,
        };
        world.plan(streams);
        Ok(world)
    }

    /// Schedules what does not depend on what happens.
    fn plan(&mut self, streams: Streams) {
        let scenario = self.scenario;
        let spread = seconds(scenario.work.spread_s);
        let period = millis(scenario.sync.period_ms);
        for (node, draws) in self.draws.iter_mut().enumerate() {
            for _ in 0..scenario.work.deltas_per_node {
                self.engine.schedule(draws.work.below(spread), Event::Due { node });
            }
            self.engine.schedule(draws.peers.below(period), Event::Tick { node });
        }
        self.engine.schedule(millis(scenario.checkpoints.period_ms), Event::Checkpoint);
        self.engine.schedule(millis(scenario.sample_ms), Event::Sample);
        // Which members a fault hits: every fault takes the next ones of a shuffled list.
        let mut faults = streams.stream(WHOLE, Purpose::Faults);
        let mut members: Vec<usize> = (1..scenario.nodes).collect();
        for split in &scenario.partition {
            faults.shuffle(&mut members);
            let mut side = vec![false; scenario.nodes];
            for node in members.iter().take(split.cut_off(scenario.nodes)) {
                side[*node] = true;
            }
            let (from, until) = (seconds(split.from_s), seconds(split.until_s));
            self.network.add_partition(Partition { from, until, side });
        }
        faults.shuffle(&mut members);
        let mut next = members.iter().copied().cycle();
        for crash in &scenario.crash {
            for node in next.by_ref().take(crash.nodes) {
                let at = seconds(crash.at_s);
                self.engine.schedule(at, Event::Crash { node, disk: crash.disk });
                self.engine.schedule(at + seconds(crash.down_s), Event::Restart { node });
            }
        }
    }

    fn execute(&mut self, event: Event) -> Result<Option<Sample>, WorldError> {
        match event {
            Event::Frame { from, to, bytes } => self.receive(from, to, &bytes)?,
            Event::Due { node } => {
                self.nodes[node].due += 1;
                self.publish(node)?;
            }
            Event::Tick { node } => self.tick(node)?,
            Event::Retry { node, exchange } => self.retry(node, exchange),
            Event::Checkpoint => {
                if let Some(bytes) = self.nodes[0].checkpoint()? {
                    self.spread(0, &bytes);
                }
                let next = self.engine.now() + millis(self.scenario.checkpoints.period_ms);
                self.engine.schedule(next, Event::Checkpoint);
            }
            Event::Crash { node, disk } => self.crash(node, disk)?,
            Event::Restart { node } => self.nodes[node].up = true,
            Event::Sample => {
                let next = self.engine.now() + millis(self.scenario.sample_ms);
                self.engine.schedule(next, Event::Sample);
                return Ok(Some(self.sample()));
            }
        }
        Ok(None)
    }

    fn crash(&mut self, node: usize, disk: bool) -> Result<(), WorldError> {
        if !disk {
            let logs = self.nodes.iter().enumerate();
            let others = logs.filter(|(other, _)| *other != node).map(|(_, other)| &other.log);
            self.record.disk_lost(&self.nodes[node].log, others);
        }
        self.nodes[node].crash(disk)
    }

    fn publish(&mut self, node: usize) -> Result<(), WorldError> {
        let recovery = self.scenario.sync.recovery_peers.min(self.nodes.len() - 1);
        while self.nodes[node].up {
            let work = &mut self.draws[node].work;
            let Some(bytes) = self.nodes[node].publish(recovery, work)? else {
                break;
            };
            if let Some(id) = self.spread(node, &bytes) {
                self.record.published(id, node, self.engine.now());
            }
        }
        Ok(())
    }

    /// Sends a delta that `node` has just signed to its neighbours.
    fn spread(&mut self, node: usize, bytes: &[u8]) -> Option<lore_protocol::ids::DeltaId> {
        let id = self.record.signed(bytes);
        if let Some(id) = id {
            self.accepted(node, &[id]);
        }
        self.gossip(node, None, bytes);
        id
    }

    fn gossip(&mut self, from: usize, but: Option<usize>, bytes: &[u8]) {
        let frame: Rc<[u8]> = Frame::Gossip(bytes.to_vec()).to_bytes().into();
        let neighbours: Vec<usize> = self.overlay.neighbours(from).collect();
        for to in neighbours.into_iter().filter(|to| Some(*to) != but) {
            self.tally.gossip_bytes += frame.len() as u64;
            self.send(from, to, &frame);
        }
    }

    fn send_sync(&mut self, from: usize, to: usize, frame: &Frame) {
        let bytes: Rc<[u8]> = frame.to_bytes().into();
        self.tally.sync_bytes += bytes.len() as u64;
        self.send(from, to, &bytes);
    }

    fn send(&mut self, from: usize, to: usize, bytes: &Rc<[u8]>) {
        let arrivals = self.network.send(self.engine.now(), from, to, bytes.len());
        for at in arrivals {
            let bytes = self.damage(from, bytes);
            self.engine.schedule(at, Event::Frame { from, to, bytes });
        }
    }

    /// Flips one bit of a frame, as often as the scenario says.
    fn damage(&mut self, from: usize, bytes: &Rc<[u8]>) -> Rc<[u8]> {
        let faults = &mut self.draws[from].faults;
        if !faults.chance(self.scenario.attack.corrupt_ppm()) {
            return Rc::clone(bytes);
        }
        let mut damaged = bytes.to_vec();
        let bit = faults.index(damaged.len() * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
        self.tally.corrupted += 1;
        damaged.into()
    }

    fn receive(&mut self, from: usize, to: usize, bytes: &[u8]) -> Result<(), WorldError> {
        if !self.nodes[to].up {
            self.tally.to_nobody += 1;
            return Ok(());
        }
        match Frame::parse(bytes) {
            None => self.tally.malformed += 1,
            Some(Frame::Gossip(delta)) => {
                let heard = self.nodes[to].hear(&delta, &mut self.tally)?;
                self.accepted(to, &heard.accepted);
                if let Some(reply) = heard.reply {
                    self.spread(to, &reply);
                }
                if heard.lacks_ancestors {
                    // Who sent it holds what it rests on.
                    self.open_round(to, from);
                }
                if heard.forward {
                    self.gossip(to, Some(from), &delta);
                }
            }
            Some(Frame::Ask(exchange, ask)) => {
                let peer = self.nodes[from].public_key();
                if let Some(answer) = self.nodes[to].answer(&peer, &ask, &mut self.tally) {
                    self.send_sync(to, from, &Frame::Answer(exchange, answer));
                }
            }
            Some(Frame::Answer(exchange, answer)) => {
                let now = self.engine.now();
                let (ids, next) =
                    self.nodes[to].take_answer(now, from, exchange, &answer, &mut self.tally);
                self.accepted(to, &ids);
                if let Some(ask) = next {
                    self.ask(to, from, ask);
                }
            }
        }
        Ok(())
    }

    fn accepted(&mut self, node: usize, ids: &[lore_protocol::ids::DeltaId]) {
        for id in ids {
            let delta = self.nodes[node].log.delta(id);
            self.record.accepted(node, *id, delta, self.engine.now());
        }
    }

    /// What a node does of its own accord, now and then.
    fn tick(&mut self, node: usize) -> Result<(), WorldError> {
        let now = self.engine.now();
        let period = millis(self.scenario.sync.period_ms);
        // Uniform between half and one and a half periods: nodes do not march in step.
        let next = now + period / 2 + self.draws[node].peers.below(period.max(1));
        self.engine.schedule(next, Event::Tick { node });
        if !self.nodes[node].up {
            return Ok(());
        }
        self.publish(node)?;
        if !self.nodes[node].admitted() {
            // A newcomer hands its Join to who invited it, until it hears of its Vouch.
            let frame: Rc<[u8]> = Frame::Gossip(self.nodes[node].join_bytes()).to_bytes().into();
            self.tally.gossip_bytes += frame.len() as u64;
            self.send(node, 0, &frame);
        }
        if node + self.scenario.attack.forgers >= self.nodes.len() {
            self.forge(node);
        }
        let peer = self.draws[node].peers.other(node, self.nodes.len());
        self.open_round(node, peer);
        Ok(())
    }

    fn open_round(&mut self, node: usize, peer: usize) {
        let timeout = millis(self.scenario.sync.timeout_ms);
        if let Some(ask) = self.nodes[node].open_round(self.engine.now(), peer, timeout) {
            self.ask(node, peer, ask);
        }
    }

    fn ask(&mut self, node: usize, peer: usize, (exchange, ask): (u64, Vec<u8>)) {
        self.send_sync(node, peer, &Frame::Ask(exchange, ask));
        let again = self.engine.now() + millis(self.scenario.sync.retry_ms);
        self.engine.schedule(again, Event::Retry { node, exchange });
    }

    fn retry(&mut self, node: usize, exchange: u64) {
        let timeout = millis(self.scenario.sync.timeout_ms);
        let open = self.nodes[node].unanswered(self.engine.now(), exchange, timeout);
        if let Some((peer, ask)) = open {
            self.ask(node, peer, (exchange, ask));
        }
    }

    fn forge(&mut self, node: usize) {
        let Draws { faults, .. } = &mut self.draws[node];
        let victim = self.nodes[faults.other(node, self.nodes.len())].member();
        let forged = self.nodes[node].forge(victim, faults);
        if let Some(bytes) = forged {
            self.tally.forged += 1;
            self.gossip(node, None, &bytes);
        }
    }

    /// Nodes on the founder's roster, by number.
    fn members(&self) -> Vec<usize> {
        let roster = &self.nodes[0].log.tip().roster;
        let on = |number: &usize| roster.contains_key(&self.nodes[*number].member());
        (0..self.nodes.len()).filter(on).collect()
    }

    fn sample(&mut self) -> Sample {
        let now = self.engine.now();
        let members = self.members();
        let up: Vec<usize> = members.iter().copied().filter(|n| self.nodes[*n].up).collect();
        let mut roots = BTreeSet::new();
        for number in &up {
            roots.insert(self.nodes[*number].root());
            if self.nodes[*number].disputes() {
                self.record.violated(format!("node {number} disputes a sealed epoch"));
            }
        }
        let sizes = || up.iter().map(|number| self.nodes[*number].log.len());
        let sample = Sample {
            seed: self.seed,
            t_micros: now,
            up: self.nodes.iter().filter(|node| node.up).count(),
            members: members.len(),
            distinct_roots: roots.len(),
            epoch: self.nodes[0].log.tip().epoch(),
            deltas_min: sizes().min().unwrap_or(0),
            deltas_max: sizes().max().unwrap_or(0),
            bytes: self.network.traffic().bytes,
        };
        self.most_distinct_roots = self.most_distinct_roots.max(roots.len());
        let idle = |number: &usize| self.nodes[*number].due == 0;
        let calm = now >= self.scenario.calm_at() && up.len() == members.len();
        if calm && roots.len() == 1 && self.everybody_joined(&members) && members.iter().all(idle) {
            self.agreed_at = Some(now);
            self.finished = true;
        }
        sample
    }

    /// Whether every node is a member, or was excluded for a fork.
    fn everybody_joined(&self, members: &[usize]) -> bool {
        members.len() + self.nodes[0].log.tip().body.excluded.len() == self.nodes.len()
    }

    fn outcome(mut self) -> Outcome {
        let members = self.members();
        let roots: BTreeSet<_> = members.iter().map(|n| self.nodes[*n].root()).collect();
        if self.agreed_at.is_none() {
            let what = format!(
                "{} s after calm, {} members of {} nodes have {} different roots, {} publications due",
                self.scenario.settle_s,
                members.len(),
                self.nodes.len(),
                roots.len(),
                self.nodes.iter().map(|node| node.due).sum::<u32>()
            );
            self.record.violated(what);
        }
        let logs: Vec<_> =
            members.iter().map(|n| (*n, self.nodes[*n].member(), &self.nodes[*n].log)).collect();
        self.record.check_nothing_lost(&logs);
        let delays = self.record.delays(&members);
        let at = |ppm| crate::stats::quantile(&delays, ppm);
        let violations = self.record.violations();
        Outcome {
            seed: self.seed,
            ok: violations.is_empty(),
            violations,
            published: self.record.published_count(),
            gone_with_disk: self.record.gone_with_disk(),
            unpublished: self.nodes.iter().map(|node| node.due).sum(),
            t50_micros: at(500_000),
            t99_micros: at(990_000),
            t100_micros: at(1_000_000),
            agreed_at_micros: self.agreed_at,
            agreed_after_calm_micros: self.agreed_at.map(|at| at - self.scenario.calm_at()),
            root: roots.first().filter(|_| roots.len() == 1).map(ToString::to_string),
            epochs: self.nodes[0].log.tip().epoch(),
            forks: self.nodes[0].log.forks().len(),
            most_distinct_roots: self.most_distinct_roots,
            tally: self.tally,
            traffic: self.network.traffic(),
            events: self.engine.executed(),
            end_micros: self.engine.now(),
            trace: self.engine.trace().to_hex().to_string(),
        }
    }
}
