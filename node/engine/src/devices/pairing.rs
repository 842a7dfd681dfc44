//! Pairing, on the device that makes the line: it admits one other, once.

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::identity::Signer as _;
use lore_protocol::ids::{Hash, PublicKey};

use super::group::Group;
use super::line::{DeviceLine, line_id};
use super::statement::{Admission, Card, Removal, Statements};
use super::wire::{Answer, JoinAnswer, JoinAsk, about};
use super::{DeviceId, Devices, GroupId, limits, seal};
use crate::{Batch, Durability, EngineError, RecordKind};

pub(super) const ASK: &[u8] = b"join";
pub(super) const ANSWER: &[u8] = b"joined";
const SECONDS_PER_MINUTE: u64 = 60;

/// A line that was made here.
#[derive(Clone, Encode, Decode)]
struct Open {
    secret: [u8; 32],
    expires_seconds: u64,
    /// The device that used it: asked again by the same key, its answer was lost.
    used_by: Option<PublicKey>,
}

fn line_key(unit: &str, id: &Hash) -> Vec<u8> {
    format!("{unit}/{id}").into_bytes()
}

impl Devices {
    /// Makes a line with which one device may join the group of a user, and the group with the first one. `addresses`
    /// is where this node can be reached.
    ///
    /// # Errors
    /// Fails for a bad name or time, without an address, when the group is full or too many lines are open, and with
    /// the store.
    pub fn invite(
        &mut self,
        unit: &str,
        user: &str,
        name: &str,
        addresses: Vec<String>,
        minutes: u64,
    ) -> Result<DeviceLine, EngineError> {
        if !(1..=limits::LINE_MINUTES).contains(&minutes) {
            let most = limits::LINE_MINUTES;
            return Err(EngineError::usage(format!(
                "--minutes is {minutes}; it must be between 1 and {most}"
            )));
        }
        if addresses.is_empty() {
            return Err(EngineError::failed("no_address", "this node listens on no address")
                .help("set `listen` in config.toml, and see `lore peers`"));
        }
        self.expire_lines()?;
        let open = self.lines_of(unit)?;
        if open.iter().filter(|(_, open)| open.used_by.is_none()).count() >= limits::LINES {
            return Err(EngineError::refused(
                "too_many_lines",
                format!("{} lines are open and were not used", limits::LINES),
            )
            .help("use one of them, or wait until they expire"));
        }
        self.check_readable(unit)?;
        if !self.groups.contains_key(unit) {
            self.found(unit, user, name)?;
        }
        let Some(group) = self.groups.get(unit) else {
            return Err(super::error::no_group());
        };
        let Some(mine) = group.roster.active().get(&group.me()).map(|card| card.name.clone())
        else {
            return Err(EngineError::refused("removed", "this device was removed from its group")
                .help("run `lore device leave`, then pair it again"));
        };
        if group.roster.is_full() {
            return Err(full());
        }
        let secret = self.entropy.bytes()?;
        let (group, device) = (group.roster.group(), group.me());
        let now = self.clock.unix_seconds();
        let expires_seconds = now.saturating_add(minutes * SECONDS_PER_MINUTE);
        let open = codec::encode(&Open { secret, expires_seconds, used_by: None });
        let key = line_key(unit, &line_id(&secret));
        self.store.put(RecordKind::DeviceLine, &key, &open, Durability::Synced)?;
        let inviter = self.key.public_key();
        Ok(DeviceLine { group, device, inviter, name: mine, addresses, secret })
    }

    /// Makes the group of a user, with this device.
    fn found(&mut self, unit: &str, user: &str, name: &str) -> Result<(), EngineError> {
        check_name(name)?;
        let (mut card, box_secret) = self.card(GroupId(Hash::ZERO), None, name)?;
        card.group = card.founds();
        let (group, id) = (card.group, card.id());
        let signature = card.sign(&self.key);
        let first = Admission::new(card, signature, &self.key);
        let mut made = Group::new(user.to_owned(), group, id, box_secret);
        made.roster.merge(Statements { admissions: vec![first], removals: Vec::new() });
        self.groups.insert(unit.to_owned(), made);
        self.keep(unit, Durability::Synced)
    }

    /// A new card of this device, and the secret of its box key.
    pub(super) fn card(
        &self,
        group: GroupId,
        by: Option<DeviceId>,
        name: &str,
    ) -> Result<(Card, [u8; 32]), EngineError> {
        let secret = self.entropy.bytes()?;
        let card = Card {
            group,
            by,
            key: self.key.public_key(),
            nonce: self.entropy.bytes()?,
            box_key: seal::box_key(&secret),
            name: name.to_owned(),
            since_seconds: self.clock.unix_seconds(),
        };
        Ok((card, secret))
    }

    fn lines_of(&self, unit: &str) -> Result<Vec<(Vec<u8>, Open)>, EngineError> {
        let prefix = if unit.is_empty() { String::new() } else { format!("{unit}/") };
        let mut lines = Vec::new();
        for pair in self.store.scan(RecordKind::DeviceLine, prefix.as_bytes()) {
            let (key, bytes) = pair?;
            if let Ok(open) = codec::decode::<Open>(&bytes) {
                lines.push((key, open));
            }
        }
        Ok(lines)
    }

    /// Lines of a user that were not used and may be.
    ///
    /// # Errors
    /// Store errors.
    pub fn open_lines(&self, unit: &str) -> Result<usize, EngineError> {
        let now = self.clock.unix_seconds();
        let lines = self.lines_of(unit)?;
        Ok(lines
            .iter()
            .filter(|(_, one)| one.used_by.is_none() && now < one.expires_seconds)
            .count())
    }

    /// Forgets lines that are past their time.
    pub(super) fn expire_lines(&self) -> Result<(), EngineError> {
        let now = self.clock.unix_seconds();
        let mut batch = Batch::new();
        for (key, open) in self.lines_of("")? {
            if open.expires_seconds <= now {
                batch.delete(RecordKind::DeviceLine, key);
            }
        }
        if batch.changes().is_empty() {
            return Ok(());
        }
        Ok(self.store.write(batch, Durability::Synced)?)
    }

    /// Admits a peer that proves a line's secret, once.
    pub(super) fn admit(
        &mut self,
        peer: PublicKey,
        line: Hash,
        sealed: &[u8],
        asked: &[u8],
    ) -> Result<Answer, EngineError> {
        let now = self.clock.unix_seconds();
        let named = line.to_string();
        let found = self.lines_of("")?.into_iter().find_map(|(key, open)| {
            let text = String::from_utf8(key).ok()?;
            let (unit, id) = text.split_once('/')?;
            (id == named).then(|| (unit.to_owned(), open))
        });
        let Some((unit, mut open)) = found else { return Ok(Answer::Stranger) };
        let is_over = open.expires_seconds <= now || open.used_by.is_some_and(|key| key != peer);
        // A group that is about to end for another one admits nobody.
        if is_over || self.is_joining(&unit) {
            return Ok(Answer::Stranger);
        }
        let me = self.key.public_key();
        let message = seal::open_pairing(&open.secret, &about(ASK, &peer, &me, b""), sealed);
        let Some(ask) = message.and_then(|bytes| codec::decode::<JoinAsk>(&bytes).ok()) else {
            return Ok(Answer::Stranger);
        };
        let Some(group) = self.groups.get(&unit).filter(|group| group.is_in()) else {
            return Ok(Answer::Stranger);
        };
        let (id, mine) = (group.roster.group(), group.me());
        let admission = Admission::new(ask.card, ask.signature, &self.key);
        let is_meant = admission.card.key == peer && admission.card.by == Some(mine);
        let fits = is_meant && peer != me && admission.is_sound(id);
        let is_first_time = open.used_by.is_none();
        if !fits || (!is_first_time && !group.roster.active().contains_key(&admission.card.id())) {
            return Ok(Answer::Stranger);
        }
        let full = is_first_time && group.roster.is_full();
        if is_first_time && !full {
            open.used_by = Some(peer);
            self.admit_as(&unit, &line, &open, admission)?;
        }
        let Some(group) = self.groups.get(&unit) else { return Ok(Answer::Stranger) };
        let answer =
            if full { JoinAnswer::Full } else { JoinAnswer::Admitted(group.roster.statements()) };
        let about = about(ANSWER, &me, &peer, asked);
        let nonce = self.entropy.bytes()?;
        let sealed = seal::seal_pairing(&open.secret, nonce, &about, &codec::encode(&answer));
        Ok(sealed.map_or(Answer::Stranger, Answer::Sealed))
    }

    /// Takes a device in. An earlier one of the same node is out: it has lost its state.
    fn admit_as(
        &mut self,
        unit: &str,
        line: &Hash,
        open: &Open,
        admission: Admission,
    ) -> Result<(), EngineError> {
        let used = codec::encode(open);
        let Some(group) = self.groups.get_mut(unit) else { return Ok(()) };
        let (me, peer) = (group.me(), admission.card.key);
        let before = group.other(&peer).map(|(device, _)| device);
        let removals = before.map(|device| {
            let kept = group.roster.admitted_by(&device);
            Removal::new(device, me, kept, &self.key)
        });
        let removals = removals.into_iter().collect();
        group.roster.merge(Statements { admissions: vec![admission], removals });
        // Used before it is answered, whatever happens in between.
        let key = line_key(unit, line);
        self.store.put(RecordKind::DeviceLine, &key, &used, Durability::Synced)?;
        self.roster_changed(unit, None)
    }
}

pub(super) fn full() -> EngineError {
    EngineError::refused(
        "too_many_devices",
        format!(
            "the group is full: at most {} devices at a time, and {} ever",
            limits::DEVICES,
            limits::ADMISSIONS
        ),
    )
    .help(
        "remove a device that is not used any more, or leave with all devices and pair them again",
    )
}

pub(super) fn check_name(name: &str) -> Result<(), EngineError> {
    if super::is_name(name) {
        return Ok(());
    }
    Err(EngineError::usage(
        "the name of a device has 1 to 64 bytes: Latin letters, digits and ordinary signs",
    )
    .kind("device_name")
    .help("give one with --name"))
}
