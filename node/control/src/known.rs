//! Known lessons of the three circles: `lesson.list`, `lesson.why`, `lesson.suggest`, `lesson.hint`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Evidence, FederationId, Lesson, LessonId};

/// Circle that a lesson comes from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Circle {
    /// The user's own sessions. Private: shown to that user only.
    Own,
    /// The same user's sessions on other devices. Private likewise.
    Devices,
    /// Released by this node.
    Node,
    /// Released or written by other members.
    Federation,
    /// Public texts that come with the program.
    Codebook,
}

/// Arguments of `lesson.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonList {
    /// Name of the user whose own lessons are listed.
    pub user: String,
    /// Only this circle; null: all but the codebook.
    pub circle: Option<Circle>,
    /// Only programs that begin like this; empty: all.
    pub program: String,
    /// Only lessons whose remedy stopped working.
    #[serde(default)]
    pub drifting: bool,
    /// Most lessons to list.
    pub limit: usize,
}

/// Known lessons, most often seen first within each circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownLessons {
    /// Failing calls in the user's sessions.
    pub failures: u64,
    /// Number of lessons of each circle before the limit.
    pub totals: Vec<CircleTotal>,
    /// The lessons.
    pub lessons: Vec<KnownLesson>,
}

/// Number of lessons of one circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CircleTotal {
    /// The circle.
    pub circle: Circle,
    /// Its lessons.
    pub lessons: u64,
}

/// One known lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownLesson {
    /// Its id, for `lore lesson why`.
    pub id: LessonId,
    /// Where it comes from.
    pub circle: Circle,
    /// The federation; null for an own lesson and for the codebook.
    pub federation: Option<FederationId>,
    /// The lesson.
    pub lesson: Lesson,
    /// The lesson in words.
    pub text: String,
    /// Times it worked; of a released lesson, its noisy number of people.
    pub worked: u64,
    /// Times the same failure came again after it.
    pub failed: u64,
    /// Sessions in which it worked; of a released lesson, its noisy number of people.
    pub supporters: u64,
    /// The last time it was seen, as RFC 3339 in UTC; null when not known.
    pub last: Option<String>,
    /// A command of the user's own that followed it; null when there is none.
    pub example: Option<String>,
    /// State of its remedy in the evidence that federations released. Only steady ones are hinted; of the user's
    /// own, dormant ones too.
    pub state: LessonState,
}

/// State of a lesson's remedy in the released evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LessonState {
    /// No change is known.
    Steady,
    /// Its situation is not met any more.
    Dormant {
        /// First epoch without it.
        since_epoch: u32,
    },
    /// Its remedy stopped working.
    Drifting {
        /// Estimated first epoch of the change.
        since_epoch: u32,
    },
}

/// Arguments of `lesson.why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonWhy {
    /// Name of the user whose own sessions may be named.
    pub user: String,
    /// The lesson's id, or at least four digits of its beginning.
    pub id: String,
}

/// Reasons to know a lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedLesson {
    /// The lesson, once for each circle that knows it.
    pub known: Vec<KnownLesson>,
    /// Lessons that answer the same failure in another way, once for each circle that knows them.
    pub rivals: Vec<KnownLesson>,
    /// The user's own sessions in which it was seen, newest first. Private.
    pub sessions: Vec<Witness>,
    /// The user's other devices that know it. Private.
    pub devices: Vec<DeviceWitness>,
    /// Words of the user's own agents about it. Private.
    pub reports: Reported,
    /// Trials of it in the user's own sessions. Private.
    pub trials: OwnTrials,
    /// Its success in the federation's released evidence where it had been given, and where it had not; absent
    /// without a federation that counts it.
    pub effect: Option<Effect>,
}

/// What a lesson did on another device of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceWitness {
    /// Name of the device, which it chose itself.
    pub device: String,
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// Times it worked.
    pub worked: u64,
    /// Times the same failure came again.
    pub failed: u64,
}

/// Sessions to which a lesson had been given, by what followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnTrials {
    /// The remedy was followed and worked.
    pub helped: u64,
    /// The remedy was followed, and the same failure came again.
    pub hurt: u64,
    /// Something else was done.
    pub ignored: u64,
}

/// Success of a remedy, apart by what sessions had been given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// Where the lesson had been given as a hint or in a skill; absent without evidence.
    pub given: Option<Evidence>,
    /// Where it had not; absent without evidence.
    pub without: Option<Evidence>,
}

/// Times that agents reported an outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// It helped.
    pub helped: u64,
    /// It did not.
    pub not_helped: u64,
}

/// A session in which a remedy was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Witness {
    /// Id of the session, for `lore session show`.
    pub session: String,
    /// Its start, as RFC 3339 in UTC.
    pub started: String,
    /// Times it worked there.
    pub worked: u64,
    /// Times the same failure came again there.
    pub failed: u64,
    /// The command that followed it; null when it was no command.
    pub example: Option<String>,
}

/// Arguments of `lesson.suggest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonSuggest {
    /// Name of the user whose own lessons are offered.
    pub user: String,
    /// Most lessons to offer.
    pub limit: usize,
}

/// Own lessons that may help others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suggestions {
    /// The lessons, the most repeated first.
    pub lessons: Vec<Suggestion>,
}

/// One own lesson as it would be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suggestion {
    /// Its id, for `lore lesson share`.
    pub id: LessonId,
    /// Everything that would be published.
    pub text: String,
    /// The command it was learnt from, which is not published; null when there is none.
    pub masked: Option<String>,
    /// Sessions in which it worked.
    pub sessions: u64,
    /// Times it worked.
    pub worked: u64,
    /// Times the same failure came again after it.
    pub failed: u64,
    /// True when a federation of this node has it already.
    pub known: bool,
    /// The pattern of the deny-list that keeps it here; null when none does.
    pub denied_by: Option<String>,
}

/// Arguments of `lesson.hint`: one call, and what is known about its failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonHint {
    /// Name of the user whose own lessons may answer.
    pub user: String,
    /// Tool as the harness names it.
    pub tool: String,
    /// Command line; null when the tool is no shell.
    pub command: Option<String>,
    /// Output of the call; null before the call.
    pub output: Option<String>,
    /// Exit status; null when not known.
    pub exit: Option<i32>,
    /// The user's task, whose words are masked in messages; may be empty.
    #[serde(default)]
    pub task: String,
}

/// Answer to a failing call: at most one hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hinted {
    /// The hint; null when nothing is known.
    pub hint: Option<HintShown>,
}

/// One hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HintShown {
    /// The lesson's id.
    pub id: LessonId,
    /// Where it comes from.
    pub circle: Circle,
    /// True when it was learnt from the same message.
    pub exact: bool,
    /// True when the command line is a known failing form; false when the failure itself was recognised.
    pub advice: bool,
    /// Text for the agent, at most 400 bytes. Data, never an instruction.
    pub text: String,
}
