//! Devices of this node's users: what they are given, and what a user asks of them.

use lore_control as control;
use lore_engine::devices::{Card, DeviceId, DeviceLesson, Devices, Group, is_name};
use lore_lessons::{Book, Digest};
use lore_session::Started;

use super::Node;
use super::convert::count;
use crate::error::CliError;

/// Least seconds between two times that own lessons are looked at.
const PAUSE_SECONDS: u64 = 2;

/// Limits of removing a device, for the person who did it.
const STAYS: [&str; 3] = [
    "what the device has already stays on it: change what it should not know, and wipe it if you can",
    "devices that are off hear of this at their next contact with one that knows; until then they give it their own lessons",
    "backups that were made with `lore store backup` hold what they held",
];

/// State of what other devices are given.
#[derive(Debug, Default)]
pub(super) struct GivenState {
    /// Sources of it: the number of times that sessions came or went, and the devices that this one is.
    made_of: Option<(u64, Vec<DeviceId>)>,
    next: u64,
}

impl Node {
    /// The devices of this node's users.
    #[must_use]
    pub const fn devices(&self) -> &Devices {
        &self.devices
    }

    /// The devices of this node's users.
    pub const fn devices_mut(&mut self) -> &mut Devices {
        &mut self.devices
    }

    /// Gives other devices what sessions taught here, when that changed.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub(super) fn tend_devices(&mut self) -> Result<(), CliError> {
        self.devices.tick()?;
        // One after the other: another device must not be able to make many of it.
        if !self.is_scrubbing() && self.devices.take_dropped() {
            self.scrub();
        }
        let now = self.engine.now_seconds();
        if self.devices.groups().is_empty() || now < self.given.next {
            return Ok(());
        }
        let devices = self.devices.groups().values().map(Group::me).collect();
        let made_of = (self.hints.sessions(), devices);
        if self.given.made_of.as_ref() == Some(&made_of) {
            return Ok(());
        }
        self.given.next = now.saturating_add(PAUSE_SECONDS);
        self.give_own_lessons()?;
        self.given.made_of = Some(made_of);
        Ok(())
    }

    /// Gives other devices what sessions taught here.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub(super) fn give_own_lessons(&mut self) -> Result<(), CliError> {
        let groups = self.devices.groups().iter();
        let users: Vec<(String, String)> =
            groups.map(|(unit, group)| (unit.clone(), group.user().to_owned())).collect();
        for (unit, user) in users {
            let lessons = own_lessons(&self.digests(&user)?);
            self.devices.set_own(&unit, lessons)?;
        }
        Ok(())
    }

    /// Adds what the user's sessions on other devices taught, apart from what sessions taught here.
    pub(super) fn add_devices(&self, user: &str, book: &mut Book) {
        let Some(group) = self.devices.group(&self.unit_of(user)) else { return };
        for (_, lessons) in group.lessons_of_others() {
            lessons.iter().for_each(|one| book.add(one.entry()));
        }
    }

    /// Lessons of a user by other devices: the name of each, and its number of lessons with an id.
    pub(super) fn devices_that_know(
        &self,
        user: &str,
        id: lore_protocol::ids::LessonId,
    ) -> Vec<control::DeviceWitness> {
        let Some(group) = self.devices.group(&self.unit_of(user)) else { return Vec::new() };
        let others = group.others();
        let mut found = Vec::new();
        for (device, lessons) in group.lessons_of_others() {
            let entries = lessons.iter().map(DeviceLesson::entry);
            let Some(entry) = entries.into_iter().find(|entry| entry.lesson.id() == id) else {
                continue;
            };
            found.push(control::DeviceWitness {
                device: others.get(device).map_or_else(String::new, |card| card.name.clone()),
                id: device.0.to_string(),
                worked: u64::from(entry.tally.worked),
                failed: u64::from(entry.tally.failed),
            });
        }
        found
    }

    /// The name that a device has when its owner gives it none.
    fn device_name(&self, wanted: Option<&str>) -> String {
        let own = self.engine.settings().name.as_str();
        match wanted {
            Some(name) => name.to_owned(),
            None if is_name(own) => own.to_owned(),
            None => format!("device-{}", self.engine.public_key().short()),
        }
    }

    /// Makes a line with which another device may join. `addresses` is where this node can be reached.
    ///
    /// # Errors
    /// Those of [`Devices::invite`].
    pub fn device_invite(
        &mut self,
        ask: &control::DeviceInvite,
        addresses: Vec<String>,
    ) -> Result<control::DeviceInvited, CliError> {
        let (unit, name) = (self.unit_of(&ask.user), self.device_name(ask.name.as_deref()));
        let line = self.devices.invite(&unit, &ask.user, &name, addresses, ask.minutes)?;
        Ok(control::DeviceInvited {
            line: line.to_line(),
            name: line.name.clone(),
            minutes: ask.minutes,
        })
    }

    /// Begins to join with a line. Gives the number of the attempt.
    ///
    /// # Errors
    /// Those of [`Devices::begin_join`].
    pub fn begin_device_join(&mut self, ask: &control::DeviceJoin) -> Result<u64, CliError> {
        let (unit, name) = (self.unit_of(&ask.user), self.device_name(ask.name.as_deref()));
        Ok(self.devices.begin_join(&unit, &ask.user, &name, &ask.line)?)
    }

    /// Devices of a user.
    pub(super) fn device_list(
        &self,
        ask: &control::DeviceList,
    ) -> Result<control::OwnDevices, CliError> {
        let unit = self.unit_of(&ask.user);
        let Some(group) = self.devices.group(&unit) else {
            let user = ask.user.clone();
            return Ok(control::OwnDevices { user, devices: Vec::new(), open_lines: 0, out: None });
        };
        let active = group.roster().active();
        let me = group.me();
        let mine = active.get(&me).map(|card| self.device(group, &me, card));
        let others = active.iter().filter(|(id, _)| **id != me);
        let others = others.map(|(id, card)| self.device(group, id, card));
        let out = if group.roster().is_over() {
            Some(
                "more devices were admitted to this group than it can hold, so that nobody is in it any more. Run \
                 `lore device leave` on each device that is yours, and pair them again"
                    .into(),
            )
        } else if group.roster().is_removed(&me) {
            Some(
                "this device was removed. What came before stays here until `lore device leave`"
                    .into(),
            )
        } else if !group.is_in() {
            Some(
                "this device is out: the device that admitted it was removed, or the group has more devices than it can hold at \
                 a time. What came before stays here until `lore device leave`; then pair it again"
                    .into(),
            )
        } else if group.called_gone_by() > 0 {
            Some(format!(
                "{} of the other devices say that this one was removed, and give it nothing. What came \
                 before stays here until `lore device leave`",
                group.called_gone_by()
            ))
        } else {
            None
        };
        Ok(control::OwnDevices {
            user: ask.user.clone(),
            devices: mine.into_iter().chain(others).collect(),
            open_lines: count(self.devices.open_lines(&unit)?),
            out,
        })
    }

    fn device(&self, group: &Group, id: &DeviceId, card: &Card) -> control::Device {
        control::Device {
            id: id.0.to_string(),
            name: card.name.clone(),
            key: control::PublicKey::of(card.key),
            this: *id == group.me(),
            connected: self.devices.is_connected(&card.key),
            last_contact: group.last_contact(id).map(|at| Started::at(at).text),
            lessons: group.given_by(id).map(count),
            paired_on: group.roster().admitter(id).map(|(by, card)| named(by, &card.name)),
            since: Started::at(card.since_seconds).text,
        }
    }

    /// Excludes a device of a user.
    pub(super) fn device_remove(
        &mut self,
        ask: &control::DeviceRemove,
    ) -> Result<control::DeviceRemoved, CliError> {
        let unit = self.unit_of(&ask.user);
        let removed = self.devices.remove(&unit, &ask.device)?;
        self.after_devices_went(&ask.user)?;
        let admitted = removed.admitted.iter().map(|(id, name)| named(*id, name));
        Ok(control::DeviceRemoved {
            id: removed.device.0.to_string(),
            name: removed.name,
            paired_on_it: admitted.collect(),
            left: removed.left,
            stays: STAYS.map(ToOwned::to_owned).to_vec(),
        })
    }

    /// Leaves the devices of a user.
    pub(super) fn device_leave(
        &mut self,
        ask: &control::DeviceLeave,
    ) -> Result<control::DeviceLeft, CliError> {
        let left = self.devices.leave(&self.unit_of(&ask.user))?;
        self.after_devices_went(&ask.user)?;
        Ok(control::DeviceLeft { told: left.told, untold: left.untold })
    }

    /// Takes what devices gave that are gone out of every file.
    fn after_devices_went(&mut self, user: &str) -> Result<(), CliError> {
        if self.devices.take_dropped() {
            self.scrub();
        }
        self.renew_own_hints(user)
    }
}

fn named(id: DeviceId, name: &str) -> control::NamedDevice {
    control::NamedDevice { id: id.0.to_string(), name: name.to_owned() }
}

/// Own lessons of a user's sessions on this node, and of nothing else.
fn own_lessons(digests: &[(String, Digest)]) -> Vec<DeviceLesson> {
    let mut book = Book::new();
    digests.iter().for_each(|(_, digest)| book.add_session(digest));
    book.entries().iter().filter_map(DeviceLesson::of).collect()
}
