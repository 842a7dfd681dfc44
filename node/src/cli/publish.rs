//! `skill publish`: a skill that a person wrote, with their consent in this very process and after a delay.

use std::path::PathBuf;

use clap::Args;
use lore_control::{PendingLesson, Publication, SkillCheck};
use lore_engine::shelf::escaped;
use serde::Serialize;

use super::Context;
use crate::error::CliError;
use crate::host::Node;
use crate::output;

/// Ends the help of `skill publish`.
pub(super) const AFTER: &str = "\
Examples:
  lore skill publish ~/skills/deploy-staging --dry-run   look at what would be published
  lore stop
  lore skill publish ~/skills/deploy-staging             show it, ask, and wait ten minutes
  lore run --detach                                      sign and send it when the wait is over

A second publish of the same directory becomes the next version of the skill.";

/// Arguments of `skill publish`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct PublishArgs {
    /// Directory of the skill, with SKILL.md in it.
    directory: PathBuf,
    /// Federation by name, id or beginning of its id; needed when there are several.
    #[arg(long)]
    federation: Option<String>,
    /// Version that this one replaces, by id or at least four digits of it; `lore skill log` shows them.
    #[arg(long, value_name = "REVISION")]
    parent: Option<String>,
    /// Show what would be published, and publish nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Output of `--json`.
#[derive(Serialize)]
struct Published {
    #[serde(flatten)]
    publication: Publication,
    /// The text that waits to be signed; absent when nothing was to be published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<PendingLesson>,
}

pub(super) fn publish(context: &Context, args: PublishArgs) -> Result<(), CliError> {
    let PublishArgs { directory, federation, parent, dry_run } = args;
    let directory = std::fs::canonicalize(&directory)
        .map_err(|error| CliError::usage(format!("{}: {error}", directory.display())))?;
    let ask = SkillCheck { directory, federation, parent };
    if dry_run {
        let publication = context.ask(ask)?;
        let done = Published { publication, pending: None };
        return output::result(&done, context.json, |done| {
            format!("{}nothing was published", text(&done.publication))
        });
    }
    if let Some(pid) = context.home.holder() {
        // Consent cannot be handed to another process: no verb of the socket gives it.
        return Err(CliError::refused(
            "running",
            format!("the node is running as process {pid}, and a person's consent cannot be passed on to it"),
        )
        .help("`lore stop`, publish, then `lore run --detach`: the skill is signed when its delay is over"));
    }
    context.must_be_a_home()?;
    let _lock = context.home.lock()?;
    let node = Node::open(context.home.clone(), &context.machine)?;
    let draft = node.skill_draft(&ask)?;
    if draft.shown.unchanged {
        let done = Published { publication: draft.shown, pending: None };
        return output::result(&done, context.json, |done| {
            let shown = &done.publication;
            format!(
                "`{}` is unchanged: version {} is published already or waits to be signed",
                shown.name,
                shown.revision.short()
            )
        });
    }
    let shown = format!("This skill, signed with your node's key:\n{}", text(&draft.shown));
    let pending = node.skill_publish_later(&draft, &shown)?;
    let done = Published { publication: draft.shown, pending: Some(pending) };
    output::result(&done, context.json, |done| {
        let Some(one) = &done.pending else { return String::new() };
        format!(
            "version {} of `{}` is not signed yet: a running node signs and sends it in {} s\n\
             withdraw it until then: lore lesson undo {}",
            done.publication.revision.short(),
            done.publication.name,
            one.seconds_left,
            one.id.short()
        )
    })
}

/// A publication as a person reads it.
fn text(shown: &Publication) -> String {
    let mut out = format!(
        "  {}: {}\n  version {} for `{}`",
        escaped(&shown.name),
        escaped(&shown.description),
        shown.revision.short(),
        shown.federation_name
    );
    match shown.parents.first() {
        Some(parent) => out.push_str(&format!(", replaces {}\n", parent.short())),
        None => out.push_str(", a new skill\n"),
    }
    for file in &shown.files {
        let mode = if file.executable { ", may be executed" } else { "" };
        out.push_str(&format!("    {} ({} bytes{mode})\n", file.path, file.bytes));
    }
    if !shown.left_out.is_empty() {
        out.push_str(&format!("  left out: {}\n", shown.left_out.join(", ")));
    }
    if shown.stripped {
        out.push_str("  left out of SKILL.md: what `lore skill export` had added to it\n");
    }
    for one in &shown.capabilities {
        out.push_str(&format!("  an agent newly {} {}\n", one.what, one.of));
    }
    for one in &shown.findings {
        let kind = one.kind.replace('_', " ");
        out.push_str(&format!("  ! {kind} ({}): {}\n      {}\n", one.owasp, one.why, one.excerpt));
    }
    for one in &shown.private {
        let what = match &one.denied_by {
            Some(pattern) => format!("your deny-list has `{pattern}`"),
            None => "this looks private".to_owned(),
        };
        out.push_str(&format!("  ! {}, line {}: {what}\n      {}\n", one.path, one.line, one.text));
    }
    for one in &shown.warnings {
        out.push_str(&format!("  note: {one}\n"));
    }
    for line in &shown.diff {
        out.push_str(&format!("  {line}\n"));
    }
    out
}
