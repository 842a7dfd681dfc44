//! The grammar itself.

use bincode::{Decode, Encode};

use super::{Token, Word};
use crate::codec;
use crate::ids::{LessonId, SkillId};

/// What kind of advice a lesson is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
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

/// The public taxonomy of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum ErrorClass {
    /// No failure is involved.
    None,
    /// A failure that no recogniser knows.
    Other,
}

/// The situation in which a lesson applies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Trigger {
    /// Normalised command or tool name.
    pub tool: Token,
    /// What went wrong.
    pub error: ErrorClass,
    /// One normalised token: a port, module, flag, path class or header.
    pub subject: Option<Token>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Action {
    /// A command line that worked, values of the task replaced by placeholders.
    Example(Token),
}

/// One lesson, canonical by construction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Lesson {
    /// The skill it belongs to; none starts or joins a skill by its group key.
    pub skill: Option<SkillId>,
    /// The kind of advice.
    pub op: Op,
    /// When it applies.
    pub trigger: Trigger,
    /// What to do.
    pub action: Action,
}

impl Lesson {
    /// The id: a hash of the canonical bytes.
    #[must_use]
    pub fn id(&self) -> LessonId {
        LessonId::derive("commonlore/lesson/v1", &[&codec::encode(self)])
    }
}

/// What passes the privacy door: a lesson, or a topic word for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum LessonKey {
    /// The lesson itself.
    Primary(Lesson),
    /// A word of the public vocabulary that goes with a lesson.
    Topic {
        /// The lesson.
        lesson: LessonId,
        /// The word.
        word: Word,
    },
}
