//! Who is in a group: a set of statements that only grows, so that any order of hearing them gives one roster.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::{Hash, PublicKey};

use super::statement::{Admission, Card, Removal, Statements};
use super::{DeviceId, GroupId, limits};

/// Everything that was said about who is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    group: GroupId,
    admissions: BTreeMap<DeviceId, Admission>,
    removals: BTreeMap<(DeviceId, DeviceId), Removal>,
}

impl Roster {
    pub(super) const fn new(group: GroupId) -> Self {
        Self { group, admissions: BTreeMap::new(), removals: BTreeMap::new() }
    }

    /// The group.
    #[must_use]
    pub const fn group(&self) -> GroupId {
        self.group
    }

    /// Takes in what holds of some statements. True when something was new.
    pub(super) fn merge(&mut self, told: Statements) -> bool {
        let mut waiting: Vec<Admission> = told
            .admissions
            .into_iter()
            .take(limits::ADMISSIONS)
            .filter(|one| !self.admissions.contains_key(&one.card.id()))
            .filter(|one| one.is_sound(self.group))
            .collect();
        let mut changed = false;
        // An admission counts once who gave it is known: each round takes in at least one, or is the last.
        loop {
            let before = waiting.len();
            waiting.retain(|one| {
                let Some(key) = self.key_of_admitter(one) else { return true };
                if one.is_by(&key) && self.admissions.len() < limits::ADMISSIONS {
                    changed |= self.admissions.insert(one.card.id(), one.clone()).is_none();
                }
                false
            });
            if waiting.len() == before {
                break;
            }
        }
        for removal in told.removals.into_iter().take(limits::REMOVALS) {
            let place = (removal.device(), removal.by());
            let by = self.admissions.get(&removal.by()).map(|one| one.card.key);
            let is_new = !self.removals.contains_key(&place)
                && self.removals.len() < limits::REMOVALS
                && self.admissions.contains_key(&removal.device());
            if is_new && by.is_some_and(|key| removal.is_sound(self.group, &key)) {
                self.removals.insert(place, removal);
                changed = true;
            }
        }
        changed
    }

    /// Key of the device that gave an admission, when it is known: the first device gives its own.
    fn key_of_admitter(&self, one: &Admission) -> Option<PublicKey> {
        if one.by == one.card.id() {
            return one.card.is_first().then_some(one.card.key);
        }
        self.admissions.get(&one.by).map(|admitter| admitter.card.key)
    }

    /// Everything that was said, in order.
    #[must_use]
    pub fn statements(&self) -> Statements {
        Statements {
            admissions: self.admissions.values().cloned().collect(),
            removals: self.removals.values().cloned().collect(),
        }
    }

    /// Hash of everything that was said.
    #[must_use]
    pub fn digest(&self) -> Hash {
        Hash::derive("commonlore/devices/roster/v1", &[&codec::encode(&self.statements())])
    }

    /// Devices of the group. Of more than a group may have, those that joined first.
    #[must_use]
    pub fn active(&self) -> BTreeMap<DeviceId, &Card> {
        let stays = self.standing();
        let mut cards: Vec<(DeviceId, &Card)> = stays
            .into_iter()
            .filter(|id| !self.is_removed(id))
            .filter_map(|id| Some((id, &self.admissions.get(&id)?.card)))
            .collect();
        cards.sort_by_key(|(id, card)| (card.since_seconds, *id));
        cards.into_iter().take(limits::DEVICES).collect()
    }

    /// Devices whose admission counts, removed ones too: a removal takes back what the removed device admitted and the
    /// one that removed it did not know of, and all that came of it.
    fn standing(&self) -> BTreeSet<DeviceId> {
        let mut stays = BTreeSet::new();
        loop {
            let before = stays.len();
            for (id, one) in &self.admissions {
                let first = one.by == *id;
                if first || (stays.contains(&one.by) && !self.is_taken_back(id, &one.by)) {
                    stays.insert(*id);
                }
            }
            if stays.len() == before {
                return stays;
            }
        }
    }

    fn is_taken_back(&self, device: &DeviceId, admitter: &DeviceId) -> bool {
        self.removals_of(admitter).any(|removal| !removal.keeps(device))
    }

    fn removals_of(&self, device: &DeviceId) -> impl Iterator<Item = &Removal> {
        let device = *device;
        self.removals.values().filter(move |removal| removal.device() == device)
    }

    /// Returns true for a device that was removed or left.
    #[must_use]
    pub fn is_removed(&self, device: &DeviceId) -> bool {
        self.removals_of(device).next().is_some()
    }

    /// Returns true when a key has ever been a device of the group.
    #[must_use]
    pub fn has_known(&self, key: &PublicKey) -> bool {
        self.admissions.values().any(|one| one.card.key == *key)
    }

    /// The device that admitted another; none for the first one.
    #[must_use]
    pub fn admitter(&self, device: &DeviceId) -> Option<&Card> {
        let by = self.admissions.get(device)?.by;
        (by != *device).then(|| self.admissions.get(&by).map(|one| &one.card)).flatten()
    }

    /// Devices of the group that another one admitted.
    #[must_use]
    pub fn admitted_by(&self, device: &DeviceId) -> Vec<DeviceId> {
        let active = self.active();
        let by = |id: &DeviceId| self.admissions.get(id).is_some_and(|one| one.by == *device);
        active.keys().filter(|id| *id != device && by(id)).copied().collect()
    }

    /// Returns true when no more devices fit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.active().len() >= limits::DEVICES || self.admissions.len() >= limits::ADMISSIONS
    }
}
