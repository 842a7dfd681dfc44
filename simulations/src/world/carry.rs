//! Effects of nodes, carried over the virtual network: frames of the fast path between neighbours of the
//! overlay, connections, and requests that are repeated until they are answered, as a reliable transport does.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use lore_engine::{Effect, Event as Told};
use lore_protocol::ids::PublicKey;
use lore_protocol::spread::{Envelope, Frame as Spoken};

use super::frame::Frame;
use super::{Event, World, WorldError, node};
use crate::queue::Micros;
use crate::scenario::millis;

/// Bytes that a frame's length takes on a stream.
const LENGTH_BYTES: usize = 2;

/// Returns true for a frame that hands a delta on, or announces one.
fn spreads(bytes: &[u8]) -> bool {
    let frame = Envelope::split(bytes).and_then(|envelope| envelope.frame().ok());
    matches!(frame, Some(Spoken::Full(_) | Spoken::Head(_) | Spoken::Have(_)))
}

/// Cause that a node was given, as far as its effects refer to it.
pub(super) enum Cause {
    /// Nothing that needs an answer.
    None,
    /// A request.
    Asked { from: usize, exchange: u64 },
}

/// A request without an answer so far.
struct Open {
    to: usize,
    number: u64,
    frame: Rc<[u8]>,
    deadline: Micros,
}

/// A reply that was sent, for a request that arrives again.
struct Answered {
    at: Micros,
    frame: Rc<[u8]>,
}

/// Connections and requests of all nodes.
#[derive(Default)]
pub(super) struct Wires {
    by_key: BTreeMap<PublicKey, usize>,
    /// Pairs that are connected, the smaller number first.
    connected: BTreeSet<(usize, usize)>,
    /// Pairs of nodes that keep up a connection.
    wanted: BTreeSet<(usize, usize)>,
    /// By asking node and exchange.
    open: BTreeMap<(usize, u64), Open>,
    /// By answering node, asking node and exchange.
    answered: BTreeMap<(usize, usize, u64), Answered>,
    /// By node, the next wake-up of its fast path.
    wakes: Vec<Option<Micros>>,
}

const fn pair(a: usize, b: usize) -> (usize, usize) {
    if a < b { (a, b) } else { (b, a) }
}

impl Wires {
    /// No connections among nodes with these keys.
    pub(super) fn new(keys: impl Iterator<Item = PublicKey>) -> Self {
        let by_key: BTreeMap<PublicKey, usize> = keys.zip(0..).collect();
        let wakes = vec![None; by_key.len()];
        Self { by_key, wakes, ..Self::default() }
    }

    pub(super) fn node_of(&self, key: &PublicKey) -> Option<usize> {
        self.by_key.get(key).copied()
    }
}

/// Address on which a node listens.
pub(super) fn address(node: usize) -> String {
    format!("/dns4/node-{node}.example/tcp/1")
}

impl World<'_> {
    /// Tells a node what happened, and carries what it wants done.
    pub(super) fn tell(
        &mut self,
        node: usize,
        event: Told,
        cause: &Cause,
    ) -> Result<(), WorldError> {
        self.nodes[node].handle(event)?;
        self.carry(node, cause)
    }

    /// Notes what a node signed and took in, and carries what it wants done.
    pub(super) fn carry(&mut self, node: usize, cause: &Cause) -> Result<(), WorldError> {
        loop {
            let now = self.queue.now();
            for bytes in self.nodes[node].take_signed() {
                self.record.signed(&bytes, node, now);
            }
            for (id, hash) in self.nodes[node].take_stored() {
                self.record.accepted(node, id, hash, now);
            }
            self.nodes[node].note_federation();
            let effects = self.nodes[node].take_effects();
            if effects.is_empty() {
                self.plan_wake(node);
                return Ok(());
            }
            for effect in effects {
                self.do_effect(node, effect, cause)?;
            }
        }
    }

    fn do_effect(&mut self, node: usize, effect: Effect, cause: &Cause) -> Result<(), WorldError> {
        match effect {
            Effect::Send { peer, bytes } => {
                if let Some(to) = self.wires.node_of(&peer)
                    && !(self.actors[node].rides() && spreads(&bytes))
                {
                    self.gossip_to(node, to, &bytes);
                }
            }
            Effect::Dial { peer, .. } => {
                if let Some(to) = self.wires.node_of(&peer) {
                    self.wires.wanted.insert((node, to));
                    self.dial(node, to);
                }
            }
            Effect::Request { number, peer, bytes } => {
                if let Some(to) = self.wires.node_of(&peer) {
                    self.request(node, to, number, bytes);
                }
            }
            Effect::Reply { bytes, .. } => {
                if let Cause::Asked { from, exchange } = *cause
                    && !self.actors[node].rides()
                {
                    let frame: Rc<[u8]> = Frame::Answer(exchange, bytes).to_bytes().into();
                    let at = self.queue.now();
                    let kept = Answered { at, frame: Rc::clone(&frame) };
                    self.wires.answered.insert((node, from, exchange), kept);
                    self.send_sync(node, from, &frame);
                }
            }
            Effect::Joined { result, .. } => self.nodes[node].joined(node::let_in(&result))?,
        }
        Ok(())
    }

    /// Sends a frame of the fast path to all neighbours, whatever was agreed with them.
    pub(super) fn gossip(&mut self, from: usize, bytes: &[u8]) {
        let neighbours: Vec<usize> = self.overlay.neighbours(from).collect();
        for to in neighbours {
            self.gossip_to(from, to, bytes);
        }
    }

    /// Sends a frame of the fast path to one neighbour.
    pub(super) fn gossip_to(&mut self, from: usize, to: usize, bytes: &[u8]) {
        if self.network.can_connect(from, to) {
            let frame: Rc<[u8]> = Frame::Spread(bytes.to_vec()).to_bytes().into();
            self.tally.gossip_bytes += (bytes.len() + LENGTH_BYTES) as u64;
            self.send(from, to, &frame);
        }
    }

    /// Wakes a node when its fast path waits for something.
    fn plan_wake(&mut self, node: usize) {
        let Some(wait) = self.nodes[node].engine().wake_in().filter(|_| self.nodes[node].up) else {
            return;
        };
        let wait = Micros::try_from(wait.as_micros()).unwrap_or(Micros::MAX);
        let at = self.queue.now().saturating_add(wait);
        let planned = &mut self.wires.wakes[node];
        if planned.is_none_or(|planned| at < planned) {
            *planned = Some(at);
            self.queue.schedule(at, Event::Wake { node });
        }
    }

    /// The time of a wake-up has come.
    pub(super) fn wake(&mut self, node: usize) -> Result<(), WorldError> {
        if self.wires.wakes[node].is_some_and(|planned| planned <= self.queue.now()) {
            self.wires.wakes[node] = None;
        }
        if !self.nodes[node].up {
            return Ok(());
        }
        self.tell(node, Told::Wake, &Cause::None)
    }

    fn request(&mut self, node: usize, to: usize, number: u64, bytes: Vec<u8>) {
        // Numbers begin again with every process: the exchange tells an answer to an earlier one apart.
        let exchange = (self.nodes[node].restarts << 40) | number;
        let frame: Rc<[u8]> = Frame::Ask(exchange, bytes).to_bytes().into();
        let now = self.queue.now();
        let deadline = now + millis(self.scenario.sync.timeout_ms);
        let open = Open { to, number, frame: Rc::clone(&frame), deadline };
        self.wires.open.insert((node, exchange), open);
        self.send_sync(node, to, &frame);
        let again = now + millis(self.scenario.sync.retry_ms);
        self.queue.schedule(again, Event::Retry { node, exchange });
    }

    /// Asks again, or gives up.
    pub(super) fn retry(&mut self, node: usize, exchange: u64) -> Result<(), WorldError> {
        let now = self.queue.now();
        let Some(open) = self.wires.open.get(&(node, exchange)) else { return Ok(()) };
        if now < open.deadline {
            let (to, frame) = (open.to, Rc::clone(&open.frame));
            self.send_sync(node, to, &frame);
            let again = now + millis(self.scenario.sync.retry_ms);
            self.queue.schedule(again, Event::Retry { node, exchange });
            return Ok(());
        }
        let number = open.number;
        self.wires.open.remove(&(node, exchange));
        let failed = Told::RequestFailed { number, why: "no answer in time".into() };
        self.tell(node, failed, &Cause::None)
    }

    pub(super) fn send_sync(&mut self, from: usize, to: usize, frame: &Rc<[u8]>) {
        self.tally.sync_bytes += frame.len() as u64;
        self.send(from, to, frame);
    }

    fn send(&mut self, from: usize, to: usize, bytes: &Rc<[u8]>) {
        let arrivals = self.network.send(self.queue.now(), from, to, bytes.len());
        for at in arrivals {
            let bytes = self.damage(from, bytes);
            let at = self.machines.taken_in(to, at);
            self.queue.schedule(at, Event::Frame { from, to, bytes });
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

    /// A frame arrives.
    pub(super) fn receive(
        &mut self,
        from: usize,
        to: usize,
        bytes: &[u8],
    ) -> Result<(), WorldError> {
        if !self.nodes[to].up {
            self.tally.to_nobody += 1;
            return Ok(());
        }
        let peer = self.nodes[from].public_key();
        match Frame::parse(bytes) {
            None => {
                self.tally.malformed += 1;
                Ok(())
            }
            Some(Frame::Spread(bytes)) => {
                self.actors[to].hear(&bytes);
                self.tell(to, Told::Heard { peer, bytes }, &Cause::None)
            }
            Some(Frame::Ask(exchange, bytes)) => {
                if let Some(known) = self.wires.answered.get(&(to, from, exchange)) {
                    let frame = Rc::clone(&known.frame);
                    self.send_sync(to, from, &frame);
                    return Ok(());
                }
                let number = self.queue.executed();
                let asked = Cause::Asked { from, exchange };
                self.tell(to, Told::Request { number, peer, bytes }, &asked)
            }
            Some(Frame::Answer(exchange, bytes)) => {
                let expected = |open: &Open| open.to == from;
                if !self.wires.open.get(&(to, exchange)).is_some_and(expected) {
                    return Ok(());
                }
                let Some(open) = self.wires.open.remove(&(to, exchange)) else { return Ok(()) };
                let number = open.number;
                self.tell(to, Told::Response { number, peer, bytes }, &Cause::None)
            }
        }
    }

    fn dial(&mut self, node: usize, to: usize) {
        if !self.wires.connected.contains(&pair(node, to)) {
            let latency = self.network.latency(node, to);
            let at = self.queue.now() + 2 * latency;
            self.queue.schedule(at, Event::Connect { from: node, to });
        }
    }

    /// Dials again who is wanted and not connected, and forgets replies that nobody asks for any more.
    pub(super) fn keep_wires(&mut self, node: usize) {
        let wanted = self.wires.wanted.range((node, 0)..=(node, usize::MAX));
        let wanted: Vec<usize> = wanted.map(|(_, to)| *to).collect();
        for to in wanted {
            self.dial(node, to);
        }
        let old = self.queue.now().saturating_sub(2 * millis(self.scenario.sync.timeout_ms));
        let own = (node, 0, 0)..=(node, usize::MAX, u64::MAX);
        drop(self.wires.answered.extract_if(own, |_, kept| kept.at < old).last());
    }

    /// A connection comes up, if both ends are there.
    pub(super) fn connect(&mut self, from: usize, to: usize) -> Result<(), WorldError> {
        let now = self.queue.now();
        let cut = self.network.is_cut(now, from, to)
            || self.network.is_cut(now, to, from)
            || !self.network.can_connect(from, to);
        let both = self.nodes[from].up && self.nodes[to].up;
        if cut || !both || !self.wires.connected.insert(pair(from, to)) {
            return Ok(());
        }
        for (node, other) in [(from, to), (to, from)] {
            let peer = self.nodes[other].public_key();
            self.tell(node, Told::Connected { peer }, &Cause::None)?;
            let addresses = vec![address(other)];
            self.tell(node, Told::Identified { peer, addresses }, &Cause::None)?;
            if self.overlay.neighbours(node).any(|neighbour| neighbour == other) {
                self.tell(node, Told::Stream { peer, open: true }, &Cause::None)?;
            }
        }
        Ok(())
    }

    /// A node went down: its connections and what it asked are gone.
    pub(super) fn disconnect(&mut self, node: usize) -> Result<(), WorldError> {
        let peer = self.nodes[node].public_key();
        self.wires.wanted.retain(|(from, _)| *from != node);
        self.wires.open.retain(|(from, _), _| *from != node);
        self.wires.answered.retain(|(from, _, _), _| *from != node);
        let gone = self.wires.connected.extract_if(.., |(a, b)| *a == node || *b == node);
        let gone: Vec<(usize, usize)> = gone.collect();
        for (a, b) in gone {
            let other = if a == node { b } else { a };
            self.tell(other, Told::Disconnected { peer }, &Cause::None)?;
        }
        Ok(())
    }
}
