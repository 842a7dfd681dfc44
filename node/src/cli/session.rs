//! `session`.

use lore_control::{
    Event, Imported, SessionFormat, SessionImport, SessionLine, SessionList, SessionShow, Sessions,
};
use lore_session::Session;

use super::Context;
use super::args::{ImportArgs, SessionVerb};
use crate::error::CliError;
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
    // The node reads the files itself, wherever it was started.
    let path = std::path::absolute(&args.path)
        .map_err(|error| CliError::usage(format!("{}: {error}", args.path.display())))?;
    let format = format(&args.format)?;
    let wanted = SessionImport { user: user.clone(), path, format, again: args.again };
    let progress = Progress::start(ProgressMode::Auto, 0, "reading sessions");
    let done = context.ask_with_events(wanted, |Event::Import(step)| {
        progress.detail(format!(
            "{} of {} files, {} sessions",
            step.files_done, step.files, step.sessions
        ));
    });
    progress.finish();
    output::result(&done?, context.json, |done| import_text(done, &user))
}

fn import_text(done: &Imported, user: &str) -> String {
    let noted: String = done.warnings.iter().map(|w| format!("note: {w}\n")).collect();
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
        "{noted}{} sessions imported for user `{user}`, {} were here already{grown}{gone}; this node \
         has sessions of {} users{few}",
        done.imported, done.known, done.users
    )
}

fn format(name: &str) -> Result<Option<SessionFormat>, CliError> {
    match name {
        "auto" => Ok(None),
        "lore" => Ok(Some(SessionFormat::Lore)),
        "claude-code" => Ok(Some(SessionFormat::ClaudeCode)),
        "openai-chat" => Ok(Some(SessionFormat::OpenAiChat)),
        other => Err(CliError::usage(format!("--format {other} is not a format"))
            .help("use auto, lore, claude-code or openai-chat")),
    }
}

/// The account of the operating system.
pub(super) fn account() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "local".into())
}
