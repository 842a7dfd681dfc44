//! Connections with devices, their addresses, and questions at fixed times.

use std::collections::BTreeMap;

use lore_protocol::ids::PublicKey;

use super::{DeviceEffect, DeviceId, Devices};
use crate::{Durability, EngineError};

impl Devices {
    /// The first connection with a peer is up.
    ///
    /// # Errors
    /// Fails without randomness.
    pub fn on_connected(&mut self, peer: PublicKey) -> Result<(), EngineError> {
        self.connected.entry(peer).or_default();
        self.knock_if_joining(peer)?;
        for (unit, device) in self.links_with(&peer) {
            self.ask_back(&unit, device)?;
        }
        Ok(())
    }

    /// The last connection with a peer is gone.
    pub fn on_disconnected(&mut self, peer: &PublicKey) {
        self.connected.remove(peer);
        for place in self.links_with(peer) {
            if let Some(link) = self.links.get_mut(&place) {
                link.reset();
            }
        }
    }

    /// A peer said where it listens.
    ///
    /// # Errors
    /// Store errors.
    pub fn on_identified(
        &mut self,
        peer: PublicKey,
        addresses: &[String],
    ) -> Result<(), EngineError> {
        if let Some(known) = self.connected.get_mut(&peer) {
            addresses.clone_into(known);
        }
        self.note_addresses(&peer)
    }

    /// Keeps where a connected device listens. It is no device yet when it says so while it joins.
    pub(super) fn note_addresses(&mut self, peer: &PublicKey) -> Result<(), EngineError> {
        let Some(addresses) = self.connected.get(peer).cloned() else { return Ok(()) };
        for (unit, device) in self.links_with(peer) {
            let group = self.groups.get_mut(&unit);
            if group.is_some_and(|group| group.set_addresses(device, &addresses)) {
                self.keep(&unit, Durability::Buffered)?;
            }
        }
        Ok(())
    }

    /// Time has passed.
    ///
    /// # Errors
    /// Store errors.
    pub fn tick(&mut self) -> Result<(), EngineError> {
        self.expire_attempts();
        self.expire_lines()?;
        let now = self.clock.monotonic();
        let mut due = Vec::new();
        for (unit, group) in &self.groups {
            for (device, card) in group.others() {
                let place = (unit.clone(), device);
                let is_due = self.links.get(&place).is_none_or(|link| link.next <= now);
                if is_due && self.connected.contains_key(&card.key) {
                    due.push(place);
                }
            }
        }
        for (unit, device) in due {
            self.ask_back(&unit, device)?;
        }
        self.dial_known();
        Ok(())
    }

    /// Groups in which a peer is another device.
    pub(super) fn links_with(&self, peer: &PublicKey) -> Vec<(String, DeviceId)> {
        let found = self.groups.iter().filter_map(|(unit, group)| {
            group.other(peer).map(|(device, _)| (unit.clone(), device))
        });
        found.collect()
    }

    /// Keeps connections with devices whose addresses are known, and no longer with others.
    pub(super) fn dial_known(&mut self) {
        let mut wanted = BTreeMap::new();
        for group in self.groups.values() {
            for (device, card) in group.others() {
                if let Some(addresses) = group.addresses.get(&device) {
                    wanted.insert(card.key, addresses.clone());
                }
            }
        }
        let gone: Vec<PublicKey> = self
            .dialled
            .keys()
            .filter(|peer| !wanted.contains_key(peer) && !self.attempts.contains_key(peer))
            .copied()
            .collect();
        for peer in gone {
            self.dialled.remove(&peer);
            self.effects.push(DeviceEffect::Forget { peer });
        }
        for (peer, addresses) in wanted {
            if self.dialled.get(&peer) != Some(&addresses) {
                self.dialled.insert(peer, addresses.clone());
                self.effects.push(DeviceEffect::Dial { peer, addresses });
            }
        }
    }
}
