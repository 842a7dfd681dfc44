//! Extract: the keys that one session may contribute, from the miner and, when there is one, a model.
//!
//! A model reads **one** session: the request is made anew for it, holds nothing of another, and nothing
//! is remembered afterwards. What it answers is a list of [`Proposal`]s, which the grammar admits or
//! drops ([`admit`]); those that stand join the miner's key in competing for the user's slots. A model
//! can therefore widen what is looked at, and can put nothing into a key that is not in the session.

mod prompt;
mod reply;

use std::sync::Arc;

use lore_privacy::Private;
use lore_protocol::lesson::{self, Bundle, Lesson, Proposal, admit};

use crate::model::{Message, Model, ModelError, Request};
use crate::session::Session;

pub use prompt::Reader;

/// Most bundles of one session, the miner's among them.
pub const MAX_BUNDLES: usize = 3;
/// Most tokens that a model may write about a session.
const MAX_OUTPUT_TOKENS: u32 = 800;

/// Why a model's pass over a session gave nothing. Free of the session's content.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The model could not be asked.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// What it said is no list of proposals.
    #[error("the model's answer holds no list of proposals; only what the miner found counts")]
    NoProposals,
}

/// What one session may contribute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extracted {
    /// The bundles that compete for the user's slots; the miner's, when it has one, is the first.
    pub bundles: Vec<Bundle>,
    /// Proposals of the model.
    pub proposed: usize,
    /// Of these, admitted by the grammar.
    pub admitted: usize,
}

/// What the miner alone finds.
#[must_use]
pub fn mined(session: &Session) -> Private<Extracted> {
    Private::new(extracted(session, &[]))
}

/// What the miner finds and what a model proposes for the same session.
///
/// # Errors
/// When the model fails or answers something else; the miner's keys are then to be had by [`mined`].
pub async fn with_model(
    model: &dyn Model,
    reader: Reader,
    session: &Session,
) -> Result<Private<Extracted>, ExtractError> {
    let request = Request {
        messages: prompt::messages(reader, session).into_iter().map(Arc::new).collect(),
        max_output_tokens: Some(MAX_OUTPUT_TOKENS),
        temperature_milli: Some(0),
        ..Request::default()
    };
    let answer = model.complete(&request, &mut |_| {}).await?;
    let proposals = reply::proposals(&answer.text).ok_or(ExtractError::NoProposals)?;
    Ok(Private::new(extracted(session, &proposals)))
}

/// What a model would be asked about a session, for whoever wants to see it.
#[must_use]
pub fn question(reader: Reader, session: &Session) -> Private<Vec<Message>> {
    Private::new(prompt::messages(reader, session))
}

fn extracted(session: &Session, proposals: &[Proposal]) -> Extracted {
    let trace = session.trace();
    let admitted: Vec<Lesson> = admit(&trace, proposals);
    let count = admitted.len();
    let mut bundles: Vec<Bundle> = lesson::mine(&trace).into_iter().collect();
    let topics = lesson::topics(&trace.task);
    for primary in admitted {
        if bundles.len() == MAX_BUNDLES {
            break;
        }
        if bundles.iter().all(|bundle| bundle.primary != primary) {
            bundles.push(Bundle { primary, topics: topics.clone() });
        }
    }
    Extracted { bundles, proposed: proposals.len(), admitted: count }
}
