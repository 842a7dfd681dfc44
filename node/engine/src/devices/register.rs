//! Register of one device: its user's own lessons, signed, with a version that it alone counts up.

use std::cmp::Reverse;

use lore_lessons::{Circle, Entry, Tally, beginning, demands_of, is_shaped};
use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::identity::{SecretKey, Signature, Signer as _};
use lore_protocol::ids::{Hash, PublicKey};
use lore_protocol::lesson::{Action, Lesson, Op};
use lore_protocol::library::LessonState;

use super::{DeviceId, GroupId, limits};
use crate::shelf::escaped;

const TAG: &[u8] = b"commonlore/device/lessons/v1";

/// One own lesson, as another device of the same person is told it. Private: it holds the person's own command.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeviceLesson {
    lesson: Lesson,
    public: bool,
    worked: u32,
    failed: u32,
    groups: u32,
    last_seconds: u64,
    example: String,
}

impl DeviceLesson {
    /// A lesson of a book; none when it is not one of the user's own, or has not the shape of what sessions teach.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        let Tally { worked, failed, groups, last_seconds } = entry.tally;
        let example = beginning(&entry.example, limits::EXAMPLE_BYTES);
        let lesson = entry.lesson.clone();
        let example = if is_plain(&lesson, example) { example.to_owned() } else { String::new() };
        let one =
            Self { lesson, public: entry.public, worked, failed, groups, last_seconds, example };
        (entry.circle == Circle::Own && one.is_sound()).then_some(one)
    }

    /// The lesson, for a book of the same user on another device.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry {
            lesson: self.lesson.clone(),
            circle: Circle::Devices,
            tally: Tally {
                worked: self.worked,
                failed: self.failed,
                groups: self.groups,
                last_seconds: self.last_seconds,
            },
            example: self.example.clone(),
            public: self.public,
            state: LessonState::Steady,
        }
    }

    #[cfg(test)]
    pub(super) fn with_example(self, example: &str) -> Self {
        Self { example: example.to_owned(), ..self }
    }

    /// Returns true for what a session can teach, with a command that a terminal may show.
    fn is_sound(&self) -> bool {
        (self.lesson.op() != Op::Fix || is_shaped(&self.lesson))
            && self.example.len() <= limits::EXAMPLE_BYTES
            && is_plain(&self.lesson, &self.example)
    }
}

/// Returns true for a command that may be shown on another device, where nobody saw it run: in characters that a
/// terminal may show, and with the programs of its lesson alone. It sets no variable, runs no script, and names no
/// address. None is shown of a lesson whose command does more.
fn is_plain(lesson: &Lesson, example: &str) -> bool {
    let first = |path: &str| path.split(' ').next().unwrap_or_default().to_owned();
    let mut programs = vec![first(lesson.trigger().tool.as_str())];
    if let Action::UseTool(tool) | Action::UseArgument { new: tool, .. } = lesson.action() {
        programs.push(first(tool.as_str()));
    }
    let asks = demands_of(example);
    escaped(example) == example
        && !example.contains("://")
        && !example.contains(['`', '$', '<', '>'])
        && !asks.privileged
        && asks.scripts.is_empty()
        && asks.variables.is_empty()
        && asks.programs.iter().all(|(path, _)| programs.contains(&first(path)))
}

/// Own lessons in the order and number in which a register holds them: of too many, the most repeated and newest.
pub(super) fn bounded(mut lessons: Vec<DeviceLesson>) -> Vec<DeviceLesson> {
    // Room for the heading of a register.
    const HEADING_BYTES: usize = 256;
    lessons.sort_by_cached_key(|one| {
        (Reverse((one.groups, one.worked, one.last_seconds)), one.lesson.clone())
    });
    let mut bytes = HEADING_BYTES;
    lessons.retain(|one| {
        bytes = bytes.saturating_add(codec::encode(one).len());
        bytes <= limits::REGISTER_BYTES
    });
    lessons.sort_by(|a, b| a.lesson.cmp(&b.lesson));
    lessons.dedup_by(|a, b| a.lesson == b.lesson);
    lessons
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
struct Body {
    group: GroupId,
    device: DeviceId,
    version: u64,
    lessons: Vec<DeviceLesson>,
}

/// The register of a device, as it signed it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Register {
    body: Vec<u8>,
    signature: Signature,
}

/// Version of a register, and the hash that tells two of one version apart.
pub(super) type Rank = (u64, Hash);

/// A register that was read and holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) register: Register,
    pub(super) device: DeviceId,
    pub(super) version: u64,
    pub(super) lessons: Vec<DeviceLesson>,
}

impl Known {
    /// The next register of a device.
    pub(super) fn sign(
        group: GroupId,
        device: DeviceId,
        version: u64,
        lessons: Vec<DeviceLesson>,
        key: &SecretKey,
    ) -> Self {
        let body = Body { group, device, version, lessons };
        let bytes = codec::encode(&body);
        let signature = key.sign(&signed_bytes(&bytes));
        let Body { lessons, .. } = body;
        Self { register: Register { body: bytes, signature }, device, version, lessons }
    }

    /// Returns true when this register takes the place of another of its device. Of two of one version, which only a
    /// copied home makes, the greater hash does: everywhere the same one.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    /// Version and hash.
    pub(super) fn rank(&self) -> Rank {
        (self.version, Hash::derive("commonlore/device/register/v1", &[&self.register.body]))
    }

    /// Returns true when this register of a device holds less than an earlier one: a lesson went, or sessions that had
    /// taught it. Newer sessions alone take nothing away.
    pub(super) fn counts_less(&self, earlier: &Self) -> bool {
        earlier.lessons.iter().any(|one| {
            let mine = self.lesson(&one.lesson);
            mine.is_none_or(|mine| {
                mine.worked < one.worked || mine.failed < one.failed || mine.groups < one.groups
            })
        })
    }

    fn lesson(&self, lesson: &Lesson) -> Option<&DeviceLesson> {
        let at = self.lessons.binary_search_by(|mine| mine.lesson.cmp(lesson)).ok()?;
        self.lessons.get(at)
    }

    /// Returns true when the other holds a lesson that this one does not hold, or another command of one. Of another
    /// device's lessons nobody here knows why its command changed.
    pub(super) fn gives_up(&self, other: &Self) -> bool {
        let is_here = |one: &DeviceLesson| {
            self.lesson(&one.lesson).is_some_and(|mine| mine.example == one.example)
        };
        !other.lessons.iter().all(is_here)
    }
}

fn signed_bytes(body: &[u8]) -> Vec<u8> {
    [TAG, body].concat()
}

impl Register {
    /// Length of its encoding, nearly, in bytes.
    pub(super) const fn len(&self) -> usize {
        self.body.len() + 80
    }

    /// Reads it. None unless the device that it names, which `key_of` gives the key of, signed it for this group, and
    /// every lesson is one that a session can teach.
    pub(super) fn read(
        self,
        group: GroupId,
        key_of: impl Fn(&DeviceId) -> Option<PublicKey>,
    ) -> Option<Known> {
        if self.body.len() > limits::REGISTER_BYTES {
            return None;
        }
        let body: Body = codec::decode(&self.body).ok()?;
        let key = key_of(&body.device)?;
        let in_order = body.lessons.windows(2).all(|pair| pair[0].lesson < pair[1].lesson);
        let holds = body.group == group
            && key.verify(&signed_bytes(&self.body), &self.signature)
            && in_order
            && body.lessons.iter().all(DeviceLesson::is_sound);
        let Body { device, version, lessons, .. } = body;
        holds.then_some(Known { register: self, device, version, lessons })
    }
}
