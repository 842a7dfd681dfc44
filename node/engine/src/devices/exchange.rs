//! Exchanges between two devices: each asks for what it lacks.

use lore_protocol::codec;
use lore_protocol::identity::Signer as _;
use lore_protocol::ids::PublicKey;

use super::group::register_key;
use super::register::{Known, bounded};
use super::wire::{Answer, Ask, Gives, Wants, about};
use super::{DeviceEffect, DeviceId, DeviceLesson, Devices, GroupId, limits, seal};
use crate::{Batch, Durability, EngineError, RecordKind};

const ASK: &[u8] = b"ask";
const ANSWER: &[u8] = b"answer";

impl Devices {
    /// Sets the own lessons of a user: what the other devices are given.
    ///
    /// # Errors
    /// Store errors.
    pub fn set_own(&mut self, unit: &str, lessons: Vec<DeviceLesson>) -> Result<(), EngineError> {
        let lessons = bounded(lessons);
        let Some(group) = self.groups.get(unit).filter(|group| group.is_in()) else {
            return Ok(());
        };
        let version = match group.own() {
            Some(own) if own.lessons == lessons => return Ok(()),
            own => own.map_or(0, |own| own.version).saturating_add(1),
        };
        self.sign_own(unit, version, lessons)?;
        self.tell_others(unit, None)
    }

    fn sign_own(
        &mut self,
        unit: &str,
        version: u64,
        lessons: Vec<DeviceLesson>,
    ) -> Result<(), EngineError> {
        let Some(group) = self.groups.get_mut(unit) else { return Ok(()) };
        let (id, me) = (group.roster.group(), group.me());
        let known = Known::sign(id, me, version, lessons, &self.key);
        let bytes = codec::encode(&known.register);
        self.dropped |= group.own().is_some_and(|own| known.counts_less(own));
        group.registers.insert(me, known);
        let key = register_key(unit, &me);
        Ok(self.store.put(RecordKind::DeviceLessons, &key, &bytes, Durability::Synced)?)
    }

    /// Asks every connected device but one, which so hears that there is something new.
    pub(super) fn tell_others(
        &mut self,
        unit: &str,
        but: Option<DeviceId>,
    ) -> Result<(), EngineError> {
        let Some(group) = self.groups.get(unit) else { return Ok(()) };
        let others: Vec<(DeviceId, PublicKey)> =
            group.others().into_iter().map(|(id, card)| (id, card.key)).collect();
        for (device, key) in others {
            if Some(device) != but && self.connected.contains_key(&key) {
                self.ask(unit, device)?;
            }
        }
        Ok(())
    }

    /// Asks a connected device what is new; when it has been asked already, once more afterwards.
    pub(super) fn ask(&mut self, unit: &str, device: DeviceId) -> Result<(), EngineError> {
        let Some(group) = self.groups.get(unit) else { return Ok(()) };
        let link = self.links.entry((unit.to_owned(), device)).or_default();
        if link.asked.is_some() {
            link.again = true;
            return Ok(());
        }
        let digest = group.roster.digest();
        let with_roster = link.told != Some(digest);
        let message = codec::encode(&group.wants(with_roster));
        if let Some(asked) = self.send(unit, device, &message)? {
            let next = self.clock.monotonic().saturating_add(self.quiet);
            let link = self.links.entry((unit.to_owned(), device)).or_default();
            (link.asked, link.again, link.next) = (Some(asked), false, next);
            (link.told, link.with_roster) = (Some(digest), with_roster);
        }
        Ok(())
    }

    /// As [`Devices::ask`], for something that the device did: only so often.
    pub(super) fn ask_back(&mut self, unit: &str, device: DeviceId) -> Result<(), EngineError> {
        let now = self.clock.monotonic();
        let link = self.links.entry((unit.to_owned(), device)).or_default();
        if link.may_cause(now, self.quiet) { self.ask(unit, device) } else { Ok(()) }
    }

    /// Sends a sealed question to a connected device. Gives its number and bytes.
    pub(super) fn send(
        &mut self,
        unit: &str,
        device: DeviceId,
        message: &[u8],
    ) -> Result<Option<(u64, Vec<u8>)>, EngineError> {
        let Some(group) = self.groups.get(unit) else { return Ok(None) };
        let Some((peer, box_key)) =
            group.others().get(&device).map(|card| (card.key, card.box_key))
        else {
            return Ok(None);
        };
        if !self.connected.contains_key(&peer) {
            return Ok(None);
        }
        let about = about(ASK, &self.key.public_key(), &peer, b"");
        let once = self.entropy.bytes()?;
        let Some(sealed) = seal::seal(&group.secret, &box_key, once, &about, message) else {
            return Ok(None);
        };
        let bytes = codec::encode(&Ask::Exchange { group: group.roster.group(), sealed });
        let number = self.number();
        self.effects.push(DeviceEffect::Request { number, peer, bytes: bytes.clone() });
        Ok(Some((number, bytes)))
    }

    /// Answers a peer. [`DeviceEffect::Reply`] with the same number follows.
    ///
    /// # Errors
    /// Store errors. Nothing that a peer sends is an error.
    pub fn on_request(
        &mut self,
        number: u64,
        peer: PublicKey,
        bytes: &[u8],
    ) -> Result<(), EngineError> {
        let ask = (bytes.len() <= limits::ASK_BYTES).then(|| codec::decode::<Ask>(bytes).ok());
        let answer = match ask.flatten() {
            Some(Ask::Join { line, sealed }) => self.admit(peer, line, &sealed, bytes)?,
            Some(Ask::Exchange { group, sealed }) => self.give(peer, group, &sealed, bytes)?,
            None => Answer::Stranger,
        };
        self.effects.push(DeviceEffect::Reply { number, bytes: codec::encode(&answer) });
        Ok(())
    }

    fn give(
        &mut self,
        peer: PublicKey,
        id: GroupId,
        sealed: &[u8],
        asked: &[u8],
    ) -> Result<Answer, EngineError> {
        let of_group = || self.groups.values().filter(|group| group.roster.group() == id);
        if !of_group().any(|group| group.other(&peer).is_some()) {
            let was = of_group().any(|group| group.is_in() && group.roster.has_known(&peer));
            return Ok(if was { Answer::Removed } else { Answer::Stranger });
        }
        let me = self.key.public_key();
        let now = self.clock.monotonic();
        if self.meters.wait_seconds(now, &peer, limits::ROOM_BYTES).is_some() {
            return Ok(Answer::Later);
        }
        // A question costs work by its length, whatever is in it.
        self.meters.take(now, peer, asked.len());
        let Some((unit, device, box_key, wants)) = self.open_ask(&peer, id, sealed) else {
            return Ok(Answer::Stranger);
        };
        if let Some(roster) = wants.roster.clone() {
            self.merge_roster(&unit, roster, Some(device))?;
        }
        let Some(group) = self.groups.get_mut(&unit) else { return Ok(Answer::Stranger) };
        // It may have said that it leaves, or that this device is out.
        if group.other(&peer).is_none() {
            return Ok(Answer::Removed);
        }
        group.note_contact(device, self.clock.unix_seconds());
        let gives = group.gives(&wants);
        let lacks = group.lacks(&wants.have);
        let once = self.entropy.bytes()?;
        let about = about(ANSWER, &me, &peer, asked);
        let answer = seal::seal(&group.secret, &box_key, once, &about, &codec::encode(&gives));
        self.keep(&unit, Durability::Buffered)?;
        self.links.entry((unit.clone(), device)).or_default().told = Some(gives.digest);
        if lacks {
            self.ask_back(&unit, device)?;
        }
        self.meters.take(now, peer, answer.as_ref().map_or(0, Vec::len));
        Ok(answer.map_or(Answer::Stranger, Answer::Sealed))
    }

    /// The question of a peer, with the user whom it is for: two users of this node may be in one group.
    fn open_ask(
        &self,
        peer: &PublicKey,
        id: GroupId,
        sealed: &[u8],
    ) -> Option<(String, DeviceId, [u8; 32], Wants)> {
        let about = about(ASK, peer, &self.key.public_key(), b"");
        let mut of_group = self.groups.iter().filter(|(_, group)| group.roster.group() == id);
        of_group.find_map(|(unit, group)| {
            let (device, box_key) = group.other(peer)?;
            let opened = seal::open(&box_key, &group.secret, &about, sealed)?;
            Some((unit.clone(), device, box_key, codec::decode::<Wants>(&opened).ok()?))
        })
    }

    /// A device answered.
    ///
    /// # Errors
    /// Store errors. Nothing that a peer sends is an error.
    pub fn on_response(
        &mut self,
        number: u64,
        peer: PublicKey,
        bytes: &[u8],
    ) -> Result<(), EngineError> {
        if self.on_join_response(number, peer, bytes)? {
            return Ok(());
        }
        let Some((unit, device, asked)) = self.take_asked(number) else { return Ok(()) };
        let Some(group) = self.groups.get_mut(&unit) else { return Ok(()) };
        let Some((_, box_key)) = group.other(&peer).filter(|(id, _)| *id == device) else {
            return Ok(());
        };
        let sealed = match codec::decode::<Answer>(bytes) {
            Ok(Answer::Sealed(sealed)) => sealed,
            Ok(Answer::Removed) => {
                if group.called_gone.insert(device) {
                    tracing::warn!("another device says that this one was removed");
                    self.keep(&unit, Durability::Buffered)?;
                }
                self.unheard(unit, device);
                return Ok(());
            }
            Ok(Answer::Stranger | Answer::Later) | Err(_) => {
                self.unheard(unit, device);
                tracing::debug!(peer = %peer.short(), "a device does not know this one");
                return Ok(());
            }
        };
        let me = self.key.public_key();
        let opened =
            seal::open(&box_key, &group.secret, &about(ANSWER, &peer, &me, &asked), &sealed);
        let Some(gives) = opened.and_then(|bytes| codec::decode::<Gives>(&bytes).ok()) else {
            self.unheard(unit, device);
            tracing::warn!(peer = %peer.short(), "the answer of a device cannot be read");
            return Ok(());
        };
        group.note_contact(device, self.clock.unix_seconds());
        self.take_in(&unit, device, gives)
    }

    /// Takes in what another device gave.
    pub(super) fn take_in(
        &mut self,
        unit: &str,
        device: DeviceId,
        gives: Gives,
    ) -> Result<(), EngineError> {
        if let Some(roster) = gives.roster {
            self.merge_roster(unit, roster, Some(device))?;
        }
        let Some(group) = self.groups.get_mut(unit) else { return Ok(()) };
        for (other, addresses) in gives.addresses.iter().take(limits::DEVICES) {
            group.hear_addresses(*other, addresses);
        }
        let (mut batch, mut news, mut own) = (Batch::new(), false, None);
        for register in gives.registers.into_iter().take(limits::DEVICES) {
            let Some(known) = group.read(register) else { continue };
            let here = group.registers.get(&known.device);
            if here.is_some_and(|here| !known.replaces(here)) {
                continue;
            }
            if known.device == group.me() {
                // This home was put back to an earlier state: it goes on from what it has given.
                own = Some(known.version);
                continue;
            }
            self.dropped |= here.is_some_and(|here| known.gives_up(here));
            let key = register_key(unit, &known.device);
            batch.put(RecordKind::DeviceLessons, key, codec::encode(&known.register));
            group.registers.insert(known.device, known);
            news = true;
        }
        let goes_on = gives.more && news;
        let told = group.roster.digest();
        self.store.write(batch, Durability::Synced)?;
        self.keep(unit, Durability::Buffered)?;
        if let Some(version) = own {
            let group = self.groups.get(unit);
            let lessons = group.and_then(|group| group.own()).map(|own| own.lessons.clone());
            self.sign_own(unit, version.saturating_add(1), lessons.unwrap_or_default())?;
        }
        if news {
            self.changes += 1;
        }
        if news || own.is_some() {
            self.tell_others(unit, Some(device))?;
        }
        let place = (unit.to_owned(), device);
        let link = self.links.entry(place).or_default();
        let again = std::mem::take(&mut link.again);
        // It has not all that was said: it was not told, or this device has learnt of it since.
        let untold = told != gives.digest && (!link.with_roster || link.told != Some(told));
        if untold {
            link.told = None;
        }
        if again {
            self.ask(unit, device)?;
        } else if goes_on || untold || own.is_some() {
            self.ask_back(unit, device)?;
        }
        Ok(())
    }

    fn take_asked(&mut self, number: u64) -> Option<(String, DeviceId, Vec<u8>)> {
        self.links.iter_mut().find_map(|((unit, device), link)| {
            let asked = link.asked.take_if(|(asked, _)| *asked == number)?;
            Some((unit.clone(), *device, asked.1))
        })
    }

    /// A request will not be answered, or could not be sent.
    pub fn on_failure(&mut self, number: u64, why: &str) {
        self.fail_attempt(number, why);
        if let Some((unit, device, _)) = self.take_asked(number) {
            self.unheard(unit, device);
        }
    }

    /// Notes that a device may not have heard the last question. It is asked at the next connection, or when its time
    /// comes.
    fn unheard(&mut self, unit: String, device: DeviceId) {
        let link = self.links.entry((unit, device)).or_default();
        (link.told, link.again) = (None, false);
    }
}
