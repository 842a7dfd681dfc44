//! Devices of one person: a group in which a user's own lessons are kept in step.
//!
//! [`Devices`] is a state machine beside the engine, for data of another kind: what it sends is private, never a delta,
//! never released, and meant for the devices of the group alone. It shares no type with a federation. Time, randomness
//! and storage come in; [`DeviceEffect`]s come out.
//!
//! A device gives a register that it alone writes: a version and its user's own lessons, signed. The newest
//! version wins, and readers add up the lessons of all devices. So any order of messages ends in the same state, an old
//! register that is said again changes nothing, and a device that forgets lowers what all others know. Who is in the
//! group is a function of a set of signed statements: admissions and removals ([`Roster`]). A removal is never taken
//! back; two devices that remove each other are both out. A message between two
//! devices is sealed for the one that receives it, under a key of that message; no secret is shared by the group, so
//! that nothing has to be renewed when a device is removed: it is given nothing any more.

mod contact;
mod error;
mod exchange;
mod group;
mod id;
mod joining;
mod line;
mod link;
mod manage;
mod pairing;
mod register;
mod roster;
mod seal;
mod statement;
mod wire;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod joining_tests;
#[cfg(test)]
mod roster_tests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::PublicKey;

pub use group::Group;
pub use id::{DeviceId, GroupId};
pub use joining::Paired;
pub use line::{DeviceLine, LineError};
pub use manage::{Left, Removed};
pub use register::DeviceLesson;
pub use roster::Roster;
pub use statement::{Card, is_name};

use crate::metering::{self, Meters};
use crate::{Batch, Clock, Durability, EngineError, Entropy, RecordKind, Storage};
use joining::Attempt;
use link::Link;

/// Bounds, in counts, bytes and seconds.
pub mod limits {
    /// Devices of a group at one time.
    pub const DEVICES: usize = 16;
    /// Devices that have ever been in a group: honest devices admit no more.
    pub const ADMISSIONS: usize = 64;
    /// Admissions that a group can know of: more are room for devices that admit others at one time and do not know of
    /// each other. A group with more is over. With two removals of each, they fit one question.
    pub const KNOWN: usize = 72;
    /// Register of one device, encoded.
    pub const REGISTER_BYTES: usize = 256 << 10;
    /// Longest command that is kept with a lesson.
    pub const EXAMPLE_BYTES: usize = 200;
    /// Registers of one answer, encoded.
    pub const ANSWER_BYTES: usize = 512 << 10;
    /// Least length of a sealed message; longer ones are padded to the next power of two.
    pub const STEP_BYTES: usize = 1 << 10;
    /// Lines of a user that may be used at one time.
    pub const LINES: usize = 4;
    /// Longest time for which a line may be used, in minutes.
    pub const LINE_MINUTES: u64 = 60;
    /// Bytes of answers that a device may have at once; then it has some tens of kilobytes a second.
    pub const ROOM_BYTES: u64 = 16 << 20;
    /// Longest encoded question of a device.
    pub const ASK_BYTES: usize = 256 << 10;
}

/// Sync intervals between two exchanges with a connected device when nothing has changed.
const QUIET_INTERVALS: u32 = 10;

/// Work that the devices want done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceEffect {
    /// Keep a connection with a device from now on.
    Dial {
        /// The key expected there.
        peer: PublicKey,
        /// Multiaddresses; what is none is passed over.
        addresses: Vec<String>,
    },
    /// A key that is no device of a group any more.
    Forget {
        /// The key.
        peer: PublicKey,
    },
    /// Ask a device; [`Devices::on_response`] or [`Devices::on_failure`] with the same number must follow.
    Request {
        /// Names the request.
        number: u64,
        /// The device.
        peer: PublicKey,
        /// The encoded question.
        bytes: Vec<u8>,
    },
    /// Answer a request.
    Reply {
        /// The number of the request.
        number: u64,
        /// The encoded answer.
        bytes: Vec<u8>,
    },
    /// An attempt of [`Devices::begin_join`] is over.
    Joined {
        /// The number of the attempt.
        attempt: u64,
        /// Its result.
        result: Result<Paired, EngineError>,
    },
}

/// The groups of a node's users, one a user, by the user's pseudonym.
pub struct Devices {
    key: SecretKey,
    store: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Time between two exchanges with a connected device when nothing has changed.
    quiet: Duration,
    groups: BTreeMap<String, Group>,
    /// Connected peers, and where they say that they listen.
    connected: BTreeMap<PublicKey, Vec<String>>,
    /// Addresses at which each device was dialled last.
    dialled: BTreeMap<PublicKey, Vec<String>>,
    links: BTreeMap<(String, DeviceId), Link>,
    attempts: BTreeMap<PublicKey, Attempt>,
    meters: Meters,
    numbers: u64,
    effects: Vec<DeviceEffect>,
    /// Grows with every change of what other devices gave.
    changes: u64,
    /// True when lessons were given up that the files of the store may still hold.
    dropped: bool,
}

/// Parts of a [`Devices`].
pub struct DeviceParts {
    /// The node's signing key.
    pub key: SecretKey,
    /// Its records, private ones encrypted.
    pub store: Arc<dyn Storage>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Time between rounds of sync.
    pub sync_interval: Duration,
}

impl Devices {
    /// Opens the groups of a node.
    ///
    /// # Errors
    /// Store errors.
    pub fn open(parts: DeviceParts) -> Result<Self, EngineError> {
        let DeviceParts { key, store, clock, entropy, sync_interval } = parts;
        let (groups, dropped) = group::load(&*store, &key.public_key())?;
        Ok(Self {
            key,
            store,
            clock,
            entropy,
            quiet: sync_interval.saturating_mul(QUIET_INTERVALS),
            groups,
            connected: BTreeMap::new(),
            dialled: BTreeMap::new(),
            links: BTreeMap::new(),
            attempts: BTreeMap::new(),
            meters: Meters::new(metering::REFILL_BYTES_PER_SECOND),
            numbers: 0,
            effects: Vec::new(),
            changes: 0,
            dropped,
        })
    }

    /// The group of a user, by the user's pseudonym.
    #[must_use]
    pub fn group(&self, unit: &str) -> Option<&Group> {
        self.groups.get(unit)
    }

    /// All groups, by pseudonym.
    #[must_use]
    pub const fn groups(&self) -> &BTreeMap<String, Group> {
        &self.groups
    }

    /// Keys of all other devices that are served.
    #[must_use]
    pub fn served(&self) -> BTreeSet<PublicKey> {
        let others = self.groups.values().flat_map(|group| group.others());
        others.map(|(_, card)| card.key).collect()
    }

    /// Returns true when a device is connected.
    #[must_use]
    pub fn is_connected(&self, key: &PublicKey) -> bool {
        self.connected.contains_key(key)
    }

    /// A number that grows with every change of what other devices gave.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns true, once, when lessons were given up that the files of the store may still hold.
    pub const fn take_dropped(&mut self) -> bool {
        std::mem::replace(&mut self.dropped, false)
    }

    /// Takes the effects since the last call.
    pub fn take_effects(&mut self) -> Vec<DeviceEffect> {
        std::mem::take(&mut self.effects)
    }

    const fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Writes what a user's group is.
    fn keep(&self, unit: &str, durability: Durability) -> Result<(), EngineError> {
        let Some(group) = self.groups.get(unit) else { return Ok(()) };
        let mut batch = Batch::new();
        batch.put(RecordKind::DeviceGroup, unit, group.to_bytes());
        Ok(self.store.write(batch, durability)?)
    }
}
