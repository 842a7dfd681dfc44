//! Lessons: the closed grammar in which new knowledge may leave a node, and the miner that speaks it.
//!
//! Every value here is canonical by construction: a [`Token`] is normalised text, a [`Word`] is in the
//! public vocabulary, a [`Lesson`] is bounded, and decoding checks all three. Two sessions that learnt
//! the same thing therefore give the same key, and the privacy door can count supporters by key.
//!
//! From a session to a key: [`values`] finds what in the task text is the user's own, [`templatise`]
//! takes it out of a command line, [`mine`] picks the command line that did the job. Back, for whoever
//! uses a lesson: [`instantiate`] fills a template with the values of another task.

mod command;
mod error;
mod finder;
mod fix;
mod grammar;
mod group;
mod miner;
mod normal;
mod placeholder;
mod proposal;
mod prose;
mod scrub;
mod shell;
mod spelling;
mod step;
mod template;
mod token;
mod value;
mod vocabulary;

#[cfg(test)]
mod tests;

pub use error::{ErrorClass, MAX_OUTPUT_BYTES};
pub use finder::values;
pub use grammar::{
    Action, Lesson, LessonKey, LessonTooLong, MAX_EXAMPLE_BYTES, MAX_FREE_BYTES, Op, Trigger,
};
pub use group::{GroupKey, group_key, skill_id, virtual_base};
pub use miner::{Bundle, mine, mine_within, worked_within};
pub use normal::normalise;
pub use proposal::{MAX_PROPOSALS, Proposal, ProposedKind, admit, admit_within};
pub use prose::{MAX_TASK_BYTES, documented_command};
pub use shell::{MAX_COMMAND_BYTES, ShellError};
pub use template::{
    TemplateError, instantiate, instantiate_with, normalise_command, templatise, templatise_with,
};
pub use token::{MAX_TOKEN_BYTES, Token, TokenError, Word};
pub use value::{Value, ValueKind};
pub use vocabulary::{MAX_TOPICS, is_language, rank, topic_words, topics, vocabulary_len};
