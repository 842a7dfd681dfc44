//! `device`.

use std::io::Read as _;

use clap::{Args, Subcommand};
use lore_control::{
    Device, DeviceInvite, DeviceJoin, DeviceLeave, DeviceLeft, DeviceList, DeviceRemove,
    DeviceRemoved, NamedDevice, OwnDevices,
};
use lore_engine::devices::DeviceLine;

use super::Context;
use super::args::UserArgs;
use super::ask::agree;
use super::session::user_of;
use crate::error::CliError;
use crate::output;

/// Longest line that is read from standard input, in bytes.
const MAX_LINE_BYTES: u64 = 8 << 10;

#[derive(Debug, Subcommand)]
pub(super) enum DeviceVerb {
    /// Make a line to paste on another device of yours. It works once and holds a secret.
    Invite(InviteArgs),
    /// Join your other devices with a line of `lore device invite`. Says what that means and asks first.
    Join(JoinArgs),
    /// List your devices: last contact, and how many lessons each gives.
    List(UserArgs),
    /// Remove a device: it is given nothing any more. Asks first.
    Remove(RemoveArgs),
    /// Leave your other devices and delete here what came from them. Asks first.
    Leave(LeaveArgs),
}

#[derive(Debug, Args)]
pub(super) struct InviteArgs {
    /// Name of this device, when it is the first one [default: the node's].
    #[arg(long)]
    name: Option<String>,
    /// Minutes for which the line may be used, 1 to 60.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    #[command(flatten)]
    user: UserArgs,
}

#[derive(Debug, Args)]
pub(super) struct JoinArgs {
    /// The line that `lore device invite` printed on the other device; `-` reads it from standard input, so that no other
    /// account of this machine sees it in the list of processes.
    line: String,
    /// Name of this device [default: the node's].
    #[arg(long)]
    name: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    user: UserArgs,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Its name, or at least four digits of its id, as `lore device list` shows them.
    device: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    user: UserArgs,
}

#[derive(Debug, Args)]
pub(super) struct LeaveArgs {
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    user: UserArgs,
}

pub(super) fn device(context: &Context, verb: DeviceVerb) -> Result<(), CliError> {
    match verb {
        DeviceVerb::Invite(args) => invite(context, args),
        DeviceVerb::Join(args) => join(context, args),
        DeviceVerb::List(user) => {
            let shown = context.ask(DeviceList { user: user_of(user) })?;
            output::result(&shown, context.json, list)
        }
        DeviceVerb::Remove(args) => remove(context, args),
        DeviceVerb::Leave(args) => leave(context, args),
    }
}

fn invite(context: &Context, args: InviteArgs) -> Result<(), CliError> {
    let InviteArgs { name, minutes, user } = args;
    let made = context.ask_running(DeviceInvite { user: user_of(user), name, minutes })?;
    if !context.json {
        output::note(format!(
            "Run this on your other device within {minutes} minutes, with the line instead of LINE. Show the \
             line to nobody: who uses it first reads your own lessons.\n    lore device join LINE"
        ));
    }
    output::result(&made, context.json, |made| made.line.clone())
}

fn join(context: &Context, args: JoinArgs) -> Result<(), CliError> {
    let JoinArgs { line, name, yes, user } = args;
    let line = if line == "-" { read_line()? } else { line };
    // A damaged line is noticed before a device is dialled.
    let parsed =
        DeviceLine::from_line(&line).map_err(|error| CliError::usage(error).kind("device_line"))?;
    let user = user_of(user);
    if !yes {
        output::note(format!(
            "This device joins `{}` and the devices that it is paired with.\n\
             - Own lessons of `{user}` on this node go to all of them, with the commands that worked, and \
             theirs come here. Sessions themselves stay where they are.\n\
             - Nobody else reads them: no federation, no relay, and no other user of this node.\n\
             - Every one of these devices can invite and remove others.\n\
             Do this only with devices that are your own.",
            parsed.name
        ));
        agree("Join?")?;
    }
    let done = context.ask_running(DeviceJoin { user, line, name })?;
    output::result(&done, context.json, |done| {
        format!(
            "joined: {}\nown lessons are kept in step from now on; see `lore device list`",
            done.others.join(", ")
        )
    })
}

/// A line from standard input.
fn read_line() -> Result<String, CliError> {
    let mut line = String::new();
    let read = std::io::stdin().take(MAX_LINE_BYTES).read_to_string(&mut line);
    read.map_err(|error| CliError::usage(format!("standard input: {error}")))?;
    Ok(line)
}

fn list(shown: &OwnDevices) -> String {
    if shown.devices.is_empty() && shown.out.is_none() {
        return format!(
            "`{}` has no other devices. Run `lore device invite` here, and `lore device join LINE` on the \
             other device",
            shown.user
        );
    }
    let mut lines: Vec<String> = shown.devices.iter().map(one).collect();
    if shown.open_lines > 0 {
        lines.push(format!("{} line(s) made here may still be used", shown.open_lines));
    }
    lines.extend(shown.out.iter().map(|why| format!("! {why}")));
    lines.join("\n")
}

fn one(device: &Device) -> String {
    let contact = match (&device.last_contact, device.this, device.connected) {
        (_, true, _) => "this device".to_owned(),
        (_, _, true) => "connected".to_owned(),
        (Some(at), ..) => format!("last contact {at}"),
        (None, ..) => "no contact yet".to_owned(),
    };
    let lessons = match device.lessons {
        Some(1) => "1 lesson".to_owned(),
        Some(number) => format!("{number} lessons"),
        None => "no lessons yet".to_owned(),
    };
    let paired = device.paired_on.as_ref();
    let paired = paired.map_or_else(String::new, |by| format!(", paired on {}", named(by)));
    let id = short(&device.id);
    format!("{id}  {}  {contact}, {lessons}{paired}", device.name)
}

/// The beginning of a device's id, enough to name it.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn named(device: &NamedDevice) -> String {
    format!("{} ({})", device.name, short(&device.id))
}

fn remove(context: &Context, args: RemoveArgs) -> Result<(), CliError> {
    let RemoveArgs { device, yes, user } = args;
    if !yes {
        output::note(
            "The device is given nothing any more, and the lessons that it gave are deleted on the others. It \
             cannot be taken back; the device can be paired again.",
        );
        agree("Remove?")?;
    }
    let done = context.ask(DeviceRemove { user: user_of(user), device })?;
    output::result(&done, context.json, removed)
}

fn removed(done: &DeviceRemoved) -> String {
    let mut lines =
        vec![format!("removed {} ({}). What you should know:", done.name, short(&done.id))];
    lines.extend(done.stays.iter().map(|stays| format!("- {stays}")));
    if !done.paired_on_it.is_empty() {
        lines.push(format!(
            "- it had paired {}: remove what you do not know",
            done.paired_on_it.iter().map(named).collect::<Vec<_>>().join(", ")
        ));
    }
    lines.join("\n")
}

fn leave(context: &Context, args: LeaveArgs) -> Result<(), CliError> {
    let LeaveArgs { yes, user } = args;
    if !yes {
        output::note(
            "What came from your other devices is deleted here, and what this one gave is deleted there. Your \
             sessions stay, with what they taught.",
        );
        agree("Leave?")?;
    }
    let done = context.ask(DeviceLeave { user: user_of(user) })?;
    output::result(&done, context.json, left)
}

fn left(done: &DeviceLeft) -> String {
    let mut lines = vec!["left; what came from other devices is deleted here".to_owned()];
    if !done.told.is_empty() {
        lines.push(format!("told: {}", done.told.join(", ")));
    }
    if !done.untold.is_empty() {
        lines.push(format!(
            "not connected: {}. When no device was told, run `lore device remove` for this one on one of them",
            done.untold.join(", ")
        ));
    }
    lines.join("\n")
}
