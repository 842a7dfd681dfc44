//! `session`.

use std::path::Path;

use lore_control::{
    Event, Imported, SessionFormat, SessionImport, SessionLine, SessionList, SessionPlaces,
    SessionShow, Sessions,
};
use lore_session::Session;
use lore_session::import::Format;

use super::Context;
use super::args::{ImportArgs, SessionVerb, UserArgs};
use crate::error::CliError;
use crate::import::places_below;
use crate::output::{self, Progress, ProgressMode};

pub(super) fn session(context: &Context, verb: SessionVerb) -> Result<(), CliError> {
    match verb {
        SessionVerb::Import(args) => import(context, args),
        SessionVerb::List(args) => {
            let list = context.ask(SessionList { limit: args.limit })?;
            output::result(&list, context.json, list_text)
        }
        SessionVerb::Watch(args) => super::session_watch::watch(context, args),
        SessionVerb::Forget(args) => super::session_forget::forget(context, args),
        SessionVerb::Extract(args) => super::extract::extract(context, &args),
        SessionVerb::Show(args) => {
            let shown = context.ask(SessionShow { name: args.name })?;
            output::result(&read(&shown.session)?, context.json, |session| {
                serde_json::to_string_pretty(session).unwrap_or_default()
            })
        }
    }
}

/// The session of a line that the node gave.
pub(crate) fn read(line: &SessionLine) -> Result<Session, CliError> {
    Session::from_line(line.as_str(), 1).map_err(|error| CliError::failed("session", error))
}

fn list_text(list: &Sessions) -> String {
    let lines = list.sessions.iter().map(|session| {
        let outcome = session.outcome.name();
        let kept = match &session.kept_until {
            Some(until) => format!("until {}", until.get(..10).unwrap_or(until)),
            None => "for ever".into(),
        };
        let more = if session.awaits_release { "+" } else { " " };
        let at = format!("{}  {outcome:8}  kept {kept}{more}", session.started);
        format!("{at}  {}  {}\n", session.id, session.task)
    });
    let lines: String = lines.collect();
    let awaiting = list.sessions.iter().any(|session| session.awaits_release);
    let note = if awaiting { "; + longer where a release to come may draw on it" } else { "" };
    format!("{lines}{} sessions{note}", list.total)
}

fn import(context: &Context, args: ImportArgs) -> Result<(), CliError> {
    let user = args.user.unwrap_or_else(account);
    let format = format(&args.format)?;
    let path = match (args.path, args.found) {
        (Some(path), _) => path,
        (None, false) => return offer(context),
        (None, true) => {
            let mut all: Option<Imported> = None;
            for place in found()?.places {
                let done = import_one(context, &user, &place.directory, format, args.again)?;
                all = Some(all.map_or_else(|| done.clone(), |all| sum(all, &done)));
            }
            let none = || CliError::usage("no directory of an agent was found: name one");
            return output::result(&all.ok_or_else(none)?, context.json, |done| {
                import_text(done, &user)
            });
        }
    };
    let done = import_one(context, &user, &path, format, args.again)?;
    output::result(&done, context.json, |done| import_text(done, &user))
}

fn import_one(
    context: &Context,
    user: &str,
    path: &Path,
    format: Option<SessionFormat>,
    again: bool,
) -> Result<Imported, CliError> {
    // The node reads the files itself, wherever it was started.
    let path = std::path::absolute(path)
        .map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
    let wanted = SessionImport { user: user.to_owned(), path, format, again };
    let progress = Progress::start(ProgressMode::Auto, 0, "reading sessions");
    let done = context.ask_with_events(wanted, |Event::Import(step)| {
        progress.detail(format!(
            "{} of {} files, {} sessions",
            step.files_done, step.files, step.sessions
        ));
    });
    progress.finish();
    done
}

/// Both results as one.
fn sum(mut all: Imported, done: &Imported) -> Imported {
    all.imported += done.imported;
    all.known += done.known;
    all.grown += done.grown;
    all.forgotten += done.forgotten;
    all.files += done.files;
    all.users = done.users;
    all.warnings.extend(done.warnings.iter().cloned());
    all.passed_over.extend(done.passed_over.iter().cloned());
    all.too_few.clone_from(&done.too_few);
    all
}

fn found() -> Result<SessionPlaces, CliError> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let home =
        home.ok_or_else(|| CliError::usage("the home directory is not known: name a path"))?;
    Ok(places_below(&home))
}

/// Lists the directories of agents; nothing is imported.
fn offer(context: &Context) -> Result<(), CliError> {
    output::result(&found()?, context.json, offer_text)
}

fn offer_text(found: &SessionPlaces) -> String {
    if found.places.is_empty() {
        return "no directory of an agent was found; name a file or a directory: \
            `lore session import PATH`"
            .to_owned();
    }
    let lines = found.places.iter().map(|place| {
        let kilobytes = place.bytes.div_ceil(1000);
        let (files, directory) = (place.files, place.directory.display());
        format!("{:16} {files:>6} files {kilobytes:>9} kB  {directory}\n", place.harness)
    });
    format!(
        "{}import one with `lore session import DIRECTORY`, or all with `lore session import --found`; \
         none is published",
        lines.collect::<String>()
    )
}

/// Notes that are printed; `--json` has all.
const NOTES: usize = 20;

fn import_text(done: &Imported, user: &str) -> String {
    let passed = done
        .passed_over
        .iter()
        .map(|file| format!("note: {} passed over: {}\n", file.path.display(), file.reason));
    let noted = done.warnings.iter().map(|warning| format!("note: {warning}\n")).chain(passed);
    let notes = done.warnings.len() + done.passed_over.len();
    let more = match notes.saturating_sub(NOTES) {
        0 => String::new(),
        more => format!("note: {more} more notes; see them with --json\n"),
    };
    let noted: String = noted.take(NOTES).collect();
    let few: String = done.too_few.iter().map(|line| format!("\n! {line}")).collect();
    let grown = match done.grown {
        0 => String::new(),
        grown => format!(", {grown} brought more turns"),
    };
    let gone = match done.forgotten {
        0 => String::new(),
        gone => format!(", {gone} were deleted before and left out (--again imports them)"),
    };
    format!(
        "{noted}{more}{} sessions imported for user `{user}`, {} were here already{grown}{gone}; this node \
         has sessions of {} users{few}",
        done.imported, done.known, done.users
    )
}

fn format(name: &str) -> Result<Option<SessionFormat>, CliError> {
    if name == "auto" {
        return Ok(None);
    }
    serde_json::from_value(serde_json::Value::from(name)).map(Some).map_err(|_| {
        CliError::usage(format!("--format {name} is not a format"))
            .help(format!("use auto, {}", Format::names()))
    })
}

/// The user that arguments name, by default the account's.
pub(super) fn user_of(user: UserArgs) -> String {
    user.user.unwrap_or_else(account)
}

/// The account of the operating system.
pub(super) fn account() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "local".into())
}
