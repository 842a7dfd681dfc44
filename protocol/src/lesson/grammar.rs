//! The grammar itself: a closed set of things that a lesson can say.

use std::fmt;

use super::{ErrorClass, Token, Word};
use crate::codec::{self, BorrowDecode, BorrowDecoder, Decode, DecodeFault, Decoder, Encode};
use crate::ids::{LessonId, SkillId};

/// Most bytes of free tokens in a lesson.
pub const MAX_FREE_BYTES: usize = 160;
/// Most bytes of free tokens in a lesson whose action is an example.
pub const MAX_EXAMPLE_BYTES: usize = 240;

/// Kind of advice that a lesson is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize,
)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize)]
pub struct Trigger {
    /// Normalised command or tool name.
    pub tool: Token,
    /// Class of the error.
    pub error: ErrorClass,
    /// One normalised token: a port, module, flag, path class or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Token>,
}

/// Advice of a lesson.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A command line that worked, values of the task replaced by placeholders.
    Example(Token),
    /// Give another argument.
    UseArgument {
        /// The failing argument.
        old: Token,
        /// The working argument.
        new: Token,
    },
    /// Give a flag, with its value when that is no user's.
    AddFlag(Token),
    /// Leave a flag out.
    DropFlag(Token),
    /// Run another command first.
    RunFirst(Token),
    /// Use another tool.
    UseTool(Token),
    /// Set an environment variable.
    SetEnv(Token),
    /// Install a package.
    Install(Token),
    /// Talk to another endpoint: `host:port/path`.
    UseEndpoint(Token),
    /// Check that a predicate holds.
    CheckThat(Token),
    /// Keep an order of two steps.
    Order {
        /// The step that comes first.
        first: Token,
        /// The step that follows.
        then: Token,
    },
    /// Run it in another directory, by its class: `the package's directory`.
    InDirectory(Token),
    /// Make the call with an option of the harness: a permission, a longer time limit.
    WithOption(Token),
    /// Try again after a pause; the token says what was waited for.
    Retry(Token),
}

impl Action {
    /// The free tokens, in order.
    #[must_use]
    pub fn tokens(&self) -> Vec<&Token> {
        match self {
            Self::Example(one)
            | Self::AddFlag(one)
            | Self::DropFlag(one)
            | Self::RunFirst(one)
            | Self::UseTool(one)
            | Self::SetEnv(one)
            | Self::Install(one)
            | Self::UseEndpoint(one)
            | Self::CheckThat(one)
            | Self::InDirectory(one)
            | Self::WithOption(one)
            | Self::Retry(one) => vec![one],
            Self::UseArgument { old, new } => vec![old, new],
            Self::Order { first, then } => vec![first, then],
        }
    }

    /// Most bytes of free tokens in a lesson with this action.
    #[must_use]
    pub const fn limit_bytes(&self) -> usize {
        match self {
            Self::Example(_) => MAX_EXAMPLE_BYTES,
            _ => MAX_FREE_BYTES,
        }
    }
}

/// Why a lesson was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the lesson holds {actual} bytes of free tokens, at most {limit} are allowed")]
pub struct LessonTooLong {
    /// Bytes it holds.
    pub actual: usize,
    /// Bytes it may hold.
    pub limit: usize,
}

/// One lesson, canonical by construction: its fields are read-only and its size is bounded, by
/// [`Lesson::new`] as by decoding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, serde::Serialize)]
pub struct Lesson {
    skill: Option<SkillId>,
    op: Op,
    trigger: Trigger,
    action: Action,
}

impl Lesson {
    /// Makes a lesson. Without a skill it starts or joins one by its group key.
    ///
    /// # Errors
    /// Fails when its free tokens are longer than the action allows.
    pub fn new(
        skill: Option<SkillId>,
        op: Op,
        trigger: Trigger,
        action: Action,
    ) -> Result<Self, LessonTooLong> {
        let subject = trigger.subject.iter().map(Token::len_bytes).sum::<usize>();
        let free = action.tokens().into_iter().map(Token::len_bytes).sum::<usize>();
        let actual = trigger.tool.len_bytes() + subject + free;
        let limit = action.limit_bytes();
        if actual > limit {
            return Err(LessonTooLong { actual, limit });
        }
        Ok(Self { skill, op, trigger, action })
    }

    /// The skill it belongs to; none starts or joins a skill by its group key.
    #[must_use]
    pub const fn skill(&self) -> Option<SkillId> {
        self.skill
    }

    /// The kind of advice.
    #[must_use]
    pub const fn op(&self) -> Op {
        self.op
    }

    /// Situation that it applies to.
    #[must_use]
    pub const fn trigger(&self) -> &Trigger {
        &self.trigger
    }

    /// Its advice.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// The command template when the lesson is a worked example.
    #[must_use]
    pub const fn example(&self) -> Option<&Token> {
        match (&self.op, &self.action) {
            (Op::Avoid, _) => None,
            (_, Action::Example(template)) => Some(template),
            _ => None,
        }
    }

    /// The id: a hash of the canonical bytes.
    #[must_use]
    pub fn id(&self) -> LessonId {
        LessonId::derive("commonlore/lesson/v1", &[&codec::encode(self)])
    }
}

impl<C> Decode<C> for Lesson {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeFault> {
        let skill = Option::<SkillId>::decode(decoder)?;
        let op = Op::decode(decoder)?;
        let trigger = Trigger::decode(decoder)?;
        let action = Action::decode(decoder)?;
        Self::new(skill, op, trigger, action)
            .map_err(|error| DecodeFault::OtherString(error.to_string()))
    }
}

impl<'de, C> BorrowDecode<'de, C> for Lesson {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeFault> {
        <Self as Decode<C>>::decode(decoder)
    }
}

/// Key that passes the privacy door: a lesson, or a topic word for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
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

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Example(command) => write!(f, "run `{command}`"),
            Self::UseArgument { old, new } => write!(f, "use `{new}` instead of `{old}`"),
            Self::AddFlag(flag) => write!(f, "add `{flag}`"),
            Self::DropFlag(flag) => write!(f, "leave out `{flag}`"),
            Self::RunFirst(command) => write!(f, "run `{command}` first"),
            Self::UseTool(tool) => write!(f, "use `{tool}`"),
            Self::SetEnv(name) => write!(f, "set the environment variable `{name}`"),
            Self::Install(package) => write!(f, "install `{package}`"),
            Self::UseEndpoint(endpoint) => write!(f, "use the endpoint `{endpoint}`"),
            Self::CheckThat(predicate) => write!(f, "check that {predicate}"),
            Self::Order { first, then } => write!(f, "run `{first}` before `{then}`"),
            Self::InDirectory(place) => write!(f, "run it in {place}"),
            Self::WithOption(option) => write!(f, "make the call with `{option}`"),
            Self::Retry(reason) => write!(f, "wait and try again ({reason})"),
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.tool)?;
        if let Some(subject) = &self.subject {
            write!(f, " with `{subject}`")?;
        }
        match self.error {
            ErrorClass::None => Ok(()),
            error => write!(f, " fails: {error}"),
        }
    }
}

impl fmt::Display for Lesson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, trigger, action, .. } = self;
        match op {
            Op::Fix => write!(f, "When {trigger}, {action}"),
            Op::Prefer => write!(f, "With {trigger}, {action}"),
            Op::Avoid => write!(f, "When {trigger}, do not {action}"),
            Op::Precondition => write!(f, "Before {trigger}, {action}"),
            Op::Verify => write!(f, "After {trigger}, {action}"),
        }
    }
}

impl fmt::Display for LessonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary(lesson) => lesson.fmt(f),
            Self::Topic { lesson, word } => write!(f, "topic of lesson {}: {word}", lesson.short()),
        }
    }
}
