//! `session forget`.

use lore_control::{SessionForget, SessionImport, SessionsForgotten, WhichSessions};
use lore_session::Started;

use super::Context;
use super::args::ForgetArgs;
use super::ask::agree;
use super::session::account;
use crate::error::CliError;
use crate::host::now_seconds;
use crate::import::SessionFiles;
use crate::output;

pub(super) fn forget(context: &Context, args: ForgetArgs) -> Result<(), CliError> {
    let user = args.user.clone().unwrap_or_else(account);
    let which = which(&args, &user)?;
    let wanted = SessionForget { user: user.clone(), which, preview: true };
    let preview = context.ask(wanted.clone())?;
    if preview.forgotten == 0 && args.id.is_some() {
        return Err(CliError::usage(format!("user `{user}` has no session of this id"))
            .help("see `lore session list`; --user names another user"));
    }
    if preview.forgotten > 1 && !args.yes {
        for line in &preview.stays {
            output::note(format!("note: {line}"));
        }
        agree(&format!("Delete {} of user `{user}` for good?", sessions(&preview)))?;
    }
    let done = context.ask(SessionForget { preview: false, ..wanted })?;
    output::result(&done, context.json, |done| {
        let stays: String = done.stays.iter().map(|line| format!("note: {line}\n")).collect();
        let deleted = sessions(done);
        format!("{stays}deleted {deleted} of user `{user}`; {} are left", done.left)
    })
}

fn which(args: &ForgetArgs, user: &str) -> Result<WhichSessions, CliError> {
    if let Some(id) = &args.id {
        return Ok(WhichSessions::Ids(vec![id.clone()]));
    }
    if let Some(date) = &args.before {
        let begins = Started::of_date(date).ok_or_else(|| {
            CliError::usage(format!("--before {date} is not a date"))
                .help("write it as YYYY-MM-DD, not before 1970")
        })?;
        return Ok(WhichSessions::BeforeSeconds(begins.unix_seconds));
    }
    let Some(path) = &args.from else { return Ok(WhichSessions::All) };
    let (path, user) = (path.clone(), user.to_owned());
    let wanted = SessionImport { user, path, format: None, again: false };
    let mut files = SessionFiles::find(&wanted, now_seconds())?;
    let mut ids = Vec::new();
    while let Some(chunk) = files.next_chunk() {
        ids.extend(chunk.sessions.into_iter().map(|found| found.session.id));
    }
    files.finish()?;
    Ok(WhichSessions::Ids(ids))
}

/// Number of sessions, and from when they are.
fn sessions(counted: &SessionsForgotten) -> String {
    let day =
        |text: &Option<String>| text.as_deref().unwrap_or_default().chars().take(10).collect();
    let (oldest, newest): (String, String) = (day(&counted.oldest), day(&counted.newest));
    match counted.forgotten {
        0 => "no session".into(),
        1 => format!("1 session ({oldest})"),
        number => format!("{number} sessions ({oldest} to {newest})"),
    }
}
