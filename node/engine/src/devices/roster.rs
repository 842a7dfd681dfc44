//! The roster of a group: a function of the set of signed statements, whatever their order.
//!
//! **Admissions.** A card names the device that admits it, and the group is the hash of the first card. So the id of a
//! device fixes the whole chain from the first device to it. An admission counts when both signatures hold.
//!
//! **Removals.** A removal counts when its maker was ever admitted, whatever was said of the maker since. So nothing
//! that is said later takes a removal back: a device that was removed stays out, the first one too. Two devices that
//! remove each other are both out.
//!
//! A rule that ignores removals of devices which a thief admitted does not hold the thief out. In one story a thief's
//! device T admits S, the owner's H removes T, and S removes H. In another one the owner's A admits H, T removes A, and H
//! removes T. But for names both are the same set of statements. Who ignores S in the first one ignores H in the second
//! one, and T is in again.
//!
//! **What a removed device admitted** goes with it, with all that came of it, but for devices that the removal keeps
//! by name. Where two removals of one device do not keep the same ones, none is kept.
//!
//! **Bounds.** Of the removals of one device two are kept at most: two that do not keep the same ones say all that more
//! of them could say, whichever two they are. A group that is told of more admissions than [`limits::KNOWN`] is over:
//! nobody is in it any more. Honest devices stop at [`limits::ADMISSIONS`]. So what follows from the statements is the
//! same in every order, and can change only so often, for any statements.
//!
//! **Room.** Of more devices than a group may have at a time, those count that have been there longest. None counts
//! before the device that admitted it, whatever its card says.

use std::collections::BTreeMap;

use lore_protocol::codec;
use lore_protocol::ids::{Hash, PublicKey};

use super::statement::{Admission, Card, Removal, Statements};
use super::{DeviceId, GroupId, limits};

/// Time from which a device counts as there, in seconds since the Unix epoch, and the number of admissions to it.
type Rank = (u64, usize);

/// Everything that was said about who is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    group: GroupId,
    admissions: BTreeMap<DeviceId, Admission>,
    /// Of each removed device one, or two that do not keep the same ones.
    removals: BTreeMap<DeviceId, Vec<Removal>>,
    /// Made of the rest.
    active: BTreeMap<DeviceId, Card>,
    digest: Hash,
}

impl Roster {
    pub(super) fn new(group: GroupId) -> Self {
        let (admissions, removals) = (BTreeMap::new(), BTreeMap::new());
        let mut roster =
            Self { group, admissions, removals, active: BTreeMap::new(), digest: Hash::ZERO };
        roster.settle();
        roster
    }

    /// The group.
    #[must_use]
    pub const fn group(&self) -> GroupId {
        self.group
    }

    /// Takes in what holds of some statements. True when something was new. More than a device can have to say are not
    /// looked at.
    pub(super) fn merge(&mut self, told: Statements) -> bool {
        // A device that leaves says so besides.
        let too_many = told.admissions.len() > limits::KNOWN + 1
            || told.removals.len() > 2 * limits::KNOWN + 1;
        if too_many || self.is_over() {
            return false;
        }
        let before = self.digest;
        self.merge_admissions(told.admissions);
        for removal in told.removals {
            self.merge_removal(removal);
        }
        self.settle();
        self.digest != before
    }

    fn merge_admissions(&mut self, told: Vec<Admission>) {
        let mut waiting: Vec<(DeviceId, Admission)> = told
            .into_iter()
            .map(|one| (one.card.id(), one))
            .filter(|(id, _)| !self.admissions.contains_key(id))
            .filter(|(_, one)| one.is_sound(self.group))
            .collect();
        // An admission counts once who gave it is known: each round takes in at least one, or is the last.
        loop {
            let before = waiting.len();
            waiting.retain(|(id, one)| {
                let Some(key) = self.key_of_admitter(one) else { return true };
                if one.is_by(&key) && self.admissions.len() <= limits::KNOWN {
                    self.admissions.insert(*id, one.clone());
                }
                false
            });
            if waiting.len() == before {
                return;
            }
        }
    }

    /// Key of the device that gives an admission, when it is known: the first device gives its own.
    fn key_of_admitter(&self, one: &Admission) -> Option<PublicKey> {
        match one.card.by {
            None => one.card.is_first().then_some(one.card.key),
            Some(by) => self.admissions.get(&by).map(|admitter| admitter.card.key),
        }
    }

    fn merge_removal(&mut self, removal: Removal) {
        let device = removal.device();
        let known = self.removals.get(&device).map_or(&[][..], Vec::as_slice);
        let says_more = known.len() < 2 && known.iter().all(|one| one.kept() != removal.kept());
        if !says_more || !self.admissions.contains_key(&device) {
            return;
        }
        let by = self.admissions.get(&removal.by());
        if by.is_some_and(|by| removal.is_sound(&by.card.key)) {
            self.removals.entry(device).or_default().push(removal);
        }
    }

    /// Computes what follows from the statements.
    fn settle(&mut self) {
        self.active.clear();
        if self.is_over() {
            self.removals.clear();
        } else {
            let mut ranked: Vec<(Rank, DeviceId)> =
                self.standing().into_iter().map(|(id, rank)| (rank, id)).collect();
            ranked.retain(|(_, id)| !self.is_removed(id));
            ranked.sort_unstable();
            ranked.truncate(limits::DEVICES);
            for (_, id) in ranked {
                if let Some(one) = self.admissions.get(&id) {
                    self.active.insert(id, one.card.clone());
                }
            }
        }
        // Not by which statements it is known.
        let admitted: Vec<DeviceId> = self.admissions.keys().copied().collect();
        let removed = self.removals.iter().map(|(id, said)| match &said[..] {
            [removal] => (*id, Some(removal.kept().to_vec())),
            _ => (*id, None),
        });
        let removed: Vec<(DeviceId, Option<Vec<DeviceId>>)> = removed.collect();
        let known = (!self.is_over()).then_some((admitted, removed));
        self.digest = Hash::derive("commonlore/devices/roster/v1", &[&codec::encode(&known)]);
    }

    /// Devices whose admission counts, removed ones too.
    fn standing(&self) -> BTreeMap<DeviceId, Rank> {
        let mut standing = BTreeMap::new();
        loop {
            let before = standing.len();
            for (id, one) in &self.admissions {
                let admitter = match one.card.by {
                    None => Some((0, 0)),
                    Some(by) if self.stays_without(id, &by) => standing.get(&by).copied(),
                    Some(_) => None,
                };
                if let Some((since_seconds, depth)) = admitter {
                    standing.insert(*id, (one.card.since_seconds.max(since_seconds), depth + 1));
                }
            }
            if standing.len() == before {
                return standing;
            }
        }
    }

    /// Returns true unless a device goes with the one that admitted it.
    fn stays_without(&self, device: &DeviceId, admitter: &DeviceId) -> bool {
        match self.removals.get(admitter).map(Vec::as_slice) {
            None => true,
            Some([removal]) => removal.kept().contains(device),
            Some(_) => false,
        }
    }

    /// Statements from which all of this follows.
    pub(super) fn statements(&self) -> Statements {
        Statements {
            admissions: self.admissions.values().cloned().collect(),
            removals: self.removals.values().flatten().cloned().collect(),
        }
    }

    /// Hash of what is known: of two rosters with the same one, neither has news for the other.
    pub(super) const fn digest(&self) -> Hash {
        self.digest
    }

    /// Devices of the group. Of more than a group may have, those that have been there longest.
    #[must_use]
    pub const fn active(&self) -> &BTreeMap<DeviceId, Card> {
        &self.active
    }

    /// Returns true for a device that was removed or left.
    #[must_use]
    pub fn is_removed(&self, device: &DeviceId) -> bool {
        self.removals.contains_key(device)
    }

    /// Returns true when a key has ever been a device of the group.
    #[must_use]
    pub fn has_known(&self, key: &PublicKey) -> bool {
        self.admissions.values().any(|one| one.card.key == *key)
    }

    /// The device that admitted another, and its card; none for the first one.
    #[must_use]
    pub fn admitter(&self, device: &DeviceId) -> Option<(DeviceId, &Card)> {
        let by = self.admissions.get(device)?.card.by?;
        self.admissions.get(&by).map(|one| (by, &one.card))
    }

    /// Devices of the group that another one admitted.
    #[must_use]
    pub fn admitted_by(&self, device: &DeviceId) -> Vec<DeviceId> {
        let its = self.active.iter().filter(|(_, card)| card.by == Some(*device));
        its.map(|(id, _)| *id).collect()
    }

    /// Returns true when no more devices fit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.active.len() >= limits::DEVICES || self.admissions.len() >= limits::ADMISSIONS
    }

    /// Returns true when so many devices were admitted that nobody is in the group any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.admissions.len() > limits::KNOWN
    }
}
