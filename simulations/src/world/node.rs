//! One virtual node: the engine that a daemon drives, with a disk in memory and the virtual clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lore_engine::{
    Class, Effect, Engine, Event, Gate, Heard, Joining, Parts, Settings, Storage as _,
};
use lore_privacy::ledger::{Answer, Pending, Point};
use lore_privacy::{Chain, Outgoing, Released, SeededNoise};
use lore_protocol::delta::Delta;
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{FederationId, Hash, MemberId, PublicKey};
use lore_protocol::log::Log;
use lore_protocol::payload::PayloadKind;
use lore_protocol::spread::Frame;

use super::WorldError;
use super::sessions::Sessions;
use super::surroundings::{Disk, Draw, SkewedClock, Stored};
use super::work::work;
use crate::budget;
use crate::rng::{Purpose, Stream, Streams};
use crate::scenario::{Releases, Scenario};

/// Setup of every process of a node.
struct Setup {
    key: SecretKey,
    clock: Arc<SkewedClock>,
    entropy: Arc<Draw>,
    noise: Stream,
    sessions: Arc<Sessions>,
    settings: Settings,
    /// Results that were drawn, over all processes.
    draws: Arc<AtomicU64>,
}

impl Setup {
    fn open(&mut self, disk: &Arc<Disk>) -> Result<Engine<SeededNoise>, WorldError> {
        let draws = Arc::clone(&self.draws);
        let count = move |point| {
            if point == Point::Drawn {
                draws.fetch_add(1, Ordering::Relaxed);
            }
        };
        let parts = Parts {
            key: self.key.clone(),
            store: Arc::clone(disk) as _,
            clock: Arc::clone(&self.clock) as _,
            entropy: Arc::clone(&self.entropy) as _,
            sessions: Arc::clone(&self.sessions) as _,
            noise: SeededNoise::new(&self.noise.bytes()),
            watch: Some(Arc::new(count)),
        };
        Ok(Engine::open(parts, self.settings.clone())?)
    }
}

/// A virtual node.
pub(super) struct Node {
    setup: Setup,
    releases: Option<Releases>,
    payload_bytes: usize,
    disk: Arc<Disk>,
    /// The disk as it was when the node was let in, or when it found itself on the roster.
    backup: Option<Disk>,
    on_roster: bool,
    engine: Engine<SeededNoise>,
    /// Counts of what processes before this one heard.
    heard_before: Heard,
    /// Positions to which the ledger's chains were read.
    read: BTreeMap<Chain, u64>,
    pub(super) federation: FederationId,
    pub(super) up: bool,
    /// Down, and its disk is gone.
    pub(super) disk_gone: bool,
    /// Processes before this one.
    pub(super) restarts: u64,
    /// Publications that are due and not made yet.
    pub(super) due: u32,
    joining: bool,
    let_in: bool,
}

impl Node {
    pub(super) fn new(
        scenario: &Scenario,
        number: u32,
        clock: SkewedClock,
        streams: Streams,
    ) -> Result<Self, WorldError> {
        let releases = scenario.releases.clone();
        let gate = releases.as_ref().and_then(|releases| releases.gate_s);
        let settings = Settings {
            name: format!("node {number}"),
            // The world's ticks are the rounds.
            sync_interval: std::time::Duration::ZERO,
            gate: gate.map_or(Gate::Off, |seconds| Gate::Ask { seconds }),
            recovery_peers: scenario.sync.recovery_peers,
        };
        let mut setup = Setup {
            key: SecretKey::from_seed(&streams.stream(number, Purpose::Identity).bytes()),
            clock: Arc::new(clock),
            entropy: Arc::new(Draw::new(streams.stream(number, Purpose::Entropy))),
            noise: streams.stream(number, Purpose::Noise),
            sessions: Arc::new(Sessions::new(releases.as_ref())?),
            settings,
            draws: Arc::default(),
        };
        let disk = Arc::default();
        Ok(Self {
            engine: setup.open(&disk)?,
            setup,
            payload_bytes: scenario.work.payload_bytes,
            releases,
            disk,
            backup: None,
            on_roster: false,
            heard_before: Heard::default(),
            read: BTreeMap::new(),
            federation: FederationId::ZERO,
            up: true,
            disk_gone: false,
            restarts: 0,
            due: 0,
            joining: false,
            let_in: false,
        })
    }

    /// The engine, for what the world asks of it.
    pub(super) const fn engine(&self) -> &Engine<SeededNoise> {
        &self.engine
    }

    /// The engine of a founder, for what its person does.
    pub(super) const fn engine_mut(&mut self) -> &mut Engine<SeededNoise> {
        &mut self.engine
    }

    pub(super) fn public_key(&self) -> PublicKey {
        self.setup.key.public_key()
    }

    /// Its log; none before it read a charter.
    pub(super) fn log(&self) -> Option<&Log> {
        Some(self.engine.federations().get(&self.federation)?.log())
    }

    /// Its member id; none before it is on the roster that it knows.
    pub(super) fn member(&self) -> Option<MemberId> {
        self.log()?.member_of(&self.public_key())
    }

    pub(super) fn handle(&mut self, event: Event) -> Result<(), WorldError> {
        self.engine.handle(event)?;
        Ok(self.engine.run_jobs()?)
    }

    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        self.engine.take_effects()
    }

    /// Does what is due without an event: joins, answers its gate, publishes.
    pub(super) fn act(&mut self, invitation: &str, work: &mut Stream) -> Result<(), WorldError> {
        if !self.let_in && !self.joining {
            if self.member().is_some() {
                // It was let in and went down before it was told.
                self.settle_in()?;
            } else {
                self.joining = true;
                self.engine.begin_join(invitation, false)?;
            }
        }
        if !self.on_roster && self.member().is_some() {
            self.on_roster = true;
            self.backup = Some(self.disk.copy());
        }
        self.answer_gate()?;
        self.publish(work)
    }

    /// An attempt to join is over. Who is let in sets its budget, and makes a backup.
    pub(super) fn joined(&mut self, admitted: bool) -> Result<(), WorldError> {
        self.joining = false;
        if admitted && !self.let_in {
            self.settle_in()?;
        }
        Ok(())
    }

    /// Acts as a person does once the node is in a federation.
    pub(super) fn settle_in(&mut self) -> Result<(), WorldError> {
        self.let_in = true;
        if let Some(releases) = &self.releases {
            let epsilon = releases.epsilon_micros();
            self.engine.set_budget(budget::of_micros(epsilon)?)?;
        }
        self.backup = Some(self.disk.copy());
        Ok(())
    }

    /// Leaves out what the scenario says of what waits at the gate.
    fn answer_gate(&mut self) -> Result<(), WorldError> {
        let Some(releases) = &self.releases else { return Ok(()) };
        for held in self.engine.held()?.into_iter().filter(|held| held.answer.is_none()) {
            let answer = match releases.gate_keeps {
                0 => Answer::Refuse,
                keeps => Answer::Keep((0..keeps).take(held.entries.len()).collect()),
            };
            if self.engine.now_seconds() < held.deadline_seconds {
                self.engine.answer_gate(held.release, answer)?;
            }
        }
        Ok(())
    }

    /// Publishes what is due, as far as the node may sign: it may not before it is on the roster, while it
    /// recovers, over its quota, or after a fork.
    pub(super) fn publish(&mut self, stream: &mut Stream) -> Result<(), WorldError> {
        while self.up && self.due > 0 && self.member().is_some() && !self.recovering()? {
            let payload = Released::invented(work(stream, self.payload_bytes)?);
            match self.engine.publish(self.federation, &Outgoing::from(payload)) {
                Ok(_) => self.due -= 1,
                // By the rules, or by the ledger: it knows that the height was signed before.
                Err(error) if error.class == Class::Refused || error.kind == "privacy" => break,
                Err(error) => return Err(error.into()),
            }
            self.engine.settle()?;
            self.engine.run_jobs()?;
        }
        Ok(())
    }

    fn recovering(&self) -> Result<bool, WorldError> {
        Ok(self.disk.recovery().map_err(lore_engine::EngineError::from)?.is_some())
    }

    /// Returns true when nothing is due, neither by hand nor at the gate.
    pub(super) fn is_idle(&self) -> bool {
        self.due == 0 && self.waiting().is_empty()
    }

    /// Publications that its ledger holds. Not among them is the Join of a node that is a member: it went down
    /// after its Join had arrived and before it was told, and does not send it again.
    fn waiting(&self) -> Vec<Pending> {
        let joined = |pending: &Pending| {
            matches!(pending, Pending::Publish { chain, .. } if chain.member == MemberId::ZERO)
                && self.member().is_some()
        };
        self.engine.ledger().pending().into_iter().filter(|pending| !joined(pending)).collect()
    }

    /// Reason why this node has not come to rest; none when it has.
    pub(super) fn unready(&self, number: usize) -> Option<String> {
        if self.up && self.is_idle() {
            return None;
        }
        let recovers = self.recovering().is_ok_and(|recovers| recovers);
        let state = if recovers { "asks peers for its head" } else { "signs" };
        let state = if self.up { state } else { "is down" };
        let waiting = self.waiting();
        Some(format!("node {number} {state}, with {} due and {waiting:?} waiting", self.due))
    }

    /// Ends the epoch as the founder: always when releases wait for epochs, else when anything but a
    /// checkpoint is open.
    pub(super) fn checkpoint(&mut self) -> Result<(), WorldError> {
        let Some(log) = self.log() else { return Ok(()) };
        let worth = self.releases.is_some()
            || log.open_deltas().iter().any(|id| {
                let kind = log.get(id).map(|entry| entry.sound.header().payload_kind);
                kind.is_some_and(|kind| kind != PayloadKind::Checkpoint)
            });
        if worth {
            self.engine.federation_checkpoint(self.federation)?;
        }
        Ok(())
    }

    /// A push of a delta in the name of `victim`, well formed but signed by this node.
    pub(super) fn forge(
        &self,
        victim: MemberId,
        stream: &mut Stream,
    ) -> Result<Option<Vec<u8>>, WorldError> {
        Ok(self.sign_outside(victim, None, stream)?.map(|delta| self.pushed(&delta)))
    }

    /// A delta after the head of `member`, signed with this node's key past its ledger; or in the name of another
    /// identity and with its key.
    pub(super) fn sign_outside(
        &self,
        member: MemberId,
        identity: Option<(MemberId, SecretKey)>,
        stream: &mut Stream,
    ) -> Result<Option<Delta>, WorldError> {
        let Some(log) = self.log() else { return Ok(None) };
        let Ok(mut header) = log.draft(member, log.spend(member)) else { return Ok(None) };
        let payload = work(stream, 0)?;
        let Some((name, key)) = identity else {
            return Ok(Some(Delta::sign(header, &payload, &self.setup.key)));
        };
        header.author = name;
        Ok(Some(Delta::sign(header, &payload, &key)))
    }

    /// The push of a delta, as it travels.
    pub(super) fn pushed(&self, delta: &Delta) -> Vec<u8> {
        Frame::of(delta).to_bytes(self.federation)
    }

    /// Notes the federation that the node founded or joined.
    pub(super) fn note_federation(&mut self) {
        if let Some(federation) = self.engine.federations().keys().next() {
            self.federation = *federation;
        }
    }

    /// Bytes that this node's ledger fixed since the last call.
    pub(super) fn take_signed(&mut self) -> Vec<Vec<u8>> {
        let ledger = self.engine.ledger();
        // A Join stands on the chain of no member.
        let members = [Some(MemberId::ZERO), self.member()];
        let mut signed = Vec::new();
        for member in members.into_iter().flatten() {
            let chain = Chain { federation: self.federation, member };
            let next = ledger.next_seq(chain).unwrap_or(0);
            let read = self.read.entry(chain).or_default();
            while *read < next {
                // Heights that the ledger only took over from the network have no bytes here.
                signed.extend(ledger.committed(chain, *read).map(|one| one.bytes().to_vec()));
                *read += 1;
            }
        }
        signed
    }

    /// Deltas that its log took in since the last call.
    pub(super) fn take_stored(&self) -> Vec<Stored> {
        self.disk.take_stored()
    }

    /// Goes down. What waits and what is in flight is lost.
    pub(super) fn crash(&mut self, disk: bool) {
        self.up = false;
        self.disk_gone |= !disk;
        self.joining = false;
    }

    /// Comes up again, with its disk or from its backup. One that has no backup yet has its key only.
    pub(super) fn restart(&mut self) -> Result<(), WorldError> {
        if self.disk_gone {
            let backup = self.backup.as_ref().map(Disk::copy);
            self.let_in = backup.is_some();
            self.disk = Arc::new(backup.unwrap_or_default());
        }
        self.heard_before = self.heard();
        self.engine = self.setup.open(&self.disk)?;
        self.read.clear();
        (self.up, self.disk_gone) = (true, false);
        self.restarts += 1;
        Ok(())
    }

    /// The root of its library; none before it read a charter.
    pub(super) fn root(&self) -> Option<Hash> {
        Some(self.engine.federations().get(&self.federation)?.root())
    }

    /// Returns true when a sealed epoch claims another state than the one folded here.
    pub(super) fn disputes(&self) -> bool {
        self.engine.federations().get(&self.federation).is_some_and(|found| {
            found.log().is_split() || !found.fold().disputed(found.log()).is_empty()
        })
    }

    /// Results that were drawn, over all its processes.
    pub(super) fn draws(&self) -> u64 {
        self.setup.draws.load(Ordering::Relaxed)
    }

    /// Counts of what it heard, over all its processes.
    pub(super) fn heard(&self) -> Heard {
        let (before, now) = (self.heard_before, self.engine.heard());
        Heard {
            malformed: before.malformed + now.malformed,
            refused: before.refused + now.refused,
            strangers: before.strangers + now.strangers,
            metered: before.metered + now.metered,
            rounds: before.rounds + now.rounds,
        }
    }
}

/// Returns true when an attempt to join ended in the federation.
pub(super) const fn let_in(result: &Result<Joining, lore_engine::EngineError>) -> bool {
    matches!(result, Ok(Joining::Admitted { .. }))
}
