//! Joining a federation: reach the inviter, prove the invitation, read the charter, be vouched for.

use std::collections::BTreeMap;
use std::time::Duration;

use lore_privacy::NoiseSource;
use lore_protocol::ids::{MemberId, PublicKey};
use lore_protocol::invitation::{Challenge, Invitation};
use lore_protocol::wire::{Reply, Request};

use crate::{Effect, Engine, EngineError, Joining};

/// Time that the inviter may take, from dialling to the vouch.
const PATIENCE: Duration = Duration::from_secs(30);

struct Attempt {
    number: u64,
    invitation: Invitation,
    preview: bool,
    challenge: Challenge,
    waiting_for: Option<u64>,
    recovery_secret: Option<String>,
    deadline: Duration,
}

/// Attempts under way, by inviter.
#[derive(Default)]
pub(crate) struct Joins {
    attempts: BTreeMap<PublicKey, Attempt>,
    numbers: u64,
}

enum Next {
    Ask(Request),
    Done(Joining),
}

pub(crate) fn unreachable(why: &str) -> EngineError {
    EngineError::failed("inviter_unreachable", format!("the inviter cannot be reached: {why}"))
        .help("check that the inviter's node runs and that the address in the invitation is right")
}

impl<N: NoiseSource> Engine<N> {
    /// Begins to join, or only to read the charter. [`Effect::Joined`] with the number that is given
    /// follows.
    ///
    /// # Errors
    /// Fails when the line is no invitation that this node can use.
    pub fn begin_join(&mut self, line: &str, preview: bool) -> Result<u64, EngineError> {
        let invitation = Invitation::from_line(line)
            .map_err(|error| EngineError::usage(error).kind("invitation"))?;
        self.check_new(&invitation)?;
        let challenge = Challenge { joiner: self.entropy.bytes()?, inviter: [0; 32] };
        let (number, peer) = (self.attempt_number(), invitation.inviter);
        let addresses = invitation.addresses.clone();
        self.effects.push(Effect::Dial { peer, addresses });
        let attempt = Attempt {
            number,
            invitation,
            preview,
            challenge,
            waiting_for: None,
            recovery_secret: None,
            deadline: self.clock.monotonic().saturating_add(PATIENCE),
        };
        if let Some(old) = self.joins.attempts.insert(peer, attempt) {
            let error = EngineError::failed("superseded", "another join took this one's place");
            self.end_join(&old, Err(error));
        }
        if self.connected.contains_key(&peer) {
            self.knock_if_joining(peer);
        }
        Ok(number)
    }

    /// A number for an attempt to join, or to take over.
    pub(crate) const fn attempt_number(&mut self) -> u64 {
        self.joins.numbers += 1;
        self.joins.numbers
    }

    fn end_join(&mut self, attempt: &Attempt, result: Result<Joining, EngineError>) {
        self.effects.push(Effect::Joined { attempt: attempt.number, result });
    }

    pub(crate) fn expire_joins(&mut self) {
        let now = self.clock.monotonic();
        let late = self.joins.attempts.extract_if(.., |_, attempt| attempt.deadline <= now);
        let late: Vec<Attempt> = late.map(|(_, attempt)| attempt).collect();
        for attempt in late {
            self.end_join(&attempt, Err(unreachable("it did not answer in time")));
        }
    }

    pub(crate) fn fail_join(&mut self, number: u64, why: &str) {
        let attempts = &mut self.joins.attempts;
        let failed = attempts.iter().find(|(_, a)| a.waiting_for == Some(number)).map(|(k, _)| *k);
        if let Some(attempt) = failed.and_then(|key| attempts.remove(&key)) {
            self.end_join(&attempt, Err(unreachable(why)));
        }
    }

    fn check_new(&self, invitation: &Invitation) -> Result<(), EngineError> {
        let me = self.public_key();
        if invitation.inviter == me {
            return Err(EngineError::usage("this is this node's own invitation")
                .help("give it to another node"));
        }
        if !invitation.inviter.is_valid() {
            return Err(EngineError::usage("the invitation names a key that is none")
                .kind("invitation")
                .help("ask the inviter for a new invitation"));
        }
        let found = self.federations.get(&invitation.federation);
        if found.is_some_and(|found| found.member(&me).is_some()) {
            return Err(EngineError::usage("this node is a member of that federation already")
                .help("see `lore federation show`"));
        }
        Ok(())
    }

    pub(crate) fn knock_if_joining(&mut self, peer: PublicKey) {
        let Some(attempt) = self.joins.attempts.get(&peer) else { return };
        let federation = attempt.invitation.federation;
        let request = Request::Knock { federation, nonce: attempt.challenge.joiner };
        self.send_join(peer, &request);
    }

    fn send_join(&mut self, peer: PublicKey, request: &Request) {
        let number = self.request(peer, request);
        if let Some(attempt) = self.joins.attempts.get_mut(&peer) {
            attempt.waiting_for = Some(number);
        }
    }

    pub(crate) fn on_join_reply(
        &mut self,
        number: u64,
        peer: PublicKey,
        reply: Reply,
    ) -> Result<(), EngineError> {
        let expected = |attempt: &Attempt| attempt.waiting_for == Some(number);
        if !self.joins.attempts.get(&peer).is_some_and(expected) {
            return Ok(());
        }
        let Some(mut attempt) = self.joins.attempts.remove(&peer) else { return Ok(()) };
        match self.next_of_join(&mut attempt, reply) {
            Ok(Next::Ask(request)) => {
                self.joins.attempts.insert(peer, attempt);
                self.send_join(peer, &request);
            }
            Ok(Next::Done(joining)) => {
                self.end_join(&attempt, Ok(joining));
                if !attempt.preview {
                    self.begin_round(attempt.invitation.federation, peer);
                }
            }
            Err(error) => self.end_join(&attempt, Err(error)),
        }
        Ok(())
    }

    fn next_of_join(&mut self, attempt: &mut Attempt, reply: Reply) -> Result<Next, EngineError> {
        let federation = attempt.invitation.federation;
        let invitation = attempt.invitation.id();
        match reply {
            Reply::Challenge { nonce } => {
                attempt.challenge.inviter = nonce;
                let proof = self.proof(attempt);
                Ok(Next::Ask(Request::Charter { federation, invitation, proof }))
            }
            Reply::Charter(signed) => {
                let charter =
                    signed.open().map_err(|error| EngineError::failed("charter", error))?;
                if signed.federation() != federation {
                    return Err(EngineError::failed(
                        "charter",
                        "the inviter sent the charter of another federation",
                    )
                    .help("ask the inviter for a new invitation"));
                }
                if attempt.preview {
                    let charter = Box::new(charter);
                    return Ok(Next::Done(Joining::Previewed { federation, charter }));
                }
                let join = match self.own_join(federation) {
                    Some(join) => join,
                    None => {
                        let name = self.settings.name.clone();
                        let (join, recovery) = self.prepare_join(signed, invitation, &name)?;
                        attempt.recovery_secret = Some(recovery);
                        join
                    }
                };
                let proof = self.proof(attempt);
                let join = Box::new(join);
                Ok(Next::Ask(Request::Admit { federation, invitation, proof, join }))
            }
            Reply::Admitted => {
                let invitation = &attempt.invitation;
                self.set_inviter(federation, invitation.inviter, &invitation.addresses)?;
                let recovery_secret = attempt.recovery_secret.take();
                let join = self.own_join(federation).ok_or_else(|| {
                    EngineError::failed("own_delta", "this node's own Join is not in its store")
                        .help("run `lore doctor`")
                })?;
                let member = MemberId::from(join.header.id());
                let log = self.federation(federation)?.log();
                let vouches = log.charter().limits.vouches.unwrap_or(1);
                Ok(Next::Done(Joining::Admitted { federation, member, vouches, recovery_secret }))
            }
            Reply::Refused(why) => Err(EngineError::refused("not_admitted", why)),
            Reply::Sync(_) | Reply::Peers(_) | Reply::Blob(_) | Reply::Found { .. } => {
                Err(EngineError::failed("protocol", "the inviter answered another question"))
            }
        }
    }

    fn proof(&self, attempt: &Attempt) -> lore_protocol::ids::Hash {
        attempt.invitation.proof(&self.public_key(), &attempt.challenge)
    }
}
