//! Lessons of the public grammar, and `lesson.preview`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LessonId, SkillId};

/// One lesson of the grammar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lesson {
    /// The skill it belongs to; null: it starts or joins one by its group key.
    pub skill: Option<SkillId>,
    /// The kind of advice.
    pub op: Op,
    /// When it applies.
    pub trigger: Trigger,
    /// The action.
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
    /// The error: a class of the protocol's taxonomy, such as `missing_header`.
    pub error: String,
    /// A port, module, flag, path class or header; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// The action of a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Run a command line like this.
    Example(String),
    /// Give another argument.
    UseArgument {
        /// The argument that failed.
        old: String,
        /// The argument that worked.
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
    /// When the session began, as RFC 3339 in UTC.
    pub started: String,
    /// The lesson in words.
    pub lesson: String,
    /// Words that it is about.
    pub topics: Vec<String>,
    /// The pattern of the deny-list that keeps it here; null when none does.
    pub denied_by: Option<String>,
}
