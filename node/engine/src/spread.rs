//! The fast path: deltas as they are made, along the tree of each federation ([`lore_protocol::spread`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use lore_privacy::NoiseSource;
use lore_protocol::delta::Delta;
use lore_protocol::ids::{DeltaId, FederationId, PublicKey};
use lore_protocol::log::{Fault, Ingest};
use lore_protocol::spread::{Envelope, Frame, Input, Output, Spread, Tag, Verdict};

use crate::{Durability, Effect, Engine, EngineError};

/// The trees of all federations.
#[derive(Default)]
pub(crate) struct Spreads {
    trees: BTreeMap<FederationId, Spread>,
    /// Peers that can be sent frames.
    streams: BTreeSet<PublicKey>,
}

impl<N: NoiseSource> Engine<N> {
    /// Time until [`crate::Event::Wake`] is due; none while nothing is waited for.
    #[must_use]
    pub fn wake_in(&self) -> Option<Duration> {
        let due = self.spreads.trees.values().filter_map(Spread::next_wake).min()?;
        Some(due.saturating_sub(self.clock.monotonic()))
    }

    /// Neighbours in a federation's tree, sorted, and whether deltas are pushed to them.
    pub fn neighbours(
        &self,
        federation: FederationId,
    ) -> impl Iterator<Item = (PublicKey, bool)> + '_ {
        self.spreads.trees.get(&federation).into_iter().flat_map(Spread::links)
    }

    /// Begins the tree of a federation.
    pub(crate) fn plant(&mut self, federation: FederationId) {
        let mut hasher = blake3::Hasher::new_keyed(self.salt().as_bytes());
        hasher.update(federation.as_bytes());
        let tree = Spread::new(*hasher.finalize().as_bytes());
        self.spreads.trees.insert(federation, tree);
        self.note_near(federation);
    }

    /// Spreads a delta of a log that this node is the first to hold.
    pub(crate) fn announce(&mut self, federation: FederationId, id: DeltaId) {
        self.spread(federation, Input::Publish(id));
    }

    /// A log took in deltas, of these lengths.
    pub(crate) fn spread_taken(&mut self, federation: FederationId, taken: Vec<(DeltaId, usize)>) {
        for (id, size_bytes) in taken {
            self.spread(federation, Input::Took { id, size_bytes });
        }
    }

    /// Frames can be sent to a peer from now on, or cannot any more.
    pub(crate) fn on_stream(&mut self, peer: PublicKey, open: bool) {
        let changed = if open {
            self.spreads.streams.insert(peer)
        } else {
            self.spreads.streams.remove(&peer)
        };
        let federations: Vec<FederationId> = self.spreads.trees.keys().copied().collect();
        for federation in federations.into_iter().filter(|_| changed) {
            if !open {
                self.spread(federation, Input::Away(peer));
            } else if self.may_be_near(federation, &peer) {
                self.spread(federation, Input::Near(peer));
            }
        }
    }

    /// Time has passed.
    pub(crate) fn wake_spreads(&mut self) {
        let now = self.clock.monotonic();
        let due = self.spreads.trees.iter();
        let due = due.filter(|(_, tree)| tree.next_wake().is_some_and(|due| due <= now));
        let due: Vec<FederationId> = due.map(|(federation, _)| *federation).collect();
        for federation in due {
            self.spread(federation, Input::Wake);
        }
    }

    /// Looks in all federations who may be a neighbour now.
    pub(crate) fn note_all_near(&mut self) {
        let federations: Vec<FederationId> = self.spreads.trees.keys().copied().collect();
        federations.into_iter().for_each(|federation| self.note_near(federation));
    }

    /// Looks who may be a neighbour: peers with a stream that anti-entropy serves, and who invited this node.
    pub(crate) fn note_near(&mut self, federation: FederationId) {
        let Some(tree) = self.spreads.trees.get(&federation) else { return };
        let mut served: BTreeSet<PublicKey> = self.companions(federation).into_iter().collect();
        served.extend(
            self.federations.get(&federation).into_iter().flat_map(|f| f.log().vouched_keys()),
        );
        let streams = &self.spreads.streams;
        let gone = tree.nearby().filter(|peer| !served.contains(peer)).map(Input::Away);
        let new = served.iter().filter(|peer| streams.contains(peer) && !tree.is_near(peer));
        let changes: Vec<Input> = gone.chain(new.copied().map(Input::Near)).collect();
        changes.into_iter().for_each(|change| self.spread(federation, change));
    }

    fn may_be_near(&self, federation: FederationId, peer: &PublicKey) -> bool {
        let served = self.federations.get(&federation).is_some_and(|f| f.log().serves(peer));
        self.spreads.streams.contains(peer)
            && (served || self.companions(federation).contains(peer))
    }

    /// Takes bytes of a peer in.
    pub(crate) fn on_heard(&mut self, peer: PublicKey, bytes: &[u8]) -> Result<(), EngineError> {
        let Some(envelope) = Envelope::split(bytes) else {
            self.heard.malformed += 1;
            let federations: Vec<FederationId> = self.spreads.trees.keys().copied().collect();
            for federation in federations {
                self.spread(federation, Input::Garbage(peer));
            }
            return Ok(());
        };
        let mut federations = self.spreads.trees.keys();
        let Some(federation) = federations.find(|id| Tag::from(**id) == envelope.tag).copied()
        else {
            return Ok(());
        };
        let now = self.clock.monotonic();
        let is_near = |tree: &Spread| tree.is_near(&peer);
        if !self.spreads.trees.get(&federation).is_some_and(is_near)
            && self.may_be_near(federation, &peer)
        {
            // Vouched for a moment ago.
            self.spread(federation, Input::Near(peer));
        }
        if !self.spreads.trees.get(&federation).is_some_and(|tree| tree.hears(now, &peer)) {
            return Ok(());
        }
        let input = match envelope.frame() {
            Ok(frame) => match foreign(&frame, federation) {
                None => Input::Frame(peer, frame),
                Some(fault) => self.garbage(peer, &fault),
            },
            Err(error) => self.garbage(peer, &error),
        };
        self.spread_and_judge(federation, input)
    }

    /// At most one line for each peer in some minutes: it is not heard meanwhile.
    fn garbage(&mut self, peer: PublicKey, why: &dyn std::fmt::Display) -> Input {
        tracing::info!(%why, peer = %peer.short(), "a pushed frame was rejected");
        self.heard.malformed += 1;
        Input::Garbage(peer)
    }

    /// Gives input to a tree that brings nothing to judge, and leaves what it wants sent.
    fn spread(&mut self, federation: FederationId, input: Input) {
        let now = self.clock.monotonic();
        let Some(tree) = self.spreads.trees.get_mut(&federation) else { return };
        for output in tree.handle(now, input) {
            self.carry_out(federation, output);
        }
    }

    fn carry_out(&mut self, federation: FederationId, output: Output) {
        match output {
            Output::Send(peer, frame) => {
                self.effects.push(Effect::Send { peer, bytes: frame.to_bytes(federation) });
            }
            Output::Push(peer, id) => {
                let found = self.federations.get(&federation);
                if let Some(delta) = found.and_then(|found| found.log().delta(&id)) {
                    let bytes = Frame::of(delta).to_bytes(federation);
                    self.effects.push(Effect::Send { peer, bytes });
                }
            }
            Output::Fetch(peer) => self.begin_round(federation, peer),
            // Only frames bring these: see `spread_and_judge`.
            Output::Judge(..) => {}
        }
    }

    /// Gives input to a tree, and judges what it brings.
    fn spread_and_judge(
        &mut self,
        federation: FederationId,
        input: Input,
    ) -> Result<(), EngineError> {
        let mut inputs = VecDeque::from([input]);
        let mut taken = false;
        while let Some(input) = inputs.pop_front() {
            let now = self.clock.monotonic();
            let Some(tree) = self.spreads.trees.get_mut(&federation) else { return Ok(()) };
            for output in tree.handle(now, input) {
                match output {
                    Output::Judge(peer, delta) => {
                        let id = delta.header.id();
                        let verdict = self.judge(federation, delta)?;
                        taken |= verdict == Verdict::New;
                        inputs.push_back(Input::Judged(peer, id, verdict));
                    }
                    other => self.carry_out(federation, other),
                }
            }
        }
        if taken { self.settle() } else { Ok(()) }
    }

    /// Takes a pushed delta in. Malformed is only what the bytes themselves show to be wrong: else honest
    /// neighbours would be punished.
    fn judge(&mut self, federation: FederationId, delta: Delta) -> Result<Verdict, EngineError> {
        let sound = match delta.sound() {
            Ok(sound) => sound,
            Err(error) => {
                tracing::info!(%error, "a pushed delta was rejected");
                self.heard.malformed += 1;
                return Ok(Verdict::Malformed);
            }
        };
        Ok(match self.ingest(federation, sound, Durability::Buffered)? {
            Ingest::Accepted(_) => Verdict::New,
            Ingest::Known => Verdict::Known,
            Ingest::Waiting(_) => Verdict::Waiting,
            Ingest::Refused(fault) => {
                tracing::info!(%fault, "a pushed delta was refused");
                self.heard.refused += 1;
                Verdict::Refused
            }
        })
    }
}

/// The fault of a frame that belongs to another federation than its envelope says.
fn foreign(frame: &Frame, federation: FederationId) -> Option<Fault> {
    let (Frame::Full(delta) | Frame::Head(delta)) = frame else { return None };
    let of = delta.header.federation;
    (of != federation).then_some(Fault::Foreign(of))
}
