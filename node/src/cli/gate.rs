//! `privacy preview`, `privacy gate`, `privacy deny-list` and `privacy ledger`.

use clap::{Args, Subcommand};
use lore_control::{
    Decision, DenyList, DueRelease, GatePreview, GateSetting, HeldRelease, LessonPreview,
    PreviewedLessons, PrivacyDenyAdd, PrivacyDenyList, PrivacyDenyRemove, PrivacyGate,
    PrivacyLedgerVerify, PrivacyPreview,
};

use super::Context;
use super::ask::agree;
use crate::error::CliError;
use crate::host::{verified, verify_ledger};
use crate::{decimal, output};

#[derive(Debug, Subcommand)]
pub(crate) enum GateVerb {
    /// Release only these keys of a waiting release.
    Keep(KeysArgs),
    /// Release all keys but these.
    Drop(KeysArgs),
    /// Release all keys.
    Approve(ReleaseArgs),
    /// Release nothing; a void is published instead.
    Refuse(ReleaseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    /// Ids of keys as `lore privacy preview` shows them, or at least their first four digits.
    #[arg(required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    which: ReleaseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// Release by id or its beginning; needed when several wait.
    #[arg(long)]
    release: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DenyVerb {
    /// Keep lessons with a word, phrase or pattern out of releases, from the next window on.
    Add(PatternArgs),
    /// Remove an entry, from the next window on.
    Remove(PatternArgs),
    /// List the entries, and the windows for which each one counts.
    List,
}

#[derive(Debug, Args)]
pub(crate) struct PatternArgs {
    /// Word, phrase or pattern, such as `acme`, `project x` or `*.acme.internal`.
    pattern: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerVerb {
    /// Check every entry from the first on, and derive every cost again.
    Verify,
}

pub(super) fn preview(context: &Context) -> Result<(), CliError> {
    let shown = context.ask(PrivacyPreview {})?;
    output::result(&shown, context.json, preview_text)
}

/// Runs a gate verb. A release needs a person at a terminal; keeping something back does not.
pub(super) fn gate(context: &Context, verb: GateVerb) -> Result<(), CliError> {
    let (decision, keys, which) = match verb {
        GateVerb::Keep(args) => (Decision::Keep, args.keys, args.which),
        GateVerb::Drop(args) => (Decision::Drop, args.keys, args.which),
        GateVerb::Approve(which) => (Decision::Approve, Vec::new(), which),
        GateVerb::Refuse(which) => (Decision::Refuse, Vec::new(), which),
    };
    if decision != Decision::Refuse {
        let shown = context.ask(PrivacyPreview {})?;
        output::note(preview_text(&shown));
        let named = if keys.is_empty() { String::new() } else { format!(" {}", keys.join(" ")) };
        agree(&format!("{}{named}, and publish what is kept at the deadline?", decision.name()))?;
    }
    let shown = context.ask(PrivacyGate { decision, keys, release: which.release })?;
    output::result(&shown, context.json, preview_text)
}

pub(super) fn deny_list(context: &Context, verb: DenyVerb) -> Result<(), CliError> {
    let shown = match verb {
        DenyVerb::Add(args) => context.ask(PrivacyDenyAdd { pattern: args.pattern })?,
        DenyVerb::Remove(args) => context.ask(PrivacyDenyRemove { pattern: args.pattern })?,
        DenyVerb::List => context.ask(PrivacyDenyList {})?,
    };
    output::result(&shown, context.json, deny_text)
}

fn deny_text(shown: &DenyList) -> String {
    if shown.entries.is_empty() {
        return "the deny-list is empty".into();
    }
    let lines = shown.entries.iter().map(|entry| format!("{}  {}\n", entry.pattern, entry.counts));
    lines.collect()
}

/// Without a daemon the entries are only read: nothing is opened that could write.
pub(super) fn ledger(context: &Context, verb: &LedgerVerb) -> Result<(), CliError> {
    let LedgerVerb::Verify = verb;
    let verified = match context.ask_daemon(PrivacyLedgerVerify {})? {
        Some(verified) => verified,
        None => {
            let _lock = context.home.lock()?;
            verified(&verify_ledger(&context.home)?)
        }
    };
    output::result(&verified, context.json, |v| {
        format!(
            "{} entries in an unbroken chain; {} releases cost what they say; {} results drawn, {} \
             byte strings signed, {} releases void",
            v.entries, v.releases, v.sampled, v.committed, v.voided
        )
    })
}

/// `lesson preview`.
pub(super) fn lessons(context: &Context, limit: usize) -> Result<(), CliError> {
    let shown = context.ask(LessonPreview { limit })?;
    output::result(&shown, context.json, lessons_text)
}

fn lessons_text(shown: &PreviewedLessons) -> String {
    let mut out = String::from(
        "Private: lessons mined from your own sessions. One leaves this node only within your privacy \
         budget, when a noisy count says that enough of its users found it.\n",
    );
    for one in &shown.lessons {
        out.push_str(&format!("{}  {}\n", one.session, one.lesson));
        if !one.topics.is_empty() {
            out.push_str(&format!("    about: {}\n", one.topics.join(", ")));
        }
        if let Some(pattern) = &one.denied_by {
            out.push_str(&format!("    stays here: the deny-list has `{pattern}`\n"));
        }
    }
    out
}

fn preview_text(shown: &GatePreview) -> String {
    let mut out: String = shown.waiting.iter().map(held_text).collect();
    if out.is_empty() {
        out.push_str("no release waits for approval\n");
        if matches!(shown.gate, GateSetting::Known { ask: false, .. }) {
            out.push_str(
                "releases do not wait: set `gate = \"ask\"` under [privacy] in config.toml\n",
            );
        }
    } else {
        out.push_str(&format!("{}\n", shown.fixed));
    }
    out.push_str(&due_text(&shown.due));
    out
}

fn held_text(one: &HeldRelease) -> String {
    let mut out = format!(
        "release {} for `{}`\n  deadline in {} s, whenever it is answered; answer so far: {}\n",
        one.release.short(),
        one.name.as_deref().unwrap_or_default(),
        one.seconds_left,
        one.answer
    );
    for key in &one.keys {
        let mark = match key.kept {
            Some(true) => "keep",
            Some(false) => "drop",
            None => "    ",
        };
        out.push_str(&format!(
            "  {mark} {}  {} (noisy support {:.1})\n",
            key.id.short(),
            key.text,
            key.noisy_support
        ));
    }
    if let (Some(bytes), Some(hash)) = (one.payload_bytes, &one.payload_hash) {
        out.push_str(&format!("  {bytes} bytes go out, with BLAKE3 hash {hash}\n"));
    }
    out
}

/// Releases to come, one a line.
pub(super) fn due_text(due: &[DueRelease]) -> String {
    let lines = due.iter().map(|one| {
        let cost = one.cost.map_or_else(String::new, |cost| {
            format!("; costs rho {}", decimal::scaled(cost.rho_nano, 9))
        });
        let needs = one
            .supporters_needed
            .map_or_else(String::new, |needed| format!("; needs {needed} supporters"));
        let time = one
            .about_seconds
            .map_or_else(String::new, |at| format!(", about {}", output::date(at)));
        format!(
            "  due when epoch {} of `{}` opens{time}: {}{cost}{needs}\n",
            one.epoch,
            one.name,
            one.kind.name()
        )
    });
    lines.collect()
}
