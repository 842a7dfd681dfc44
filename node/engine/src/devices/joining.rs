//! Pairing, on the device that joins with a line.

use std::time::Duration;

use lore_protocol::codec;
use lore_protocol::identity::Signer as _;
use lore_protocol::ids::PublicKey;

use super::error::{not_admitted, unreachable};
use super::group::Group;
use super::line::DeviceLine;
use super::pairing::{ANSWER, ASK, check_name, full};
use super::statement::{Card, Statements};
use super::wire::{Answer, Ask, JoinAnswer, JoinAsk, about};
use super::{DeviceEffect, DeviceId, Devices, Roster, seal};
use crate::{Durability, EngineError};

/// Time that the other device may take, from dialling to its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An attempt to join that is under way.
pub(super) struct Attempt {
    number: u64,
    unit: String,
    user: String,
    line: DeviceLine,
    pub(super) card: Card,
    box_secret: [u8; 32],
    asked: Option<(u64, Vec<u8>)>,
    deadline: Duration,
}

/// A device that has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paired {
    /// Its pseudonym of the user.
    pub unit: String,
    /// Names of the other devices.
    pub others: Vec<String>,
}

impl Devices {
    /// Begins to join the group of another device with its line. [`DeviceEffect::Joined`] with the number that is
    /// given follows.
    ///
    /// # Errors
    /// Fails when the line is not one that this node can use, for a bad name, when the user has other devices already,
    /// or while another attempt is under way.
    pub fn begin_join(
        &mut self,
        unit: &str,
        user: &str,
        name: &str,
        line: &str,
    ) -> Result<u64, EngineError> {
        let line = DeviceLine::from_line(line)
            .map_err(|error| EngineError::usage(error).kind("device_line"))?;
        check_name(name)?;
        if line.inviter == self.key.public_key() {
            return Err(EngineError::usage("this node made the line itself")
                .kind("device_line")
                .help("run `lore device join` on the other device"));
        }
        if self.is_joining(unit) || self.attempts.contains_key(&line.inviter) {
            return Err(EngineError::refused(
                "join_under_way",
                "another `lore device join` is under way",
            )
            .help("wait until it is over, at most half a minute"));
        }
        self.check_alone(unit)?;
        let (card, box_secret) = self.card(line.group, Some(line.device), name)?;
        let (number, peer) = (self.number(), line.inviter);
        let addresses = line.addresses.clone();
        self.dialled.insert(peer, addresses.clone());
        self.effects.push(DeviceEffect::Dial { peer, addresses });
        let deadline = self.clock.monotonic().saturating_add(PATIENCE);
        let (unit, user) = (unit.to_owned(), user.to_owned());
        let attempt = Attempt { number, unit, user, line, card, box_secret, asked: None, deadline };
        self.attempts.insert(peer, attempt);
        if self.connected.contains_key(&peer) {
            self.knock_if_joining(peer)?;
        }
        Ok(number)
    }

    /// Returns true while a user is about to join a group.
    pub(super) fn is_joining(&self, unit: &str) -> bool {
        self.attempts.values().any(|attempt| attempt.unit == unit)
    }

    /// Fails when a user has other devices, a group that this device was removed from, or one that could not be read.
    fn check_alone(&self, unit: &str) -> Result<(), EngineError> {
        self.check_readable(unit)?;
        let is_alone = |group: &Group| group.is_in() && group.others().is_empty();
        if self.groups.get(unit).is_none_or(is_alone) {
            return Ok(());
        }
        Err(EngineError::refused("has_devices", "this user's devices are a group already").help(
            "run `lore device leave` first, or make the line here and join on the other device",
        ))
    }

    fn end_attempt(&mut self, attempt: u64, result: Result<Paired, EngineError>) {
        self.effects.push(DeviceEffect::Joined { attempt, result });
    }

    /// Asks to be admitted, when this peer made the line of an attempt.
    pub(super) fn knock_if_joining(&mut self, peer: PublicKey) -> Result<(), EngineError> {
        let Some(attempt) = self.attempts.get_mut(&peer).filter(|one| one.asked.is_none()) else {
            return Ok(());
        };
        let signature = attempt.card.sign(&self.key);
        let message = codec::encode(&JoinAsk { card: attempt.card.clone(), signature });
        let about = about(ASK, &self.key.public_key(), &peer, b"");
        let secret = attempt.line.secret;
        let sealed = seal::seal_pairing(&secret, self.entropy.bytes()?, &about, &message);
        let Some(sealed) = sealed else { return Ok(()) };
        let bytes = codec::encode(&Ask::Join { line: attempt.line.id(), sealed });
        self.numbers += 1;
        let number = self.numbers;
        attempt.asked = Some((number, bytes.clone()));
        self.effects.push(DeviceEffect::Request { number, peer, bytes });
        Ok(())
    }

    /// Takes in an answer to an attempt to join. False when it is none.
    pub(super) fn on_join_response(
        &mut self,
        number: u64,
        peer: PublicKey,
        bytes: &[u8],
    ) -> Result<bool, EngineError> {
        let is_it = |one: &Attempt| one.asked.as_ref().is_some_and(|(asked, _)| *asked == number);
        if !self.attempts.get(&peer).is_some_and(is_it) {
            return Ok(false);
        }
        let Some(attempt) = self.attempts.remove(&peer) else { return Ok(false) };
        match self.joined(&attempt, bytes) {
            Ok(statements) => {
                let roster = self.roster_of(&attempt, statements);
                match roster {
                    Some(roster) => self.enter(attempt, roster)?,
                    None => {
                        let error = EngineError::failed(
                            "protocol",
                            "the other device answered with a group that this one is not in",
                        )
                        .help("make a new line there and try again");
                        self.end_attempt(attempt.number, Err(error));
                    }
                }
            }
            Err(error) => self.end_attempt(attempt.number, Err(error)),
        }
        self.dial_known();
        Ok(true)
    }

    /// Statements of the group that this device was admitted to.
    fn joined(&self, attempt: &Attempt, bytes: &[u8]) -> Result<Statements, EngineError> {
        const HELP: &str = "run `lore device invite` there again, and paste the new line here";
        let sealed = match codec::decode::<Answer>(bytes) {
            Ok(Answer::Sealed(sealed)) => sealed,
            Ok(Answer::Stranger | Answer::Removed | Answer::Later) | Err(_) => {
                return Err(not_admitted(
                    "the other device does not take the line: it was used, or its time is over",
                )
                .help(HELP));
            }
        };
        let (me, peer) = (self.key.public_key(), attempt.line.inviter);
        let asked = attempt.asked.as_ref().map_or(&[][..], |(_, asked)| asked);
        let about = about(ANSWER, &peer, &me, asked);
        let opened = seal::open_pairing(&attempt.line.secret, &about, &sealed);
        match opened.and_then(|bytes| codec::decode::<JoinAnswer>(&bytes).ok()) {
            Some(JoinAnswer::Admitted(statements)) => Ok(statements),
            Some(JoinAnswer::Full) => Err(full()),
            None => {
                Err(EngineError::failed("protocol", "the other device's answer cannot be read")
                    .help(HELP))
            }
        }
    }

    /// The roster in which this device is; none when it is not in it.
    fn roster_of(&self, attempt: &Attempt, statements: Statements) -> Option<Roster> {
        let mut roster = Roster::new(attempt.line.group);
        roster.merge(statements);
        roster.active().contains_key(&attempt.card.id()).then_some(roster)
    }

    fn enter(&mut self, attempt: Attempt, roster: Roster) -> Result<(), EngineError> {
        let Attempt { number, unit, user, line, card, box_secret, .. } = attempt;
        let me: DeviceId = card.id();
        if let Err(error) = self.check_alone(&unit) {
            self.end_attempt(number, Err(error));
            return Ok(());
        }
        // A group that only this device was in.
        self.erase(&unit)?;
        let mut group = Group::new(user, line.group, me, box_secret);
        group.roster = roster;
        let other = group.other(&line.inviter).map(|(device, _)| device);
        if let Some(other) = other {
            group.set_addresses(other, &line.addresses);
        }
        let others = group.others().values().map(|card| card.name.clone()).collect();
        self.groups.insert(unit.clone(), group);
        self.keep(&unit, Durability::Synced)?;
        self.changes += 1;
        self.end_attempt(number, Ok(Paired { unit: unit.clone(), others }));
        self.note_addresses(&line.inviter)?;
        self.tell_others(&unit, None)
    }

    pub(super) fn fail_attempt(&mut self, number: u64, why: &str) {
        let asked = |one: &Attempt| one.asked.as_ref().is_some_and(|(asked, _)| *asked == number);
        let failed = self.attempts.iter().find(|(_, one)| asked(one)).map(|(peer, _)| *peer);
        if let Some(attempt) = failed.and_then(|peer| self.attempts.remove(&peer)) {
            self.end_attempt(attempt.number, Err(unreachable(why)));
        }
    }

    pub(super) fn expire_attempts(&mut self) {
        let now = self.clock.monotonic();
        let late = self.attempts.extract_if(.., |_, attempt| attempt.deadline <= now);
        let late: Vec<u64> = late.map(|(_, attempt)| attempt.number).collect();
        for number in late {
            self.end_attempt(number, Err(unreachable("it did not answer in time")));
        }
    }
}
