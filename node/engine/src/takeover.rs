//! Taking over a member's chain with its recovery secret: after a key was lost or stolen, or a chain has forked.
//!
//! The new key asks a member for the place where its RotateKey goes, signs it, and hands it over. What the member's
//! old home knows is not here: so the ledger takes over the chain's spend from what the network holds before anything
//! else is signed.

use std::collections::BTreeMap;
use std::time::Duration;

use lore_privacy::NoiseSource;
use lore_protocol::charter::SignedCharter;
use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::delta::{Delta, Header};
use lore_protocol::identity::{SecretKey, Signature, Signer as _};
use lore_protocol::ids::{CheckpointId, FederationId, MemberId, PublicKey};
use lore_protocol::invitation::Invitation;
use lore_protocol::log::Ingest;
use lore_protocol::payload::{Payload, RotateKey};
use lore_protocol::wire::{Reply, Request, lost_bytes};

use crate::joining::unreachable;
use crate::{Durability, Effect, Engine, EngineError, Joining, RecordKind, damaged};

/// Time that the member who is asked may take, from dialling to its last answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A chain that this node took over, as it is kept.
#[derive(Clone, Encode, Decode)]
struct Taken {
    /// The RotateKey, to be handed over again: a second one for one place would be a fork.
    rotation: Delta,
    /// True once the ledger knows what the chain has spent.
    adopted: bool,
}

struct Attempt {
    number: u64,
    invitation: Invitation,
    secret: SecretKey,
    waiting_for: Option<u64>,
    found: Option<(SignedCharter, MemberId)>,
    deadline: Duration,
}

/// Attempts under way, by the member that is asked.
#[derive(Default)]
pub(crate) struct Takeovers(BTreeMap<PublicKey, Attempt>);

impl<N: NoiseSource> Engine<N> {
    /// Begins to take over the chain of the member whose recovery secret this is. `line` is an invitation of the
    /// federation, also one that was used: it says where a member is. [`Effect::Joined`] with the number that is
    /// given follows.
    ///
    /// # Errors
    /// Fails when the line or the secret is none, or this node is a member already.
    pub fn begin_takeover(&mut self, line: &str, secret: &str) -> Result<u64, EngineError> {
        let invitation = Invitation::from_line(line)
            .map_err(|error| EngineError::usage(error).kind("invitation"))?;
        let secret = secret_of(secret)?;
        let me = self.public_key();
        let found = self.federations.get(&invitation.federation);
        if found.is_some_and(|found| found.member(&me).is_some()) {
            return Err(EngineError::usage("this node is a member of that federation already")
                .help("make a new home for the new key, and recover there"));
        }
        if invitation.inviter == me || !invitation.inviter.is_valid() {
            return Err(EngineError::usage("the line does not lead to another member")
                .kind("invitation")
                .help("ask any member for `lore federation invite`"));
        }
        let (number, peer) = (self.attempt_number(), invitation.inviter);
        self.effects.push(Effect::Dial { peer, addresses: invitation.addresses.clone() });
        let deadline = self.clock.monotonic().saturating_add(PATIENCE);
        let attempt =
            Attempt { number, invitation, secret, waiting_for: None, found: None, deadline };
        if let Some(old) = self.takeovers.0.insert(peer, attempt) {
            let error = EngineError::failed("superseded", "another attempt took this one's place");
            self.end_attempt(old.number, Err(error));
        }
        if self.connected.contains_key(&peer) {
            self.ask_if_taking_over(peer);
        }
        Ok(number)
    }

    fn end_attempt(&mut self, attempt: u64, result: Result<Joining, EngineError>) {
        self.effects.push(Effect::Joined { attempt, result });
    }

    pub(crate) fn expire_takeovers(&mut self) {
        let now = self.clock.monotonic();
        let late = self.takeovers.0.extract_if(.., |_, attempt| attempt.deadline <= now);
        let late: Vec<u64> = late.map(|(_, attempt)| attempt.number).collect();
        for number in late {
            self.end_attempt(number, Err(unreachable("it did not answer in time")));
        }
    }

    pub(crate) fn fail_takeover(&mut self, number: u64, why: &str) {
        let attempts = &mut self.takeovers.0;
        let failed = attempts.iter().find(|(_, a)| a.waiting_for == Some(number)).map(|(k, _)| *k);
        if let Some(attempt) = failed.and_then(|key| attempts.remove(&key)) {
            self.end_attempt(attempt.number, Err(unreachable(why)));
        }
    }

    pub(crate) fn ask_if_taking_over(&mut self, peer: PublicKey) {
        let me = self.public_key();
        let Some(attempt) = self.takeovers.0.get(&peer) else { return };
        let federation = attempt.invitation.federation;
        let proof = attempt.secret.sign(&lost_bytes(federation, &me));
        let recovery_key = attempt.secret.public_key();
        self.send_takeover(peer, &Request::Lost { federation, recovery_key, proof });
    }

    fn send_takeover(&mut self, peer: PublicKey, request: &Request) {
        let number = self.request(peer, request);
        if let Some(attempt) = self.takeovers.0.get_mut(&peer) {
            attempt.waiting_for = Some(number);
        }
    }

    /// Takes a reply to a request of an attempt; false when it is to another.
    pub(crate) fn on_takeover_reply(
        &mut self,
        number: u64,
        peer: PublicKey,
        reply: &Reply,
    ) -> Result<bool, EngineError> {
        let expected = |attempt: &Attempt| attempt.waiting_for == Some(number);
        if !self.takeovers.0.get(&peer).is_some_and(expected) {
            return Ok(false);
        }
        let Some(mut attempt) = self.takeovers.0.remove(&peer) else { return Ok(false) };
        match self.next_of_takeover(&mut attempt, reply) {
            Ok(Some(request)) => {
                self.takeovers.0.insert(peer, attempt);
                self.send_takeover(peer, &request);
            }
            Ok(None) => {
                let done = self.finish_takeover(&attempt);
                self.end_attempt(attempt.number, done);
            }
            Err(error) => self.end_attempt(attempt.number, Err(error)),
        }
        Ok(true)
    }

    /// The next request of an attempt; none when the new key is the member's.
    fn next_of_takeover(
        &self,
        attempt: &mut Attempt,
        reply: &Reply,
    ) -> Result<Option<Request>, EngineError> {
        let federation = attempt.invitation.federation;
        match reply {
            Reply::Found { charter, member, header, keeps } => {
                charter.open().map_err(|error| EngineError::failed("charter", error))?;
                if charter.federation() != federation {
                    return Err(EngineError::failed(
                        "charter",
                        "the member sent the charter of another federation",
                    )
                    .help("ask another member for an invitation line"));
                }
                attempt.found = Some((charter.clone(), *member));
                let Some(header) = header else { return Ok(None) };
                let place = (*member, (**header).clone(), keeps.clone());
                let delta = self.rotation(federation, place, &attempt.secret)?;
                Ok(Some(Request::Rotate { federation, delta: Box::new(delta) }))
            }
            Reply::Admitted if attempt.found.is_some() => Ok(None),
            Reply::Refused(why) => Err(EngineError::refused("not_recovered", why)),
            _ => Err(EngineError::failed("protocol", "the member answered another question")),
        }
    }

    /// The RotateKey for this place: the one that was signed for it before, if there is one.
    fn rotation(
        &self,
        federation: FederationId,
        (member, header, keeps): (MemberId, Header, Vec<CheckpointId>),
        secret: &SecretKey,
    ) -> Result<Delta, EngineError> {
        let place = header.prev.map(|prev| (header.seq.saturating_sub(1), prev));
        let Some(last_good) = place.filter(|_| header.author == member) else {
            return Err(EngineError::failed("protocol", "the member named no place on the chain"));
        };
        if let Some(taken) = self.taken_over(federation)?
            && taken.rotation.header.prev == header.prev
        {
            return Ok(taken.rotation);
        }
        let mut rotate = RotateKey {
            member,
            new_key: self.public_key(),
            last_good,
            keeps,
            recovery_key: secret.public_key(),
            recovery_signature: Signature([0; 64]),
        };
        rotate.recovery_signature = secret.sign(&rotate.signed_bytes(federation));
        let rotation = Delta::sign(header, &Payload::RotateKey(rotate), &self.key);
        self.keep_taken(federation, &Taken { rotation: rotation.clone(), adopted: false })?;
        Ok(rotation)
    }

    fn finish_takeover(&mut self, attempt: &Attempt) -> Result<Joining, EngineError> {
        let Some((charter, member)) = attempt.found.clone() else {
            return Err(EngineError::failed("protocol", "the member answered another question"));
        };
        let federation = attempt.invitation.federation;
        if !self.federations.contains_key(&federation) {
            self.add_federation(charter)?;
        }
        let invitation = &attempt.invitation;
        self.set_inviter(federation, invitation.inviter, &invitation.addresses)?;
        self.begin_round(federation, invitation.inviter);
        Ok(Joining::TakenOver { federation, member })
    }

    /// Returns true while this node has taken over a chain and its ledger does not know what the chain has spent.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub fn is_taking_over(&self, federation: FederationId) -> Result<bool, EngineError> {
        Ok(self.taken_over(federation)?.is_some_and(|taken| !taken.adopted))
    }

    /// The ledger knows what the chain has spent.
    pub(crate) fn end_takeover(&self, federation: FederationId) -> Result<(), EngineError> {
        let known = self.federation(federation)?.member(&self.public_key()).is_some();
        if let Some(taken) = self.taken_over(federation)?.filter(|_| known) {
            self.keep_taken(federation, &Taken { adopted: true, ..taken })?;
        }
        Ok(())
    }

    fn taken_over(&self, federation: FederationId) -> Result<Option<Taken>, EngineError> {
        let bytes = self.store.get(RecordKind::TakenOver, federation.as_bytes())?;
        bytes.map(|bytes| codec::decode(&bytes).map_err(|error| damaged(&error))).transpose()
    }

    fn keep_taken(&self, federation: FederationId, taken: &Taken) -> Result<(), EngineError> {
        let bytes = codec::encode(taken);
        let key = federation.as_bytes();
        Ok(self.store.put(RecordKind::TakenOver, key, &bytes, Durability::Synced)?)
    }

    /// Answers a new key that shows the recovery key of a member.
    pub(crate) fn on_lost(
        &self,
        peer: PublicKey,
        federation: FederationId,
        recovery_key: &PublicKey,
        proof: &Signature,
    ) -> Reply {
        // One answer for everything that can be wrong: a stranger learns nothing from trying.
        let refused = || {
            Reply::Refused("no member of a federation of this node has that recovery secret".into())
        };
        let Some(log) = self.federations.get(&federation).map(crate::Federation::log) else {
            return refused();
        };
        if !recovery_key.verify(&lost_bytes(federation, &peer), proof) {
            return refused();
        }
        let Some(member) = log.member_with_recovery(recovery_key) else { return refused() };
        let charter = log.signed_charter().clone();
        match log.member_of(&peer) {
            Some(now) if now == member => {
                Reply::Found { charter, member, header: None, keeps: Vec::new() }
            }
            Some(_) => Reply::Refused("this key is another member's: recover in a new home".into()),
            None if log.tip().is_gone(&peer) => {
                Reply::Refused("this key was a member's before: recover in a new home".into())
            }
            None => log.draft_rotation(member).map_or_else(
                |_| refused(),
                |header| {
                    let keeps = log.kept_beside();
                    Reply::Found { charter, member, header: Some(Box::new(header)), keeps }
                },
            ),
        }
    }

    /// Takes in the RotateKey of a new key.
    pub(crate) fn on_rotate(
        &mut self,
        peer: PublicKey,
        federation: FederationId,
        delta: Delta,
    ) -> Result<Reply, EngineError> {
        let refused = |why: &str| Ok(Reply::Refused(why.into()));
        if !self.federations.contains_key(&federation) {
            return refused("this node is not in that federation");
        }
        let Ok(sound) = delta.sound() else { return refused("the delta is malformed") };
        match &sound.payload {
            Payload::RotateKey(rotate) if rotate.new_key == peer => {}
            _ => return refused("the delta gives this key to no member"),
        }
        let id = sound.id;
        match self.ingest(federation, sound, Durability::Synced)? {
            Ingest::Accepted(_) => {
                self.announce(federation, id);
                Ok(Reply::Admitted)
            }
            Ingest::Known => Ok(Reply::Admitted),
            Ingest::Waiting(_) => refused("this node lacks the delta before it; try again later"),
            Ingest::Refused(fault) => refused(&fault.to_string()),
        }
    }
}

fn secret_of(text: &str) -> Result<SecretKey, EngineError> {
    let digits = text.trim();
    let pairs = (digits.len() == 64 && digits.is_ascii()).then(|| digits.as_bytes().chunks(2));
    let byte = |pair: &[u8]| {
        std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    let seed: Option<Vec<u8>> = pairs.and_then(|pairs| pairs.map(byte).collect());
    let seed: Option<[u8; 32]> = seed.and_then(|seed| seed.try_into().ok());
    seed.map(|seed| SecretKey::from_seed(&seed)).ok_or_else(|| {
        EngineError::usage("the recovery secret is not 64 hexadecimal digits")
            .kind("secret")
            .help("it was shown once, when the member joined or founded the federation")
    })
}
