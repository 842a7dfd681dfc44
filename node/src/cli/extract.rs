//! `session extract`: a model's pass over sessions, one at a time.

use lore_agent::extract::{self, ExtractError, Reader};
use lore_agent::model::{HttpModel, ModelError};
use lore_session::Session;
use serde_json::{Value, json};

use super::Context;
use super::args::ExtractArgs;
use crate::error::CliError;
use crate::models;
use crate::output::{self, Progress, ProgressMode};

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
    let found = context.ask("session.unread", json!({}))?;
    let unread: Vec<&str> =
        found["keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let progress = Progress::start(ProgressMode::Auto, unread.len() as u64, "the model reads");
    let (mut read, mut proposed, mut admitted, mut silent) = (0_u64, 0, 0, 0_u64);
    for key in &unread {
        let session = context.ask("session.at", json!({ "name": key }))?;
        let session: Session =
            serde_json::from_value(session).map_err(|error| CliError::failed("session", error))?;
        // Every request is made anew from one session.
        let proposals = match runtime.block_on(extract::propose(&model, reader, &session)) {
            Ok(proposals) => proposals.expose_to_owner().clone(),
            // Both depend on this session alone, so that they are an answer to it.
            Err(ExtractError::NoProposals | ExtractError::Model(ModelError::Overflow { .. })) => {
                silent += 1;
                Vec::new()
            }
            Err(ExtractError::Model(error)) => {
                return Err(CliError::failed("model", error).help(format!(
                    "{read} sessions were read now, which is kept; the same command goes on with the rest, and \
                     nothing of it counts before that"
                )));
            }
        };
        let kept =
            context.ask("session.propose", json!({ "session": key, "lessons": proposals }))?;
        read += 1;
        proposed += kept["proposed"].as_u64().unwrap_or(0);
        admitted += kept["admitted"].as_u64().unwrap_or(0);
        progress.advance(1);
    }
    progress.finish();
    if !unread.is_empty() {
        context.ask("session.pass", json!({}))?;
    }
    let value = json!({
        "model": label,
        "read": read,
        "proposed": proposed,
        "admitted": admitted,
        "without_an_answer": silent,
        "private": true,
    });
    output::result(&value, context.json, |_| {
        let silent = if silent > 0 {
            format!("; of {silent} it made no list, which are not asked about again")
        } else {
            String::new()
        };
        format!(
            "{read} sessions read{silent}\n{proposed} lessons proposed, {admitted} of them stand \
             in their session and keep to the grammar\nthey are private: see `lore lessons`; what may be \
             released of them, the budget decides"
        )
    })
}
