//! The world: a founder and members who publish, over a network that fails.
//!
//! Every node is the engine that a daemon drives, over a disk in memory and a virtual clock; signatures are
//! real, and only bytes cross the wire. Members join by an invitation. Deltas spread as between
//! daemons, along the tree that the engines make among the neighbours of an overlay. Noise comes from a seed, so that nothing of it can pass
//! for a node's.
//!
//! Checked always: whatever a log accepts is byte for byte what an honest node signed, no sealed epoch
//! claims a state that its holder does not fold, and no node makes a release of one kind twice in an epoch.
//! Checked at the end: all members have the same root, nothing that was published is missing, every ledger
//! verifies from its first entry, and nobody spent more than the charter allows.

mod actors;
mod carry;
mod frame;
mod machines;
mod node;
mod outcome;
mod plan;
mod record;
#[cfg(test)]
mod release_tests;
mod sessions;
mod surroundings;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

pub use outcome::{Deliveries, Outcome, Sample, Tally};

use crate::network::Network;
use crate::overlay::Overlay;
use crate::queue::{Micros, Queue, Traced};
use crate::rng::{Purpose, Stream, Streams, WHOLE};
use crate::scenario::{Scenario, millis};
use actors::{Actor, Role};
use carry::{Cause, Wires};
use lore_engine::Event as Told;
use machines::Machines;
use node::Node;
use record::Record;
use surroundings::{SkewedClock, VirtualClock};

/// Why a simulation could not run. None of these is a result.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// No overlay of this degree.
    #[error("there is no connected overlay of this degree; change `gossip.degree` or `nodes`")]
    Overlay,
    /// A node's own store or ledger failed, or it refused what the scenario asks.
    #[error(transparent)]
    Node(#[from] lore_engine::EngineError),
    /// A budget of the simulation is not one.
    #[error(transparent)]
    Budget(#[from] lore_privacy::PrivacyError),
    /// A lesson of the simulation is not one.
    #[error(transparent)]
    Token(#[from] lore_protocol::lesson::TokenError),
    /// A lesson of the simulation is too long.
    #[error(transparent)]
    Lesson(#[from] lore_protocol::lesson::LessonTooLong),
}

enum Event {
    Frame { from: usize, to: usize, bytes: Rc<[u8]> },
    Due { node: usize },
    Tick { node: usize },
    Retry { node: usize, exchange: u64 },
    Wake { node: usize },
    Connect { from: usize, to: usize },
    Checkpoint,
    Crash { node: usize, disk: bool },
    Restart { node: usize },
    Sample,
    Heal,
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
            Self::Heal => (9, 0, 0, &[]),
            Self::Wake { node } => (10, *node, 0, &[]),
            Self::Connect { from, to } => (8, *from, *to, &[]),
        };
        out.push(kind);
        out.extend_from_slice(&(a as u64).to_le_bytes());
        out.extend_from_slice(&(b as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    }
}

/// Streams that one node draws from.
struct Draws {
    peers: Stream,
    work: Stream,
    faults: Stream,
}

/// One simulation.
pub struct World<'a> {
    scenario: &'a Scenario,
    seed: u64,
    queue: Queue<Event>,
    clock: Arc<VirtualClock>,
    network: Network,
    overlay: Overlay,
    wires: Wires,
    /// The one invitation that the founder handed out, for everybody.
    invitation: String,
    nodes: Vec<Node>,
    draws: Vec<Draws>,
    actors: Vec<Actor>,
    machines: Machines,
    record: Record,
    tally: Tally,
    agreed_at: Option<Micros>,
    most_distinct_roots: usize,
    finished: bool,
}

/// Runs a scenario from one seed; `observe` sees every sample.
///
/// # Errors
/// Fails when the scenario cannot run at all. A violated invariant is a result, not an error.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    observe: impl FnMut(&Sample),
) -> Result<Outcome, WorldError> {
    let mut world = World::new(scenario, seed)?;
    world.run(observe)?;
    Ok(world.outcome())
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, seed: u64) -> Result<Self, WorldError> {
        let streams = Streams::new(seed);
        let count = scenario.nodes;
        let numbers = || (0..count).map(|number| u32::try_from(number).unwrap_or(WHOLE));
        let clock = Arc::<VirtualClock>::default();
        let machines = Machines::new(scenario, streams);
        let nodes = numbers().zip(0..).map(|(number, place)| {
            let clock = SkewedClock::new(Arc::clone(&clock), machines.skew_seconds(place));
            Node::new(scenario, number, clock, streams)
        });
        let nodes = nodes.collect::<Result<Vec<Node>, WorldError>>()?;
        let draws = numbers().map(|number| {
            let stream = |purpose| streams.stream(number, purpose);
            Draws {
                peers: stream(Purpose::Peers),
                work: stream(Purpose::Work),
                faults: stream(Purpose::Faults),
            }
        });
        let keys = nodes.iter().map(Node::public_key);
        let roles = actors::roles(&scenario.attack, count).into_iter().zip(numbers());
        let actors = roles
            .map(|(role, number)| Actor::new(role, streams.stream(number, Purpose::Attack)))
            .collect();
        let mut world = Self {
            network: Network::new(scenario.network_plan(), count, streams),
            overlay: Overlay::regular(count, scenario.gossip.degree, streams)
                .ok_or(WorldError::Overlay)?,
            wires: Wires::new(keys),
            draws: draws.collect(),
            actors,
            machines,
            queue: Queue::new(),
            record: Record::new(count),
            invitation: String::new(),
            tally: Tally::default(),
            agreed_at: None,
            most_distinct_roots: 0,
            finished: false,
            scenario,
            seed,
            clock,
            nodes,
        };
        world.found()?;
        world.plan(streams);
        Ok(world)
    }

    /// The founder founds the federation and writes one invitation, before the time begins.
    fn found(&mut self) -> Result<(), WorldError> {
        let uses = u16::try_from(self.nodes.len()).unwrap_or(u16::MAX);
        let founder = self.nodes[0].engine_mut();
        let federation = founder.federation_create(&self.scenario.terms())?.federation;
        let at = vec![carry::address(0)];
        self.invitation = founder.federation_invite(federation, uses, u32::MAX, at)?.line;
        self.nodes[0].federation = federation;
        self.carry(0, &Cause::None)?;
        self.nodes[0].settle_in()?;
        self.carry(0, &Cause::None)
    }

    fn run(&mut self, mut observe: impl FnMut(&Sample)) -> Result<(), WorldError> {
        while let Some(event) = self.queue.pop() {
            self.clock.set(self.queue.now());
            if let Some(sample) = self.execute(event)? {
                observe(&sample);
            }
            if self.finished || self.queue.now() > self.scenario.deadline() {
                break;
            }
        }
        Ok(())
    }

    fn execute(&mut self, event: Event) -> Result<Option<Sample>, WorldError> {
        match event {
            Event::Frame { from, to, bytes } => self.receive(from, to, &bytes)?,
            Event::Due { node } => {
                self.nodes[node].due += 1;
                let work = &mut self.draws[node].work;
                self.nodes[node].publish(work)?;
                self.carry(node, &Cause::None)?;
            }
            Event::Tick { node } => self.tick(node)?,
            Event::Retry { node, exchange } => self.retry(node, exchange)?,
            Event::Wake { node } => self.wake(node)?,
            Event::Connect { from, to } => self.connect(from, to)?,
            Event::Checkpoint => {
                self.nodes[0].checkpoint()?;
                self.carry(0, &Cause::None)?;
                let next = self.queue.now() + millis(self.scenario.checkpoints.period_ms);
                self.queue.schedule(next, Event::Checkpoint);
            }
            Event::Crash { node, disk } => self.crash(node, disk)?,
            // Two faults can take a node down at once: the first to end brings it up.
            Event::Restart { node } if self.nodes[node].up => {}
            Event::Restart { node } => {
                self.nodes[node].restart()?;
                self.carry(node, &Cause::None)?;
            }
            Event::Heal => {
                self.network.heal();
                self.machines.heal();
            }
            Event::Sample => {
                let next = self.queue.now() + millis(self.scenario.sample_ms);
                self.queue.schedule(next, Event::Sample);
                return Ok(Some(self.sample()));
            }
        }
        Ok(None)
    }

    fn crash(&mut self, node: usize, disk: bool) -> Result<(), WorldError> {
        if !disk {
            let others = self.nodes.iter().enumerate();
            let others = others.filter(|(other, kept)| *other != node && !kept.disk_gone);
            let others: Vec<_> = others.filter_map(|(_, other)| other.log()).collect();
            if let Some(own) = self.nodes[node].log() {
                self.record.disk_lost(own, &others);
            }
        }
        self.nodes[node].crash(disk);
        self.disconnect(node)
    }

    /// Lets a node do what is due without an event.
    fn tick(&mut self, node: usize) -> Result<(), WorldError> {
        let now = self.queue.now();
        let period = millis(self.scenario.sync.period_ms);
        // Uniform between half and one and a half periods: nodes do not march in step.
        let next = now + period / 2 + self.draws[node].peers.below(period.max(1));
        self.queue.schedule(next, Event::Tick { node });
        if !self.nodes[node].up {
            return Ok(());
        }
        let work = &mut self.draws[node].work;
        self.nodes[node].act(&self.invitation, work)?;
        self.carry(node, &Cause::None)?;
        self.attack(node)?;
        self.keep_wires(node);
        self.tell(node, Told::Tick, &Cause::None)
    }

    /// Nodes on the founder's roster, by number.
    fn members(&self) -> Vec<usize> {
        let roster = self.nodes[0].log().map(|log| &log.tip().roster);
        let keys = roster.into_iter().flat_map(|roster| roster.values().map(|entry| entry.key));
        let mut members: Vec<usize> = keys.filter_map(|key| self.wires.node_of(&key)).collect();
        members.sort_unstable();
        members
    }

    fn roots(&self, of: &[usize]) -> BTreeSet<lore_protocol::ids::Hash> {
        of.iter().filter_map(|number| self.nodes[*number].root()).collect()
    }

    fn epoch(&self) -> u32 {
        self.nodes[0].log().map_or(0, |log| log.tip().epoch())
    }

    fn sample(&mut self) -> Sample {
        let now = self.queue.now();
        let members = self.members();
        let up: Vec<usize> = members.iter().copied().filter(|n| self.nodes[*n].up).collect();
        let roots = self.roots(&up);
        for number in &up {
            if self.nodes[*number].disputes() {
                self.record.violated(format!("node {number} disputes a sealed epoch"));
            }
        }
        let logs = || up.iter().map(|number| self.nodes[*number].log());
        let sizes = || logs().map(|log| log.map_or(0, lore_protocol::log::Log::len));
        let sample = Sample {
            seed: self.seed,
            t_micros: now,
            up: self.nodes.iter().filter(|node| node.up).count(),
            members: members.len(),
            distinct_roots: roots.len(),
            epoch: self.epoch(),
            deltas_min: sizes().min().unwrap_or(0),
            deltas_max: sizes().max().unwrap_or(0),
            bytes: self.network.traffic().bytes,
        };
        self.most_distinct_roots = self.most_distinct_roots.max(roots.len());
        // Who signs past its own ledger may block itself for good.
        let idle = |number: &usize| {
            self.actors[*number].role == Role::Equivocator || self.nodes[*number].is_idle()
        };
        let calm = now >= self.scenario.calm_at() && up.len() == members.len();
        if calm && roots.len() == 1 && self.everybody_joined(&members) && members.iter().all(idle) {
            self.agreed_at = Some(now);
            self.finished = true;
        }
        sample
    }

    /// Returns true when every node is a member, or was excluded for a fork.
    fn everybody_joined(&self, members: &[usize]) -> bool {
        let excluded = self.nodes[0].log().map_or(0, |log| log.tip().body.excluded.len());
        members.len() + excluded == self.nodes.len()
    }
}
