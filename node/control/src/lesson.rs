//! Lessons of the public grammar, `lesson.preview`, and hand-written lessons that wait to be signed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FederationId, Hash, LessonId, SkillId};

/// One lesson of the grammar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lesson {
    /// The skill it belongs to; null: it starts or joins one by its group key.
    pub skill: Option<SkillId>,
    /// The kind of advice.
    pub op: Op,
    /// Situation that it applies to.
    pub trigger: Trigger,
    /// Its advice.
    pub action: Action,
}

/// The kind of advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// After this failure, do that.
    Fix,
    /// Do it this way from the start.
    Prefer,
    /// Do not do this.
    Avoid,
    /// This must hold before.
    Precondition,
    /// This must hold after.
    Verify,
}

/// The situation in which a lesson applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trigger {
    /// Command or tool.
    pub tool: String,
    /// Class of the error, of the protocol's taxonomy, such as `missing_header`.
    pub error: String,
    /// A port, module, flag, path class or header; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Advice of a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Run a command line like this.
    Example(String),
    /// Give another argument.
    UseArgument {
        /// The failing argument.
        old: String,
        /// The working argument.
        new: String,
    },
    /// Give a flag.
    AddFlag(String),
    /// Leave a flag out.
    DropFlag(String),
    /// Run another command first.
    RunFirst(String),
    /// Use another tool.
    UseTool(String),
    /// Set an environment variable.
    SetEnv(String),
    /// Install a package.
    Install(String),
    /// Talk to another endpoint.
    UseEndpoint(String),
    /// Check that a predicate holds.
    CheckThat(String),
    /// Keep an order of two steps.
    Order {
        /// The step that comes first.
        first: String,
        /// The step that follows.
        then: String,
    },
    /// Run it in another directory, by its class.
    InDirectory(String),
    /// Make the call with an option of the harness.
    WithOption(String),
    /// Try again after a pause.
    Retry(String),
}

/// A key that a lesson release can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LessonKey {
    /// The lesson itself.
    Primary(Lesson),
    /// A word of the public vocabulary that goes with a lesson.
    Topic {
        /// The lesson.
        lesson: LessonId,
        /// The word.
        word: String,
    },
}

/// Arguments of `lesson.preview`: lessons mined from this node's own sessions. Private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonPreview {
    /// Most lessons to show, newest session first.
    pub limit: usize,
}

/// Lessons mined from this node's own sessions. They never leave the node in this form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewedLessons {
    /// Always true: this is for the owner's screen.
    pub private: bool,
    /// The lessons.
    pub lessons: Vec<PreviewedLesson>,
}

/// One lesson of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewedLesson {
    /// Id of the session.
    pub session: String,
    /// Start of the session, as RFC 3339 in UTC.
    pub started: String,
    /// The lesson in words.
    pub lesson: String,
    /// Words that it is about.
    pub topics: Vec<String>,
    /// The pattern of the deny-list that keeps it here; null when none does.
    pub denied_by: Option<String>,
}

/// Arguments of `lesson.pending`: hand-written lessons that wait to be signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonPending {}

/// Arguments of `lesson.undo`: withdraw a hand-written lesson before it is signed. No verb adds one: that
/// needs a person at a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonUndo {
    /// Its id, or at least four digits of its beginning.
    pub id: String,
}

/// Hand-written lessons that wait to be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PendingLessons {
    /// The lessons, the next one first.
    pub lessons: Vec<PendingLesson>,
}

/// One hand-written lesson that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PendingLesson {
    /// Id, for `lore lesson undo`.
    pub id: Hash,
    /// Its federation.
    pub federation: FederationId,
    /// Name of the federation; null when this node does not know it any more.
    pub name: Option<String>,
    /// Text to be published.
    pub text: String,
    /// Time at which a person agreed to it, in seconds since the Unix epoch.
    pub given_seconds: u64,
    /// Time at which it is signed and sent, likewise.
    pub due_seconds: u64,
    /// Seconds until then.
    pub seconds_left: u64,
}
