//! `skill evolve`: a candidate text for a shared skill, on this machine only.

use std::path::{Path, PathBuf};

use lore_agent::evolve::{self, Brief, EvolveError};
use lore_agent::model::{Dialect, Endpoint, EndpointError, HttpModel};
use lore_control::SkillBrief;
use lore_protocol::skill::{self, SKILL_MD};
use serde::Serialize;

use super::Context;
use super::args::EvolveArgs;
use super::replay::words;
use crate::error::CliError;
use crate::host;
use crate::output::{self, Progress, ProgressMode};

/// Output of `--json`.
#[derive(Serialize)]
struct Candidate {
    name: String,
    writer: &'static str,
    calls: usize,
    lessons: usize,
    path: Option<PathBuf>,
    replay: Option<lore_agent::replay::Replay>,
    text: String,
    published: bool,
}

pub(super) fn evolve(context: &Context, args: &EvolveArgs) -> Result<(), CliError> {
    // Nothing but this brief goes to the writer, and nothing here opens the store of sessions.
    let given = context.ask(SkillBrief { name: args.name.clone() })?;
    let brief = host::read_brief(&given)?;
    let (text, calls) = match &args.model {
        Some(url) => by_model(url, args, &brief)?,
        None => (brief.text().to_owned(), 0),
    };
    let name = skill::parse(text.as_bytes())
        .ok()
        .and_then(|document| document.name().map(str::to_owned))
        .ok_or_else(|| CliError::failed("candidate", "the candidate has no name"))?;
    let replay = args.replay.of(&text)?;
    let path = args.out.as_deref().map(|dir| keep(dir, &name, &text)).transpose()?;
    let value = Candidate {
        name,
        writer: if args.model.is_some() { "model" } else { "template" },
        calls,
        lessons: brief.lessons().len(),
        path,
        replay,
        text,
        published: false,
    };
    let proof =
        value.replay.as_ref().map_or_else(String::new, |replay| format!("\n{}", words(replay)));
    output::result(&value, context.json, |value| match &value.path {
        Some(path) => format!(
            "a candidate of {} is in {}{proof}\nit is on this machine only: read it; when it is better, \
             `lore skill publish {}` offers it to the federation",
            value.name,
            path.display(),
            path.parent().unwrap_or(path).display()
        ),
        None => value.text.clone(),
    })
}

fn by_model(url: &str, args: &EvolveArgs, brief: &Brief) -> Result<(String, usize), CliError> {
    let wrong = |error: EndpointError| CliError::usage(error).kind("bad_endpoint");
    let dialect = match args.dialect.as_str() {
        "anthropic" => Dialect::Anthropic,
        _ => Dialect::OpenAiChat,
    };
    let mut endpoint = Endpoint::new(url, dialect, &args.model_name).map_err(wrong)?;
    if let Some(variable) = &args.key_env {
        let key = std::env::var(variable).map_err(|_| {
            CliError::usage(format!("the environment variable {variable} is not set"))
                .help("--key-env names the variable that holds the key, it is not the key itself")
        })?;
        endpoint = endpoint.with_key(key.into()).map_err(wrong)?;
    }
    let model = HttpModel::new(endpoint).map_err(wrong)?;
    let progress = Progress::start(ProgressMode::Auto, 0, "the model is writing");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("runtime", error))?;
    let written = runtime.block_on(evolve::write(&model, brief));
    progress.finish();
    match written {
        Ok(candidate) => Ok((candidate.text, candidate.calls)),
        Err(error @ EvolveError::Model(_)) => Err(CliError::failed("model", error)
            .help("without --model the text is written from the template")),
        Err(error @ EvolveError::Refused(_)) => Err(CliError::refused("candidate_refused", error)
            .help("try a larger model; without --model the text is written from the template")),
    }
}

/// Writes the candidate as a skill directory. Another text that stands there is left alone.
fn keep(dir: &Path, name: &str, text: &str) -> Result<std::path::PathBuf, CliError> {
    let path = dir.join(name).join(SKILL_MD);
    let failed = |error: std::io::Error| {
        CliError::failed("out", format!("cannot write {}: {error}", path.display()))
            .help("choose another directory with --out")
    };
    match std::fs::read(&path) {
        Ok(standing) if standing != text.as_bytes() => {
            return Err(CliError::failed(
                "already_exists",
                format!("{} holds another text and is left as it is", path.display()),
            )
            .help("choose another directory with --out, or remove it"));
        }
        Ok(_) => return Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    std::fs::create_dir_all(dir.join(name))
        .and_then(|()| std::fs::write(&path, text))
        .map_err(failed)?;
    Ok(path)
}
