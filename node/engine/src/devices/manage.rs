//! Changes of who is in a group: what others say, removing a device, and leaving.

use lore_protocol::codec;
use lore_protocol::ids::PublicKey;

use super::error::no_group;
use super::statement::{Removal, Statements};
use super::{DeviceId, Devices};
use crate::{Batch, Durability, EngineError, RecordKind};

/// A device that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The device.
    pub device: DeviceId,
    /// Its name.
    pub name: String,
    /// Devices that it had admitted and that stay, with their names.
    pub admitted: Vec<(DeviceId, String)>,
    /// Names of the devices that are left, without this one.
    pub left: Vec<String>,
}

/// A group that this device left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Names of devices that are being told.
    pub told: Vec<String>,
    /// Names of devices that are not connected and have to be told by a person.
    pub untold: Vec<String>,
}

impl Devices {
    /// Removes another device of a user's group, by its name or the beginning of its id. It is served nothing any more,
    /// by no device that has heard of this.
    ///
    /// # Errors
    /// Fails when no device or more than one is meant, when this device is out itself, and with the store.
    pub fn remove(&mut self, unit: &str, named: &str) -> Result<Removed, EngineError> {
        let group = self.groups.get_mut(unit).ok_or_else(no_group)?;
        let others = group.others();
        let names: Vec<(DeviceId, String)> =
            others.iter().map(|(id, card)| (*id, card.name.clone())).collect();
        let those = |fits: &dyn Fn(&(DeviceId, String)) -> bool| -> Vec<(DeviceId, String)> {
            names.iter().filter(|one| fits(one)).cloned().collect()
        };
        // An id comes first: a device chooses its name, and could choose another's id.
        let mut found = those(&|(id, _)| named.len() >= 4 && id.0.to_string().starts_with(named));
        if found.len() != 1 {
            found.extend(those(&|(_, name)| name == named));
            found.dedup();
        }
        let [(device, name)] = &found[..] else {
            let named = crate::shelf::escaped(named);
            let (why, help) = if found.is_empty() {
                (format!("no other device is named `{named}`"), "see `lore device list`")
            } else {
                (
                    format!("more than one device is named `{named}`"),
                    "give at least four digits of its id, as `lore device list` shows it",
                )
            };
            return Err(EngineError::usage(why).kind("unknown_device").help(help));
        };
        let kept = group.roster.admitted_by(device);
        let name_of = |id: &DeviceId| others.get(id).map(|card| (*id, card.name.clone()));
        let admitted = kept.iter().filter_map(name_of).collect();
        let left = names.iter().filter(|(id, _)| id != device).map(|(_, name)| name.clone());
        let left = left.collect();
        let removed = Removed { device: *device, name: name.clone(), admitted, left };
        let removal = Removal::new(*device, group.me(), kept, &self.key);
        group.roster.merge(Statements { admissions: Vec::new(), removals: vec![removal] });
        self.roster_changed(unit, None)?;
        Ok(removed)
    }

    /// Leaves the group of a user: connected devices are told, and everything that came from others is deleted here.
    ///
    /// # Errors
    /// Fails when the user has no group, and with the store.
    pub fn leave(&mut self, unit: &str) -> Result<Left, EngineError> {
        if self.check_readable(unit).is_err() {
            self.erase(unit)?;
            self.dropped = true;
            return Ok(Left { told: Vec::new(), untold: Vec::new() });
        }
        let group = self.groups.get_mut(unit).ok_or_else(no_group)?;
        let (mut told, mut untold) = (Vec::new(), Vec::new());
        let mut asked = Vec::new();
        for (device, card) in group.others() {
            let connected = self.connected.contains_key(&card.key);
            if connected { &mut told } else { &mut untold }.push(card.name.clone());
            if connected {
                asked.push(device);
            }
        }
        let me = group.me();
        let removal = Removal::new(me, me, group.roster.admitted_by(&me), &self.key);
        let farewell = Statements { admissions: Vec::new(), removals: vec![removal] };
        for device in asked {
            self.say(unit, device, farewell.clone())?;
        }
        self.erase(unit)?;
        self.changes += 1;
        self.dropped = true;
        self.dial_known();
        Ok(Left { told, untold })
    }

    /// Deletes a group here, with everything that came from others.
    pub(super) fn erase(&mut self, unit: &str) -> Result<(), EngineError> {
        self.groups.remove(unit);
        self.links.retain(|(of, _), _| of != unit);
        let mut batch = Batch::new();
        batch.delete(RecordKind::DeviceGroup, unit);
        let prefix = format!("{unit}/");
        for kind in [RecordKind::DeviceLessons, RecordKind::DeviceLine] {
            for pair in self.store.scan(kind, prefix.as_bytes()) {
                batch.delete(kind, pair?.0);
            }
        }
        Ok(self.store.write(batch, Durability::Synced)?)
    }

    /// Fails when the store holds a group of a user that could not be read.
    pub(super) fn check_readable(&self, unit: &str) -> Result<(), EngineError> {
        let read = self.groups.contains_key(unit);
        if read || self.store.get(RecordKind::DeviceGroup, unit.as_bytes())?.is_none() {
            return Ok(());
        }
        Err(EngineError::refused(
            "group_not_read",
            "this user has other devices, but what is stored of them cannot be read, or is of another key of this node",
        )
        .help("start the node with the program and the key that stored it, or run `lore device leave` and pair again"))
    }

    /// Takes in what was said about who is in a group.
    pub(super) fn merge_roster(
        &mut self,
        unit: &str,
        told: Statements,
        from: Option<DeviceId>,
    ) -> Result<(), EngineError> {
        let Some(group) = self.groups.get_mut(unit) else { return Ok(()) };
        if group.roster.merge(told) {
            self.roster_changed(unit, from)?;
        }
        Ok(())
    }

    /// Stores a roster that changed, gives up what removed devices gave, and tells the others.
    pub(super) fn roster_changed(
        &mut self,
        unit: &str,
        but: Option<DeviceId>,
    ) -> Result<(), EngineError> {
        let Some(group) = self.groups.get_mut(unit) else { return Ok(()) };
        let mut batch = Batch::new();
        if group.drop_removed(unit, &mut batch) {
            self.changes += 1;
            self.dropped = true;
        }
        batch.put(RecordKind::DeviceGroup, unit, group.to_bytes());
        self.store.write(batch, Durability::Synced)?;
        let peers: Vec<PublicKey> = self.connected.keys().copied().collect();
        for peer in peers {
            self.note_addresses(&peer)?;
        }
        self.dial_known();
        self.tell_others(unit, but)
    }

    /// Tells a connected device something about who is in the group, and waits for nothing.
    fn say(&mut self, unit: &str, device: DeviceId, what: Statements) -> Result<(), EngineError> {
        let Some(group) = self.groups.get(unit) else { return Ok(()) };
        let mut wants = group.wants(true);
        if let Some(roster) = &mut wants.roster {
            roster.removals.extend(what.removals);
        }
        self.send(unit, device, &codec::encode(&wants)).map(drop)
    }
}
