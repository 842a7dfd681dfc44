//! Extract: the keys that one session may contribute, from the miner and, when there is one, a model.
//!
//! A model reads **one** session: each request is made for one, holds nothing of another, and nothing is
//! remembered afterwards. What it answers is a list of [`Proposal`]s, which the grammar admits or drops
//! (`lore_protocol::lesson::admit_within`); those that stand join the miner's key in competing for the
//! user's slots. A model can therefore widen what is looked at, and can put nothing into a key that is not
//! in the session.

mod prompt;
mod reply;

use std::collections::BTreeMap;
use std::sync::Arc;

use lore_privacy::Private;
use lore_protocol::lesson::{self, Bundle, Lesson, Proposal, admit_within, mine_within};
use lore_protocol::steps::Steps;

use crate::model::{Message, Model, ModelError, Request, Retries, random};
use lore_session::Session;

pub use prompt::Reader;

/// Most bundles of one session that are a worked example or a model's, beside what its failures teach.
pub const MAX_MODEL_BUNDLES: usize = 3;
/// Most tokens that a model may write about a session.
const MAX_OUTPUT_TOKENS: u32 = 800;

/// Why a model's pass over a session gave nothing. Free of the session's content.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The model could not be asked.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Its answer is no list of proposals.
    #[error("the model's answer holds no list of proposals; only what the miner found counts")]
    NoProposals,
}

/// Contribution of one session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extracted {
    /// The bundles: the worked example, when there is one, what a model proposed, then what its failures teach.
    pub bundles: Vec<Bundle>,
    /// Proposals of the model.
    pub proposed: usize,
    /// Of these, admitted by the grammar.
    pub admitted: usize,
    /// Remedies that were tried, and whether they worked the last time: what the session speaks for on a ballot.
    pub tried: BTreeMap<Lesson, bool>,
}

/// Returns what a session may contribute: what the miner finds, and what is admitted of its proposals when
/// count, which they do when every session of its unit was read.
#[must_use]
pub fn of(session: &Session, proposals_count: bool) -> Private<Extracted> {
    let proposals = session.proposals.as_ref().filter(|_| proposals_count);
    Private::new(extracted(session, proposals.map_or(&[][..], |proposals| &proposals.lessons)))
}

/// Returns true when proposals could add anything: a session in which nothing failed admits none.
#[must_use]
pub fn may_admit(session: &Session) -> bool {
    let calls = session.turns.iter().flat_map(|turn| &turn.calls);
    calls.into_iter().any(|call| call.failed || call.exit.is_some_and(|exit| exit != 0))
}

/// Returns true when a model has still to read the session.
#[must_use]
pub fn is_unread(session: &Session) -> bool {
    session.proposals.is_none() && may_admit(session)
}

/// Asks a model about one session in a pass over many, for its proposals or none.
///
/// A session that the model refuses, cannot hold or never answers has none, and the pass continues: one
/// session must not decide whether the others are read. Only what says nothing about the session ends it:
/// an endpoint that is not there or does not take the key, and then not for a fixed question either.
///
/// # Errors
/// Fails when the endpoint cannot be used.
pub async fn ask(
    model: &dyn Model,
    reader: Reader,
    session: &Session,
    retries: Retries,
) -> Result<Private<Option<Vec<Proposal>>>, ModelError> {
    let mut done = 0;
    loop {
        let error = match propose(model, reader, session).await {
            Ok(proposals) => return Ok(proposals.map(Some)),
            Err(ExtractError::NoProposals) => return Ok(Private::new(None)),
            Err(ExtractError::Model(error)) => error,
        };
        if let Some(wait) = retries.wait(done, &error, random()) {
            done += 1;
            tokio::time::sleep(wait).await;
            continue;
        }
        let of_the_endpoint = matches!(
            error,
            ModelError::Auth { .. } | ModelError::Billing { .. } | ModelError::Unreachable { .. }
        );
        // Some filters refuse a text with the status of a bad key.
        if of_the_endpoint && !answers(model).await {
            return Err(error);
        }
        return Ok(Private::new(None));
    }
}

/// Returns true when a model answers a question that no session has a part in.
async fn answers(model: &dyn Model) -> bool {
    let request = Request {
        messages: vec![Arc::new(Message::user("Answer with the word yes."))],
        max_output_tokens: Some(16),
        ..Request::default()
    };
    model.complete(&request, &mut |_| {}).await.is_ok()
}

/// Asks a model for proposals for one session, to be stored with it.
///
/// # Errors
/// Fails when the model fails or answers something else; what the miner finds is not touched by that.
pub async fn propose(
    model: &dyn Model,
    reader: Reader,
    session: &Session,
) -> Result<Private<Vec<Proposal>>, ExtractError> {
    let request = Request {
        messages: prompt::messages(reader, session).into_iter().map(Arc::new).collect(),
        max_output_tokens: Some(MAX_OUTPUT_TOKENS),
        temperature_milli: Some(0),
        ..Request::default()
    };
    let answer = model.complete(&request, &mut |_| {}).await?;
    reply::proposals(&answer.text).map(Private::new).ok_or(ExtractError::NoProposals)
}

/// Returns what a model would be asked about a session, for anyone who wants to see it.
#[must_use]
pub fn question(reader: Reader, session: &Session) -> Private<Vec<Message>> {
    Private::new(prompt::messages(reader, session))
}

/// Nothing when the session takes more steps than one may.
fn extracted(session: &Session, proposals: &[Proposal]) -> Extracted {
    let budget = Steps::of_a_session();
    let trace = session.trace();
    let admitted: Vec<Lesson> = admit_within(&trace, proposals, &budget);
    let count = admitted.len();
    let mut bundles: Vec<Bundle> = mine_within(&trace, &budget).into_iter().collect();
    let found = lore_lessons::findings_within(&session.calls(), &session.task, &budget);
    if budget.spent() {
        return Extracted { proposed: proposals.len(), ..Extracted::default() };
    }
    let topics = lesson::topics(&trace.task);
    for primary in admitted {
        if bundles.len() == MAX_MODEL_BUNDLES {
            break;
        }
        if bundles.iter().all(|bundle| bundle.primary != primary) {
            bundles.push(Bundle { primary, topics: topics.clone() });
        }
    }
    // Words of the task say nothing about a tool's pitfall.
    let read = lore_lessons::keys(&found).into_iter();
    bundles.extend(read.map(|primary| Bundle { primary, topics: Vec::new() }));
    Extracted { bundles, proposed: proposals.len(), admitted: count, tried: found.tried() }
}
