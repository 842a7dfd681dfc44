//! Select: which few skills a task is shown, out of a whole library.
//!
//! An [`Index`] over skill texts ranks by BM25 with weighted fields, puts skills of a program that the query names
//! before others, moves that ranking by the evidence that the library has, and offers what fits a token budget: three by default, never everything.
//! Nothing here depends on anybody's sessions: texts and evidence are public, and the query is the
//! task's own.

mod evidence;
mod index;
mod offer;
mod programs;
mod skill_text;
mod terms;

pub use evidence::Evidence;
pub use index::{Index, MAX_QUERY_BYTES, MAX_QUERY_TERMS};
pub use offer::{Hit, Offer};
pub use skill_text::{
    MAX_SKILL_BYTES, MAX_SKILLS, PassedOver, Scan, SelectError, SkillText, read_skill_file,
    skill_file,
};
