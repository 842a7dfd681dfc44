//! Lessons: the closed grammar in which new knowledge may leave a node.
//!
//! Every value here is canonical by construction: a [`Token`] is normalised text, a [`Word`] is in the
//! public vocabulary, and decoding checks both. Two sessions that learnt the same thing therefore give
//! the same key, and the privacy door can count supporters by key.

mod grammar;
mod token;

pub use grammar::{Action, ErrorClass, Lesson, LessonKey, Op, Trigger};
pub use token::{MAX_TOKEN_BYTES, Token, TokenError, Word};

use crate::ids::{FederationId, RevisionId, SkillId};
/// stub
pub fn skill_id(f: FederationId, l: &Lesson) -> SkillId {
    SkillId::derive("stub", &[f.as_bytes(), l.trigger.tool.as_str().as_bytes()])
}
/// stub
pub fn virtual_base(s: SkillId) -> RevisionId {
    RevisionId::derive("stub", &[s.as_bytes()])
}
