//! Evolve: better text for a skill, from public bytes only.
//!
//! The template writer is the library's own rendering ([`Library::render`]): topic words, when to use
//! it, worked examples with placeholders, checks, prose. A model may improve the wording: it is given a
//! [`Brief`], which is made of the folded library and of nothing else, keeps no state between calls, and
//! its candidate is [`check`]ed before anybody sees it. Nothing here publishes: a candidate is a text on
//! this machine until a person publishes it.
//!
//! Sessions cannot get here, by type:
//! ```compile_fail,E0308
//! use lore_agent::evolve;
//! use lore_session::Session;
//! async fn leak(model: &dyn lore_agent::model::Model, session: &Session) {
//!     let _ = evolve::write(model, session).await;
//! }
//! ```
//! ```compile_fail,E0308
//! use lore_agent::evolve::Brief;
//! use lore_privacy::Private;
//! use lore_protocol::{ids::SkillId, library::Library};
//! fn leak(library: &Private<Library>, skill: SkillId) -> Option<Brief> {
//!     Brief::of(library, skill, 0)
//! }
//! ```
//!
//! [`Library::render`]: lore_protocol::library::Library::render

mod brief;
mod check;
mod prompt;

use std::sync::Arc;

use crate::model::{Model, ModelError, Request};

pub use brief::{Brief, BriefError};
pub use check::{Fault, MAX_GROWTH, check};

/// Most answers that are asked for: the first, and one with the faults of the first.
pub const MAX_CALLS: usize = 2;
/// Most tokens that a model may write: the guidance for bodies.
const MAX_OUTPUT_TOKENS: u32 = 5_000;

/// Why there is no candidate.
#[derive(Debug, thiserror::Error)]
pub enum EvolveError {
    /// The model could not be asked.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The last answer did not pass the check.
    #[error("the model's text was refused: {}; the template's text stays", words(.0))]
    Refused(Vec<Fault>),
}

fn words(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A text that passed the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The whole `SKILL.md`.
    pub text: String,
    /// Calls of the model that it took.
    pub calls: usize,
}

/// Lets a model write a candidate for the skill of `brief`. At most [`MAX_CALLS`] calls; the second one
/// is told what was wrong with the first.
///
/// # Errors
/// Fails when the model fails, or no answer passes the check.
pub async fn write(model: &dyn Model, brief: &Brief) -> Result<Candidate, EvolveError> {
    let mut faults = Vec::new();
    for calls in 1..=MAX_CALLS {
        let request = Request {
            messages: prompt::messages(brief, &faults).into_iter().map(Arc::new).collect(),
            max_output_tokens: Some(MAX_OUTPUT_TOKENS),
            temperature_milli: Some(0),
            ..Request::default()
        };
        let answer = model.complete(&request, &mut |_| {}).await?;
        match brief.with_text(&answer.text) {
            Ok(text) => {
                faults = check(brief, &text);
                if faults.is_empty() {
                    return Ok(Candidate { text, calls });
                }
            }
            Err(fault) => faults = vec![fault],
        }
    }
    Err(EvolveError::Refused(faults))
}
