//! What is kept of one session beside it, so that its owner's lessons are there at once.

use lore_protocol::codec::{Decode, Encode};
use lore_protocol::ids::LessonId;
use lore_protocol::lesson::Lesson;

use crate::call::Call;
use crate::cut::beginning;
use crate::findings::{Findings, Pitfall};
use crate::keys::{key_of, of_practice};
use crate::trial::{GivenLessons, TrialEnd};

/// Version of what a digest says: another one is made again from the session.
pub const DIGEST_VERSION: u32 = 2;
/// Most lessons of each kind that a digest holds.
const MAX_SEEN: usize = 128;
/// Longest command that is kept with a lesson, in bytes.
const MAX_EXAMPLE_BYTES: usize = 200;

/// Lessons of one session. Private: it holds the session's own commands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Digest {
    /// [`DIGEST_VERSION`] of the program that made it.
    pub version: u32,
    /// Start of the session, in seconds since the Unix epoch.
    pub started_seconds: u64,
    /// Number of failing calls.
    pub failures: u32,
    /// Remedies that were seen to work or to fail, in order.
    pub seen: Vec<Seen>,
    /// Commands that did the work, as lessons.
    pub practices: Vec<Lesson>,
    /// The last trial of each lesson that the session had been given, by id.
    pub trials: Vec<(LessonId, TrialEnd)>,
}

/// One remedy in one session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Seen {
    /// The lesson, with the point of the failure when it states one.
    pub lesson: Lesson,
    /// True when the program is on the public list, so that the lesson may help others.
    pub public: bool,
    /// True when it worked; false when the same failure came again.
    pub worked: bool,
    /// The command that followed the remedy, as it was run; empty when it was no command.
    pub example: String,
}

impl Digest {
    /// The digest of a session's findings, with the trials of what it had been `given`.
    #[must_use]
    pub fn of(
        findings: &Findings,
        calls: &[Call],
        given: &GivenLessons,
        started_seconds: u64,
    ) -> Self {
        let seen = |worked: bool| {
            move |pitfall: &Pitfall| {
                let situation = &pitfall.situation;
                let lesson = key_of(situation, &pitfall.remedy, true)?;
                let command = calls.get(pitfall.answered_at).and_then(|call| call.command.as_ref());
                let command = command.map_or("", |line| line.lines().next().unwrap_or_default());
                let example = beginning(command, MAX_EXAMPLE_BYTES).to_owned();
                Some(Seen { lesson, public: situation.public, worked, example })
            }
        };
        let worked = findings.pitfalls.iter().filter_map(seen(true));
        let failed = findings.attempts.iter().filter_map(seen(false));
        Self {
            version: DIGEST_VERSION,
            started_seconds,
            failures: u32::try_from(findings.failures.len()).unwrap_or(u32::MAX),
            seen: worked.chain(failed).take(MAX_SEEN).collect(),
            practices: findings.practices.iter().filter_map(of_practice).take(MAX_SEEN).collect(),
            trials: findings.trials(given).into_iter().take(MAX_SEEN).collect(),
        }
    }
}
