//! `session watch`.

use lore_control::{SessionWatch, WatchSetting, Watching};

use super::Context;
use super::args::WatchArgs;
use super::session::account;
use crate::error::CliError;
use crate::output;

pub(super) fn watch(context: &Context, args: WatchArgs) -> Result<(), CliError> {
    let user = args.user.unwrap_or_else(account);
    let set = if args.on {
        let home = std::env::home_dir().filter(|home| home.is_absolute()).ok_or_else(|| {
            CliError::usage("the variable HOME names no directory")
                .help("set it to the home directory of the user whose agents are to be followed")
        })?;
        WatchSetting::On { home }
    } else if args.off {
        WatchSetting::Off
    } else {
        WatchSetting::Keep
    };
    let watching = context.ask(SessionWatch { user, set })?;
    let runs = context.home.holder().is_some();
    output::result(&watching, context.json, |watching| text(watching, runs))
}

fn text(watching: &Watching, runs: bool) -> String {
    let user = &watching.user;
    if !watching.on {
        return format!(
            "the agents of user `{user}` are not followed\nnext: lore session watch --on"
        );
    }
    let there = watching.directories.iter().filter(|one| one.is_there);
    let mut lines: Vec<String> =
        there.map(|one| format!("{:14} {}", one.harness, one.directory.display())).collect();
    if lines.is_empty() {
        lines.push("no directory of a known agent is there yet".into());
    }
    let last = watching.last_pass.as_deref().map_or_else(
        || "no pass is over yet".to_owned(),
        |at| {
            let Watching { files, waiting, .. } = watching;
            format!("last pass over at {at}: {files} files, {waiting} still being written")
        },
    );
    let Watching { imported, grown, unread, .. } = watching;
    lines.push(last);
    lines.push(format!(
        "user `{user}`: {imported} sessions imported, {grown} times one brought more turns, {unread} \
         files without a session that could be read"
    ));
    lines.extend(watching.notes.iter().map(|note| format!("note: {note}")));
    if !runs {
        lines.push(
            "next: lore run --detach (nothing is imported while the node does not run)".into(),
        );
    }
    lines.join("\n")
}
