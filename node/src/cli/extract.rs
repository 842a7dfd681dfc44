//! `session extract`: a model's pass over sessions, one at a time.

use lore_agent::extract::{self, Reader};
use lore_agent::model::{HttpModel, Retries};
use lore_control::{ProposedKind, ProposedLesson, SessionAt, SessionPropose, SessionUnread};
use lore_protocol::lesson::{self, Proposal};
use serde::Serialize;

use super::Context;
use super::args::ExtractArgs;
use crate::error::CliError;
use crate::models;
use crate::output::{self, Progress, ProgressMode};

/// Output of `--json`.
#[derive(Serialize)]
struct Extracted {
    model: String,
    read: u64,
    proposed: u64,
    admitted: u64,
    without_an_answer: u64,
    private: bool,
    /// True when every session that no model had read was read now.
    pass_complete: bool,
}

pub(super) fn extract(context: &Context, args: &ExtractArgs) -> Result<(), CliError> {
    let chosen = models::resolve(&context.home, args.model.as_deref())?;
    let label = chosen.label();
    let model = HttpModel::new(chosen.endpoint)
        .map_err(|error| CliError::usage(error).kind("bad_endpoint"))?;
    let reader = if args.large { Reader::Large } else { Reader::Small };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("runtime", error))?;
    let mut unread = context.ask(SessionUnread {})?.keys;
    // The next call continues with the rest.
    let whole = args.limit.is_none_or(|limit| limit >= unread.len());
    unread.truncate(args.limit.unwrap_or(usize::MAX));
    let progress = Progress::start(ProgressMode::Auto, unread.len() as u64, "the model reads");
    let (mut read, mut proposed, mut admitted, mut silent) = (0_u64, 0_u64, 0_u64, 0_u64);
    for key in &unread {
        let stored = context.ask(SessionAt { key: key.clone() })?;
        let session = super::session::read(&stored.session)?;
        // Every request is made from one session alone.
        let asked = extract::ask(&model, reader, &session, Retries::default());
        let answer = runtime.block_on(asked).map_err(|error| {
            CliError::failed("model", error).help(format!(
                "{read} sessions were read now, which is kept; the same command continues with the rest, and a \
                 user's proposals count when all of that user's sessions were read"
            ))
        })?;
        let proposals = answer.expose_to_owner().clone();
        silent += u64::from(proposals.is_none());
        let lessons = proposals.unwrap_or_default().into_iter().map(proposed_lesson).collect();
        let kept = context.ask(SessionPropose { session: key.clone(), lessons })?;
        read += 1;
        proposed += kept.proposed;
        admitted += kept.admitted;
        progress.advance(1);
    }
    progress.finish();
    let value = Extracted {
        model: label,
        read,
        proposed,
        admitted,
        without_an_answer: silent,
        private: true,
        pass_complete: whole,
    };
    output::result(&value, context.json, |_| {
        let silent = if silent > 0 {
            format!("; of {silent} it made no list, which are not asked about again")
        } else {
            String::new()
        };
        format!(
            "{read} sessions read{silent}\n{proposed} lessons proposed, {admitted} of them stand \
             in their session and keep to the grammar\nthey are private: see `lore lesson preview`; what may be \
             released of them, the budget decides"
        )
    })
}

fn proposed_lesson(proposal: Proposal) -> ProposedLesson {
    use lesson::ProposedKind as K;
    let kind = match proposal.kind {
        K::Example => ProposedKind::Example,
        K::Avoid => ProposedKind::Avoid,
        K::UseArgument => ProposedKind::UseArgument,
        K::AddFlag => ProposedKind::AddFlag,
        K::DropFlag => ProposedKind::DropFlag,
        K::RunFirst => ProposedKind::RunFirst,
        K::UseTool => ProposedKind::UseTool,
        K::SetEnv => ProposedKind::SetEnv,
        K::Install => ProposedKind::Install,
        K::UseEndpoint => ProposedKind::UseEndpoint,
        K::CheckThat => ProposedKind::CheckThat,
        K::Order => ProposedKind::Order,
    };
    ProposedLesson { kind, text: proposal.text, then: proposal.then }
}
