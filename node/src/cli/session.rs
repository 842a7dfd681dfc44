//! `session`.

use std::path::{Path, PathBuf};

use lore_agent::import::{self, Format};
use lore_agent::session::{Session, Started};
use serde_json::{Value, json};

use super::Context;
use super::args::{ImportArgs, SessionVerb};
use crate::error::CliError;
use crate::host::now_seconds;
use crate::output::{self, Progress, ProgressMode};

/// Sessions handed over at once, in bytes of JSON: well below a control line.
const CHUNK_BYTES: usize = 4 << 20;

pub(super) fn session(context: &Context, verb: SessionVerb) -> Result<(), CliError> {
    match verb {
        SessionVerb::Import(args) => import(context, &args),
        SessionVerb::List(args) => {
            let list = context.ask("session.list", json!({ "limit": args.limit }))?;
            output::result(&list, context.json, |list| {
                let lines = list["sessions"].as_array().into_iter().flatten().map(|session| {
                    format!(
                        "{}  {:8}  {}  {}\n",
                        str_of(session, "started"),
                        str_of(session, "outcome"),
                        str_of(session, "id"),
                        str_of(session, "task")
                    )
                });
                format!("{}{} sessions", lines.collect::<String>(), list["total"])
            })
        }
        SessionVerb::Extract(args) => super::extract::extract(context, &args),
        SessionVerb::Show(args) => {
            let shown = context.ask("session.show", json!({ "name": args.name }))?;
            output::result(&shown, context.json, |shown| {
                serde_json::to_string_pretty(shown).unwrap_or_default()
            })
        }
    }
}

fn str_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn import(context: &Context, args: &ImportArgs) -> Result<(), CliError> {
    let format = match args.format.as_str() {
        "auto" => None,
        name => Some(name.parse::<Format>().map_err(|error| {
            CliError::usage(format!("--format {name}: {error}"))
                .help("use auto, lore, claude-code or openai-chat")
        })?),
    };
    let user = args.user.clone().unwrap_or_else(account);
    let files = files(&args.path)?;
    let progress = Progress::start(ProgressMode::Auto, files.len() as u64, "reading sessions");
    let (mut imported, mut known, mut warnings, mut users) = (0, 0, Vec::new(), 0);
    let mut too_few = Value::Null;
    let mut chunk: Vec<Session> = Vec::new();
    let mut chunk_bytes = 0;
    let mut flush = |chunk: &mut Vec<Session>| -> Result<(), CliError> {
        let sessions = std::mem::take(chunk);
        let done = context.ask("session.import", json!({ "user": user, "sessions": sessions }))?;
        imported += done["imported"].as_u64().unwrap_or(0);
        known += done["known"].as_u64().unwrap_or(0);
        users = done["users"].as_u64().unwrap_or(0);
        too_few = done["too_few"].clone();
        Ok(())
    };
    for file in &files {
        let read = read(file, format)?;
        warnings.extend(read.warnings.iter().map(|w| format!("{}: {w}", file.display())));
        for mut session in read.sessions {
            if session.started.unix_seconds == 0 {
                // The source does not say when; it belongs to the time at which it came in.
                session.started = Started::at(now_seconds());
            }
            chunk_bytes += serde_json::to_vec(&session).map_or(0, |bytes| bytes.len());
            chunk.push(session);
            if chunk_bytes > CHUNK_BYTES {
                flush(&mut chunk)?;
                chunk_bytes = 0;
            }
        }
        progress.advance(1);
    }
    flush(&mut chunk)?;
    progress.finish();
    let value = json!({
        "imported": imported, "known": known, "users": users, "files": files.len(),
        "warnings": warnings, "too_few": too_few,
    });
    output::result(&value, context.json, |value| {
        let noted: String = warnings.iter().map(|w| format!("note: {w}\n")).collect();
        let few = value["too_few"].as_array().into_iter().flatten();
        let few: String = few.filter_map(Value::as_str).map(|line| format!("\n! {line}")).collect();
        format!(
            "{noted}{imported} sessions imported for user `{user}`, {known} were here already; \
             this node has sessions of {users} users{few}"
        )
    })
}

fn read(file: &Path, format: Option<Format>) -> Result<import::Import, CliError> {
    let bytes = std::fs::read(file).map_err(|error| {
        CliError::failed("unreadable", format!("cannot read {}: {error}", file.display()))
    })?;
    let format = format.or_else(|| import::detect(&bytes)).ok_or_else(|| {
        CliError::failed(
            "unknown_format",
            format!("{} is not a session file of a known kind", file.display()),
        )
        .help("say what it is with --format lore, claude-code or openai-chat")
    })?;
    import::read(format, &bytes).map_err(|error| {
        CliError::failed("unreadable_session", format!("{}: {error}", file.display()))
    })
}

/// The file, or the `.jsonl` and `.json` files below the directory, by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |path: &Path, error: std::io::Error| {
        CliError::failed("unreadable", format!("cannot read {}: {error}", path.display()))
    };
    let meta = std::fs::metadata(path).map_err(|error| failed(path, error))?;
    if !meta.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).map_err(|error| failed(&directory, error))? {
            let entry = entry.map_err(|error| failed(&directory, error))?;
            let kind = entry.file_type().map_err(|error| failed(&directory, error))?;
            let path = entry.path();
            let session = path.extension().is_some_and(|e| e == "jsonl" || e == "json");
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() && session {
                found.push(path);
            }
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(CliError::usage(format!(
            "there is no .jsonl or .json file below {}",
            path.display()
        )));
    }
    Ok(found)
}

/// The account of the operating system.
pub(super) fn account() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "local".into())
}
