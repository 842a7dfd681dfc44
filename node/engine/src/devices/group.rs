//! One user's group, as this device knows it, and what of it is stored.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::ids::PublicKey;

use super::register::{Known, Register};
use super::roster::Roster;
use super::statement::{Card, Statements};
use super::wire::{Gives, Versions, Wants};
use super::{DeviceId, DeviceLesson, GroupId, limits};
use crate::peers::bounded;
use crate::{Batch, Durability, EngineError, RecordKind, Storage};

/// A user's group.
pub struct Group {
    user: String,
    me: DeviceId,
    pub(super) secret: [u8; 32],
    pub(super) roster: Roster,
    pub(super) registers: BTreeMap<DeviceId, Known>,
    pub(super) addresses: BTreeMap<DeviceId, Vec<String>>,
    contacts: BTreeMap<DeviceId, u64>,
    /// Devices that say that this one was removed.
    pub(super) called_gone: BTreeSet<DeviceId>,
}

#[derive(Encode, Decode)]
struct Stored {
    user: String,
    group: GroupId,
    me: DeviceId,
    secret: [u8; 32],
    roster: Statements,
    addresses: Vec<(DeviceId, Vec<String>)>,
    contacts: Vec<(DeviceId, u64)>,
    called_gone: Vec<DeviceId>,
}

/// Key of the record of what a device gave.
pub(super) fn register_key(unit: &str, device: &DeviceId) -> Vec<u8> {
    format!("{unit}/{}", device.0).into_bytes()
}

/// Groups of a store, by pseudonym of the user, and true when something was deleted: lessons that cannot be read, or came
/// from devices that are in no group. A group that cannot be read stays in the store with all that belongs to it, since
/// its secret comes from nowhere again.
pub(super) fn load(
    store: &dyn Storage,
    key: &PublicKey,
) -> Result<(BTreeMap<String, Group>, bool), EngineError> {
    let (mut groups, mut unread, mut batch) = (BTreeMap::new(), BTreeSet::new(), Batch::new());
    for pair in store.scan(RecordKind::DeviceGroup, b"") {
        let (unit, bytes) = pair?;
        let unit = String::from_utf8_lossy(&unit).into_owned();
        if let Some(group) = Group::from_bytes(&bytes, key) {
            groups.insert(unit, group);
        } else {
            tracing::error!("a group of devices in the store cannot be read, or is of another key");
            unread.insert(unit);
        }
    }
    for pair in store.scan(RecordKind::DeviceLessons, b"") {
        let (place, bytes) = pair?;
        let unit = unit_of(&place);
        if unit.is_some_and(|unit| unread.contains(unit)) {
            continue;
        }
        let group = unit.and_then(|unit| groups.get_mut(unit));
        let known = group.and_then(|group| {
            let known = group.read(codec::decode::<Register>(&bytes).ok()?)?;
            Some((group, known))
        });
        match known {
            Some((group, known)) => _ = group.registers.insert(known.device, known),
            None => _ = batch.delete(RecordKind::DeviceLessons, place),
        }
    }
    let any = !batch.changes().is_empty();
    if any {
        store.write(batch, Durability::Synced)?;
    }
    Ok((groups, any))
}

/// The pseudonym in the key of a record of lessons.
fn unit_of(place: &[u8]) -> Option<&str> {
    std::str::from_utf8(place).ok()?.rsplit_once('/').map(|(unit, _)| unit)
}

impl Group {
    pub(super) fn new(user: String, group: GroupId, me: DeviceId, secret: [u8; 32]) -> Self {
        Self {
            user,
            me,
            secret,
            roster: Roster::new(group),
            registers: BTreeMap::new(),
            addresses: BTreeMap::new(),
            contacts: BTreeMap::new(),
            called_gone: BTreeSet::new(),
        }
    }

    /// Reads what [`Group::to_bytes`] wrote. None when it cannot be read, or is of another node: a key that was changed
    /// under a home makes one of it.
    fn from_bytes(bytes: &[u8], key: &PublicKey) -> Option<Self> {
        let stored = codec::decode::<Stored>(bytes).ok()?;
        let mut group = Self::new(stored.user, stored.group, stored.me, stored.secret);
        group.roster.merge(stored.roster);
        group.addresses = stored.addresses.into_iter().collect();
        group.contacts = stored.contacts.into_iter().collect();
        group.called_gone = stored.called_gone.into_iter().collect();
        group.my_card().is_none_or(|card| card.key == *key).then_some(group)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        codec::encode(&Stored {
            user: self.user.clone(),
            group: self.roster.group(),
            me: self.me,
            secret: self.secret,
            roster: self.roster.statements(),
            addresses: self.addresses.clone().into_iter().collect(),
            contacts: self.contacts.clone().into_iter().collect(),
            called_gone: self.called_gone.iter().copied().collect(),
        })
    }

    /// Name of the user on this node.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// This device.
    #[must_use]
    pub const fn me(&self) -> DeviceId {
        self.me
    }

    /// The roster: who is in the group.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    fn my_card(&self) -> Option<&Card> {
        self.roster.active().get(&self.me)
    }

    /// Returns true while this device is in the group, as far as it knows.
    #[must_use]
    pub fn is_in(&self) -> bool {
        self.my_card().is_some()
    }

    /// Number of devices that say that this one was removed.
    #[must_use]
    pub fn called_gone_by(&self) -> usize {
        self.called_gone.len()
    }

    /// The other devices; none once this one is out.
    #[must_use]
    pub fn others(&self) -> BTreeMap<DeviceId, &Card> {
        let others = self.roster.active().iter().filter(|(id, _)| self.is_in() && **id != self.me);
        others.map(|(id, card)| (*id, card)).collect()
    }

    /// The other device of a key.
    pub(super) fn other(&self, key: &PublicKey) -> Option<(DeviceId, [u8; 32])> {
        let others = self.others();
        others.into_iter().find(|(_, card)| card.key == *key).map(|(id, card)| (id, card.box_key))
    }

    /// Time of the last contact with a device, in seconds since the Unix epoch.
    #[must_use]
    pub fn last_contact(&self, device: &DeviceId) -> Option<u64> {
        self.contacts.get(device).copied()
    }

    pub(super) fn note_contact(&mut self, device: DeviceId, now_seconds: u64) {
        self.contacts.insert(device, now_seconds);
        self.called_gone.remove(&device);
    }

    /// Number of lessons that a device gave; none when nothing of it has come.
    #[must_use]
    pub fn given_by(&self, device: &DeviceId) -> Option<usize> {
        self.registers.get(device).map(|known| known.lessons.len())
    }

    /// Lessons that each other device gave.
    pub fn lessons_of_others(&self) -> impl Iterator<Item = (&DeviceId, &[DeviceLesson])> {
        let others = self.registers.iter().filter(|(device, _)| **device != self.me);
        others.map(|(device, known)| (device, known.lessons.as_slice()))
    }

    /// Own register's version and lessons.
    pub(super) fn own(&self) -> Option<&Known> {
        self.registers.get(&self.me)
    }

    /// Reads a register of a device of the group.
    pub(super) fn read(&self, register: Register) -> Option<Known> {
        let active = self.roster.active();
        register.read(self.roster.group(), |device| active.get(device).map(|card| card.key))
    }

    /// Newest versions that are here.
    pub(super) fn versions(&self) -> Versions {
        self.registers.values().map(|known| (known.device, known.rank())).collect()
    }

    /// Returns true when another device has something that is not here.
    pub(super) fn lacks(&self, versions: &Versions) -> bool {
        let active = self.roster.active();
        versions.iter().any(|(device, rank)| {
            let here = self.registers.get(device).map(Known::rank);
            active.contains_key(device) && here.is_none_or(|here| here < *rank)
        })
    }

    /// The list of what this device has, to be told to another one.
    pub(super) fn wants(&self, with_roster: bool) -> Wants {
        let seeks = self.others().keys().any(|id| !self.addresses.contains_key(id));
        Wants {
            digest: self.roster.digest(),
            roster: with_roster.then(|| self.roster.statements()),
            have: self.versions(),
            seeks,
        }
    }

    /// The answer with what another device lacks. Registers are given whole, as many as fit one answer.
    pub(super) fn gives(&self, wants: &Wants) -> Gives {
        let digest = self.roster.digest();
        let has = |known: &Known| {
            let told = wants.have.iter().find(|(device, _)| *device == known.device);
            told.is_some_and(|(_, rank)| *rank >= known.rank())
        };
        let (mut registers, mut bytes, mut more) = (Vec::new(), 0_usize, false);
        for known in self.registers.values().filter(|known| !has(known)) {
            bytes = bytes.saturating_add(known.register.len());
            if bytes > limits::ANSWER_BYTES && !registers.is_empty() {
                more = true;
                break;
            }
            registers.push(known.register.clone());
        }
        let known = self.addresses.iter().filter(|_| wants.seeks);
        Gives {
            roster: (digest != wants.digest).then(|| self.roster.statements()),
            digest,
            have: self.versions(),
            registers,
            more,
            addresses: known.map(|(id, addresses)| (*id, addresses.clone())).collect(),
        }
    }

    /// Keeps where a device listens, as it says itself. True when it was not known.
    pub(super) fn set_addresses(&mut self, device: DeviceId, addresses: &[String]) -> bool {
        let addresses = bounded(addresses);
        if addresses.is_empty() || self.addresses.get(&device) == Some(&addresses) {
            return false;
        }
        self.addresses.insert(device, addresses);
        true
    }

    /// Takes in where a device listens, as another one says: only while it has not said so itself.
    pub(super) fn hear_addresses(&mut self, device: DeviceId, addresses: &[String]) {
        if !self.addresses.contains_key(&device) && self.others().contains_key(&device) {
            self.set_addresses(device, addresses);
        }
    }

    /// Gives up what is here of devices that are in the group no more. True when something was.
    pub(super) fn drop_removed(&mut self, unit: &str, batch: &mut Batch) -> bool {
        let active = self.roster.active();
        let gone = |device: &DeviceId| *device != self.me && !active.contains_key(device);
        let removed: Vec<DeviceId> = self.registers.keys().filter(|id| gone(id)).copied().collect();
        self.addresses.retain(|device, _| active.contains_key(device));
        self.contacts.retain(|device, _| active.contains_key(device));
        for device in &removed {
            self.registers.remove(device);
            batch.delete(RecordKind::DeviceLessons, register_key(unit, device));
        }
        !removed.is_empty()
    }
}
