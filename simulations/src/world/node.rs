//! One virtual node: the protocol's own log, fold and sync machine, and what little a node adds.

use std::collections::BTreeSet;

use lore_protocol::charter::SignedCharter;
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Sound};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{CheckpointId, DeltaId, Hash, MemberId, PublicKey};
use lore_protocol::library::Fold;
use lore_protocol::log::{Ingest, Log, Missing};
use lore_protocol::payload::{Checkpoint, Payload, PayloadKind, Phase, Vouch};
use lore_protocol::sync::{Answer, Ask, Done, Round, Step, answer};

use super::federation::{Federation, invitation, work};
use super::{Tally, WorldError};
use crate::engine::Micros;
use crate::rng::Stream;

/// One open round of anti-entropy.
struct Session {
    peer: usize,
    exchange: u64,
    started: Micros,
    round: Round,
    ask: Vec<u8>,
}

/// A virtual node.
pub(super) struct Node {
    key: SecretKey,
    charter: SignedCharter,
    join: Delta,
    pub(super) log: Log,
    fold: Fold,
    session: Option<Session>,
    next_exchange: u64,
    pub(super) up: bool,
    /// Publications that are due and not made yet.
    pub(super) due: u32,
    last_outcomes_epoch: u32,
    /// After the disk was lost: peers with which a round was finished since.
    recovering: Option<BTreeSet<usize>>,
    root: Option<((usize, CheckpointId), Hash)>,
}

/// What a node made of a gossiped delta.
pub(super) struct Heard {
    /// Newly valid deltas.
    pub(super) accepted: Vec<DeltaId>,
    /// Whether the message goes on to the neighbours.
    pub(super) forward: bool,
    /// Whether it waits for deltas that the sender holds.
    pub(super) lacks_ancestors: bool,
    /// A delta in answer to it: the founder's Vouch.
    pub(super) reply: Option<Vec<u8>>,
}

impl Node {
    pub(super) fn new(federation: &Federation, number: usize) -> Result<Self, WorldError> {
        let key = federation.keys.get(number).ok_or(WorldError::Empty)?.clone();
        let join = federation.joins.get(number).ok_or(WorldError::Empty)?.clone();
        let mut node = Self {
            key,
            join,
            charter: federation.charter.clone(),
            log: Log::new(federation.charter.clone())?,
            fold: Fold::default(),
            session: None,
            next_exchange: 1,
            up: true,
            due: 0,
            last_outcomes_epoch: 0,
            recovering: None,
            root: None,
        };
        node.take_own_join()?;
        Ok(node)
    }

    /// A node has its own Join from the start; the founder's is valid at once, others wait for a Vouch.
    fn take_own_join(&mut self) -> Result<(), WorldError> {
        let sound = self.join.clone().sound()?;
        self.log.ingest(sound);
        Ok(())
    }

    pub(super) fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    pub(super) fn member(&self) -> MemberId {
        self.join.header.id().into()
    }

    pub(super) fn join_bytes(&self) -> Vec<u8> {
        self.join.to_bytes()
    }

    /// Whether its own Join is in its log: somebody vouched and it knows.
    pub(super) fn admitted(&self) -> bool {
        self.log.get(&self.join.header.id()).is_some()
    }

    /// Goes down. What waits and what is in flight is lost; with the disk, everything but the key.
    pub(super) fn crash(&mut self, disk: bool) -> Result<(), WorldError> {
        self.up = false;
        self.session = None;
        self.fold = Fold::default();
        self.root = None;
        let mut stored: Vec<Sound> = Vec::new();
        if disk {
            stored.extend(self.log.entries().map(|(_, entry)| entry.sound.clone()));
        } else {
            self.recovering = Some(BTreeSet::new());
        }
        stored.sort_by_key(|sound| (sound.header().epoch, sound.header().depth, sound.id));
        self.log = Log::new(self.charter.clone())?;
        self.take_own_join()?;
        for sound in stored {
            self.log.ingest(sound);
        }
        Ok(())
    }

    /// The root of the library with everything that counts; folded anew only when the log changed.
    pub(super) fn root(&mut self) -> Hash {
        let key = (self.log.len(), self.log.tip().id);
        if let Some((known, root)) = self.root
            && known == key
        {
            return root;
        }
        self.fold.advance(&self.log);
        let root = self.fold.library(&self.log).root();
        self.root = Some((key, root));
        root
    }

    /// Whether a sealed epoch claims another state than the one folded here.
    pub(super) fn disputes(&self) -> bool {
        self.log.is_split() || !self.fold.disputed(&self.log).is_empty()
    }

    /// Publishes what is due, at most one delta. None when nothing is due or the node must not sign:
    /// not on the roster yet, forked, or without the head of its own chain after a lost disk.
    pub(super) fn publish(
        &mut self,
        recovery_peers: usize,
        stream: &mut Stream,
    ) -> Result<Option<Vec<u8>>, WorldError> {
        let recovered = self.recovering.as_ref().is_none_or(|peers| peers.len() >= recovery_peers);
        if self.due == 0 || !recovered || !self.log.tip().roster.contains_key(&self.member()) {
            return Ok(None);
        }
        self.fold.advance(&self.log);
        let epoch = self.log.open_epoch();
        let active = self.fold.sealed().active_items();
        let outcomes_due = self.last_outcomes_epoch < epoch;
        let (payload, rho_nano) = work(&self.log, active, outcomes_due, stream)?;
        let published = self.sign(&payload, rho_nano)?;
        if published.is_some() {
            self.due -= 1;
            if payload.kind() == PayloadKind::Outcomes {
                self.last_outcomes_epoch = epoch;
            }
        }
        Ok(published)
    }

    /// Ends the epoch when anything but a checkpoint is open.
    pub(super) fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, WorldError> {
        let worth = self.log.open_deltas().iter().any(|id| {
            let kind = self.log.get(id).map(|entry| entry.sound.header().payload_kind);
            kind.is_some_and(|kind| kind != PayloadKind::Checkpoint)
        });
        if !worth {
            return Ok(None);
        }
        self.fold.advance(&self.log);
        let body = self.fold.propose(&self.log);
        self.sign(&Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Commit, body }), 0)
    }

    /// Signs the next delta of this node's chain and takes it in. None when the chain has forked.
    fn sign(&mut self, payload: &Payload, rho_nano: u64) -> Result<Option<Vec<u8>>, WorldError> {
        let member = self.member();
        let mut spend = self.log.spend(member);
        spend.rho_nano = spend.rho_nano.saturating_add(rho_nano);
        let Ok(header) = self.log.draft(member, spend) else {
            return Ok(None);
        };
        let bytes = Delta::sign(header, payload, &self.key).to_bytes();
        match self.log.ingest(Delta::parse(&bytes)?) {
            Ingest::Accepted(_) => Ok(Some(bytes)),
            other => Err(WorldError::OwnDelta(format!("{other:?}"))),
        }
    }

    /// A delta in the name of `victim`, well formed but signed by this node.
    pub(super) fn forge(&self, victim: MemberId, stream: &mut Stream) -> Option<Vec<u8>> {
        let header = self.log.draft(victim, self.log.spend(victim)).ok()?;
        let (payload, _) = work(&self.log, Vec::new(), false, stream).ok()?;
        Some(Delta::sign(header, &payload, &self.key).to_bytes())
    }

    /// Takes a gossiped delta.
    pub(super) fn hear(&mut self, bytes: &[u8], tally: &mut Tally) -> Result<Heard, WorldError> {
        let mut heard =
            Heard { accepted: Vec::new(), forward: false, lacks_ancestors: false, reply: None };
        let Ok(sound) = Delta::parse(bytes) else {
            tally.malformed += 1;
            return Ok(heard);
        };
        let joins = match &sound.payload {
            Payload::Join(join) if sound.signed_by(&join.key) => Some((sound.id, join.key)),
            _ => None,
        };
        match self.log.ingest(sound) {
            Ingest::Accepted(ids) => {
                heard.accepted = ids;
                heard.forward = true;
            }
            Ingest::Refused(_) => tally.refused += 1,
            Ingest::Waiting(Missing::Vouch(_)) if self.is_founder() => {
                if let Some((join, key)) = joins {
                    heard.reply = self.vouch(join, key)?;
                    heard.accepted = vec![join];
                }
            }
            Ingest::Waiting(Missing::Delta(_) | Missing::Checkpoint(_)) => {
                heard.lacks_ancestors = true;
            }
            Ingest::Waiting(Missing::Vouch(_)) | Ingest::Known => {}
        }
        Ok(heard)
    }

    fn is_founder(&self) -> bool {
        self.log.founders().iter().any(|(member, _)| *member == self.member())
    }

    fn vouch(&mut self, join: DeltaId, key: PublicKey) -> Result<Option<Vec<u8>>, WorldError> {
        let vouch = Vouch {
            join,
            key,
            invitation: invitation(self.log.federation()),
            uses: u16::MAX,
            expires_epoch: u32::MAX,
        };
        self.sign(&Payload::Vouch(vouch), 0)
    }

    /// Opens a round with `peer` unless one is still open; gives the exchange and the request.
    pub(super) fn open_round(
        &mut self,
        now: Micros,
        peer: usize,
        timeout: Micros,
    ) -> Option<(u64, Vec<u8>)> {
        if self.session.as_ref().is_some_and(|open| now < open.started + timeout) {
            return None;
        }
        let (round, ask) = Round::begin(&self.log);
        let exchange = self.take_exchange();
        let ask = codec::encode(&ask);
        self.session = Some(Session { peer, exchange, started: now, round, ask: ask.clone() });
        Some((exchange, ask))
    }

    /// The peer and the request, when it is still without an answer.
    pub(super) fn unanswered(
        &self,
        now: Micros,
        exchange: u64,
        timeout: Micros,
    ) -> Option<(usize, Vec<u8>)> {
        let open = self.session.as_ref().filter(|open| open.exchange == exchange)?;
        (self.up && now < open.started + timeout).then(|| (open.peer, open.ask.clone()))
    }

    /// Exchange numbers never repeat, so that an answer that arrives twice or late is known as such.
    const fn take_exchange(&mut self) -> u64 {
        self.next_exchange += 1;
        self.next_exchange
    }

    /// Answers a peer; none for bytes that are no request and for strangers.
    pub(super) fn answer(
        &self,
        peer: &PublicKey,
        bytes: &[u8],
        tally: &mut Tally,
    ) -> Option<Vec<u8>> {
        if !self.log.serves(peer) {
            tally.not_served += 1;
            return None;
        }
        let Ok(ask) = Ask::parse(bytes) else {
            tally.malformed += 1;
            return None;
        };
        Some(codec::encode(&answer(&self.log, &ask)))
    }

    /// Takes an answer: what became valid, and the next request of the round.
    pub(super) fn take_answer(
        &mut self,
        now: Micros,
        from: usize,
        exchange: u64,
        bytes: &[u8],
        tally: &mut Tally,
    ) -> (Vec<DeltaId>, Option<(u64, Vec<u8>)>) {
        let expected = |open: &Session| open.peer == from && open.exchange == exchange;
        let Some(mut session) = self.session.take_if(|open| expected(open)) else {
            return (Vec::new(), None);
        };
        let Ok(decoded) = codec::decode::<Answer>(bytes) else {
            tally.malformed += 1;
            return (Vec::new(), None);
        };
        let (batch, step) = session.round.handle(&mut self.log, decoded);
        tally.refused += batch.refused.len() as u64;
        let next = match step {
            Step::Ask(ask) => {
                session.exchange = self.take_exchange();
                session.started = now;
                session.ask = codec::encode(&ask);
                let next = (session.exchange, session.ask.clone());
                self.session = Some(session);
                Some(next)
            }
            Step::Done(Done::Misbehaved(_)) => {
                tally.malformed += 1;
                None
            }
            Step::Done(Done::InSync | Done::NothingNew) => {
                tally.rounds += 1;
                if let Some(peers) = &mut self.recovering {
                    peers.insert(from);
                }
                None
            }
        };
        (batch.accepted, next)
    }
}
