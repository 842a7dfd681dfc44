//! `skill log`, `diff`, `pin`, `unpin`, `rollback` and `withdraw`: versions of a skill's text.

use clap::Args;
use lore_control::{
    LessonReason, SkillDiff, SkillDifference, SkillHistory, SkillLog, SkillPin, SkillPinned,
    SkillReasons, SkillRollback, SkillUnpin, SkillVersion, SkillWithdraw,
};

use super::Context;
use super::ask::agree;
use super::review::word;
use crate::error::CliError;
use crate::output;

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// Name or id of the skill.
    name: String,
    /// Versions by at least four digits of their ids: one to compare with the one in use, or the older and the newer one.
    #[arg(value_name = "REVISION", num_args = 0..=2)]
    revisions: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct PinArgs {
    /// Name or id of the skill.
    name: String,
    /// Version by at least four digits of its id [default: the one in use].
    revision: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct WithdrawArgs {
    /// Name or id of the skill.
    name: String,
    /// Version by at least four digits of its id [default: all that this node published].
    revision: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) fn log(context: &Context, name: String) -> Result<(), CliError> {
    let shown = context.ask(SkillLog { name })?;
    output::result(&shown, context.json, log_text)
}

pub(super) fn diff(context: &Context, args: DiffArgs) -> Result<(), CliError> {
    let mut revisions = args.revisions.into_iter();
    let (first, second) = (revisions.next(), revisions.next());
    let (from, to) = if second.is_some() { (first, second) } else { (None, first) };
    let shown = context.ask(SkillDiff { name: args.name, from, to })?;
    output::result(&shown, context.json, diff_text)
}

pub(super) fn pin(context: &Context, args: PinArgs) -> Result<(), CliError> {
    let done = context.ask(SkillPin { name: args.name, revision: args.revision })?;
    output::result(&done, context.json, pinned_text)
}

pub(super) fn unpin(context: &Context, name: String) -> Result<(), CliError> {
    let done = context.ask(SkillUnpin { name })?;
    output::result(&done, context.json, pinned_text)
}

pub(super) fn rollback(context: &Context, name: String) -> Result<(), CliError> {
    let done = context.ask(SkillRollback { name })?;
    output::result(&done, context.json, pinned_text)
}

pub(super) fn withdraw(context: &Context, args: WithdrawArgs) -> Result<(), CliError> {
    let WithdrawArgs { name, revision, yes } = args;
    if !yes {
        agree(&format!(
            "take back what this node published of `{name}`? Members that hear of it use it no more, for ever"
        ))?;
    }
    let done = context.ask(SkillWithdraw { name, revision })?;
    output::result(&done, context.json, |done| {
        let ids: Vec<&str> = done.revisions.iter().map(|id| id.short()).collect();
        format!("withdrawn: {} of `{}`", ids.join(", "), done.name)
    })
}

fn log_text(shown: &SkillHistory) -> String {
    if shown.versions.is_empty() {
        return format!("`{}` has no text that a person wrote: it is made of lessons", shown.name);
    }
    let mut out = String::new();
    for one in &shown.versions {
        out.push_str(&version_text(one, shown.pinned.as_ref() == Some(&one.revision)));
    }
    out.push_str(&format!("lore skill diff {} REVISION shows what one changes", shown.name));
    out
}

fn version_text(one: &SkillVersion, pinned: bool) -> String {
    let author = if one.own { "this node".to_owned() } else { one.author.short().to_owned() };
    let mut out = format!(
        "{}  epoch {}, by {author}, {}",
        one.revision.short(),
        one.epoch,
        word(one.standing).trim_end_matches(':')
    );
    for (holds, mark) in [(one.used, "in use"), (pinned, "pinned")] {
        if holds {
            out.push_str(&format!(", {mark}"));
        }
    }
    out.push('\n');
    let parents: Vec<&str> = one.parents.iter().map(|parent| parent.short()).collect();
    if !parents.is_empty() {
        out.push_str(&format!("    replaces {}\n", parents.join(", ")));
    }
    let bytes: u64 = one.files.iter().map(|file| file.bytes).sum();
    out.push_str(&format!("    {} files, {bytes} bytes", one.files.len()));
    if one.missing > 0 {
        out.push_str(&format!("; {} of them are not here", one.missing));
    }
    out.push_str(&format!("\n    {}\n", one.description));
    out
}

/// Where a skill comes from, as a person reads it.
pub(super) fn why_text(shown: &SkillReasons) -> String {
    let mut out = match &shown.text {
        Some(text) => {
            let inputs = match text.inputs.len() {
                0 => String::new(),
                _ => {
                    format!("; it says it was written from the lessons {}", text.inputs.join(", "))
                }
            };
            format!(
                "the text is version {}, published by {} in epoch {}{inputs}\n",
                text.revision.short(),
                text.author.short(),
                text.epoch
            )
        }
        None => "nobody wrote its text: it is made of lessons\n".to_owned(),
    };
    shown.lessons.iter().for_each(|one| out.push_str(&reason_text(one)));
    out.push_str("lore lesson why ID says more of a lesson");
    out
}

fn reason_text(one: &LessonReason) -> String {
    let ids = |members: &[lore_control::MemberId]| {
        members.iter().map(|member| member.short()).collect::<Vec<_>>().join(", ")
    };
    let mut out = format!("{}  {}\n", one.id.short(), one.text);
    if !one.members.is_empty() {
        let people = one.support;
        out.push_str(&format!(
            "    released by {}: about {people:.0} people, since epoch {}\n",
            ids(&one.members),
            one.epoch
        ));
    }
    if !one.authored.is_empty() {
        out.push_str(&format!("    written by hand by {}\n", ids(&one.authored)));
    }
    if let Some(found) = &one.evidence {
        out.push_str(&format!(
            "    worked in {:.0} % of cases (95 % interval {:.0} to {:.0} %)\n",
            found.rate * 100.0,
            found.low * 100.0,
            found.high * 100.0
        ));
    }
    out
}

fn diff_text(shown: &SkillDifference) -> String {
    if shown.lines.is_empty() {
        return "the versions do not differ".into();
    }
    let from = shown.from.as_ref().map_or("nothing", |id| id.short());
    format!("from {from} to {}\n{}", shown.to.short(), shown.lines.join("\n"))
}

fn pinned_text(done: &SkillPinned) -> String {
    let used = match &done.used {
        Some(id) => format!("agents are given version {}", id.short()),
        None => "agents are given no text of it".to_owned(),
    };
    match &done.pinned {
        Some(id) => format!("`{}` stays at version {}; {used}", done.name, id.short()),
        None => format!("`{}` follows the newest version on the shelf; {used}", done.name),
    }
}
