//! `review`, `approve`, `reject`, `revoke`, `block` and `trust`: what of other members an agent of this node gets.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;
use lore_agent::replay::Replay;
use lore_control::{
    AuthorDecision, ItemDecision, Review, ReviewItem, ShelfAuthor, ShelfDecide, ShelfDecided,
    ShelfPolicy, ShelfReview, ShelfText, Standing,
};
use serde::Serialize;

use super::Context;
use super::ask::agree;
use super::replay::{ReplayArgs, words};
use crate::error::CliError;
use crate::output;

/// Items that are read for an approval.
const ALL_ITEMS: usize = 1_000_000;

#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// Show only this item, by its id or at least the first four digits of it.
    id: Option<String>,
    #[command(flatten)]
    replay: ReplayArgs,
    /// List at most this many items.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// List items that were decided and those on the shelf too.
    #[arg(long)]
    all: bool,
    /// Print the list and do not ask about each item.
    #[arg(long)]
    list: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// Ids of items as `lore review` shows them, or at least their first four digits.
    #[arg(required = true)]
    ids: Vec<String>,
    /// Approve findings and new capabilities without a question.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct IdsArgs {
    /// Ids of items as `lore review` shows them, or at least their first four digits.
    #[arg(required = true)]
    pub(super) ids: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MemberArgs {
    /// Member by id or at least the first four digits of it; `lore review` shows them.
    member: String,
    /// Take the decision back.
    #[arg(long)]
    undo: bool,
    /// Do not ask before a member is trusted.
    #[arg(long)]
    yes: bool,
}

/// Lists what waits; at a terminal it asks about each item.
pub(super) fn review(context: &Context, args: &ReviewArgs) -> Result<(), CliError> {
    match &args.id {
        Some(id) => return one(context, args, id),
        None if args.replay.is_wanted() => {
            return Err(
                CliError::usage("--families tries one item").help("lore review ID --families DIR")
            );
        }
        None => {}
    }
    let shown = context.ask(ShelfReview { limit: args.limit, all: args.all })?;
    let asks = !context.json && !args.list && !args.all && !shown.items.is_empty();
    if asks && io::stdin().is_terminal() && io::stdout().is_terminal() {
        return walk(context, &shown);
    }
    output::result(&shown, context.json, review_text)
}

/// Output of `review ID --json`.
#[derive(Serialize)]
struct Reviewed {
    item: ReviewItem,
    /// Result of the replay; null without families.
    replay: Option<Replay>,
}

/// Shows one item, and tries it on tasks when there are some.
fn one(context: &Context, args: &ReviewArgs, id: &str) -> Result<(), CliError> {
    let shown = context.ask(ShelfReview { limit: ALL_ITEMS, all: true })?;
    let mut named = shown.items.into_iter().filter(|item| item.id.as_str().starts_with(id));
    let item = match (named.next(), named.next()) {
        (Some(item), None) => item,
        (None, _) => {
            return Err(CliError::usage(format!("no item has the id `{id}`"))
                .help("`lore review --list --all` shows the ids"));
        }
        (Some(_), Some(_)) => {
            return Err(CliError::usage(format!("more than one item begins with `{id}`"))
                .help("give more of its digits"));
        }
    };
    let replay = if args.replay.is_wanted() {
        let with = context.ask(ShelfText { id: item.id.as_str().to_owned() })?;
        args.replay.of(&with.text)?
    } else {
        None
    };
    output::result(&Reviewed { item, replay }, context.json, |reviewed| {
        let mut text = item_text(&reviewed.item);
        if let Some(replay) = &reviewed.replay {
            text.push_str(&format!("    {}\n", words(replay)));
        }
        text
    })
}

pub(super) fn approve(context: &Context, args: &ApproveArgs) -> Result<(), CliError> {
    let mut consent = args.yes;
    let mut ids = args.ids.clone();
    if !consent {
        let shown = context.ask(ShelfReview { limit: ALL_ITEMS, all: true })?;
        let named = |item: &&ReviewItem| {
            item.needs_consent
                && args.ids.iter().any(|id| item.id.as_str().starts_with(id.as_str()))
        };
        let risky: Vec<&ReviewItem> = shown.items.iter().filter(named).collect();
        if !risky.is_empty() {
            risky.iter().for_each(|item| output::note(item_text(item)));
            agree("let your agents have this, with what it shows above?")?;
            consent = true;
            // What was shown, and nothing else that begins with the same digits.
            ids = risky.iter().map(|item| item.id.as_str().to_owned()).collect();
            let shown =
                |id: &String| risky.iter().any(|item| item.id.as_str().starts_with(id.as_str()));
            ids.extend(args.ids.iter().filter(|id| !shown(id)).cloned());
        }
    }
    decide(context, ids, ItemDecision::Approve, consent)
}

pub(super) fn decide(
    context: &Context,
    ids: Vec<String>,
    decision: ItemDecision,
    consent: bool,
) -> Result<(), CliError> {
    let done = context.ask(ShelfDecide { decision, ids, consent })?;
    output::result(&done, context.json, decided_text)
}

pub(super) fn author(
    context: &Context,
    args: MemberArgs,
    decision: AuthorDecision,
) -> Result<(), CliError> {
    let decision = if args.undo { AuthorDecision::Undo } else { decision };
    if decision == AuthorDecision::Trust && !args.yes {
        agree(&format!(
            "let your agents have what {} publishes without your approval, when the scan finds nothing and it \
             allows nothing new?",
            args.member
        ))?;
    }
    let consent = decision == AuthorDecision::Trust;
    let done = context.ask(ShelfAuthor { decision, member: args.member, consent })?;
    output::result(&done, context.json, decided_text)
}

/// Shows each item and asks what to do with it.
fn walk(context: &Context, shown: &Review) -> Result<(), CliError> {
    let terminal = |error| CliError::failed("terminal", error);
    for (place, item) in shown.items.iter().enumerate() {
        output::print(&format!("{} of {}\n{}", place + 1, shown.items.len(), item_text(item)))?;
        loop {
            let mut err = io::stderr();
            write!(
                err,
                "approve, reject, block the author, trust the author, later, quit [a/r/b/t/l/q] "
            )
            .and_then(|()| err.flush())
            .map_err(terminal)?;
            let mut line = String::new();
            if io::stdin().lock().read_line(&mut line).map_err(terminal)? == 0 {
                return Ok(());
            }
            let ids = vec![item.id.as_str().to_owned()];
            let member = item.authors.first().map(|member| member.as_str().to_owned());
            let done = match (line.trim(), member) {
                ("a", _)
                    if item.needs_consent
                        && agree("although it shows what stands above?").is_err() =>
                {
                    continue;
                }
                // The person at this terminal just saw what the item shows.
                ("a", _) => Some(context.ask(ShelfDecide {
                    decision: ItemDecision::Approve,
                    ids,
                    consent: true,
                })?),
                ("r", _) => Some(context.ask(ShelfDecide {
                    decision: ItemDecision::Reject,
                    ids,
                    consent: false,
                })?),
                ("b", Some(member)) => Some(context.ask(ShelfAuthor {
                    decision: AuthorDecision::Block,
                    member,
                    consent: false,
                })?),
                ("t", Some(member)) => Some(context.ask(ShelfAuthor {
                    decision: AuthorDecision::Trust,
                    member,
                    consent: true,
                })?),
                ("l", _) => None,
                ("q", _) => return Ok(()),
                _ => continue,
            };
            if let Some(done) = done {
                output::print(&format!("{}\n", decided_text(&done)))?;
            }
            break;
        }
    }
    Ok(())
}

fn review_text(shown: &Review) -> String {
    let policy = match shown.policy {
        ShelfPolicy::Manual => "manual: everything of other members waits for you",
        ShelfPolicy::Validated => {
            "validated: pitfalls that name only known public programs and flags do not wait"
        }
        ShelfPolicy::Auto => "auto: what has no finding and allows nothing new does not wait",
    };
    let mut out = format!("{} wait for review; policy {policy}\n", shown.waiting);
    if shown.fetching > 0 {
        out.push_str(&format!(
            "{} texts of skills come up for review when their files are here\n",
            shown.fetching
        ));
    }
    for item in &shown.items {
        out.push('\n');
        out.push_str(&item_text(item));
    }
    for (word, members) in [("blocked", &shown.blocked), ("trusted", &shown.trusted)] {
        let members: Vec<&str> = members.iter().map(|member| member.short()).collect();
        if !members.is_empty() {
            out.push_str(&format!("\n{word}: {}\n", members.join(", ")));
        }
    }
    if shown.waiting > 0 {
        out.push_str("\nlore approve ID, lore reject ID, lore block MEMBER, lore trust MEMBER");
    }
    out
}

/// One item as a person reads it.
fn item_text(item: &ReviewItem) -> String {
    let mut out = format!("{}  {}\n", item.id.short(), item.text);
    let authors: Vec<&str> = item.authors.iter().map(|member| member.short()).collect();
    out.push_str(&format!(
        "    from {} of `{}`; {} behind it\n",
        authors.join(", "),
        item.federation_name,
        if item.members == 1 {
            "one member stands".to_owned()
        } else {
            format!("{} independent members stand", item.members)
        }
    ));
    match &item.evidence {
        Some(found) => out.push_str(&format!(
            "    worked in {:.0} % of about {} cases (95 % interval {:.0} to {:.0} %)\n",
            found.rate * 100.0,
            item.sessions,
            found.low * 100.0,
            found.high * 100.0
        )),
        None => out.push_str("    no outcomes yet\n"),
    }
    let why = item.why.join("; ");
    match item.standing {
        Standing::Waiting => out.push_str(&format!("    waits: {why}\n")),
        standing => out.push_str(&format!("    {} {why}\n", word(standing)).replace(" \n", "\n")),
    }
    for one in &item.capabilities {
        out.push_str(&format!("    new: {} {}\n", one.what, one.of));
    }
    for one in &item.findings {
        out.push_str(&format!(
            "    ! {} ({}): {}\n      {}\n",
            one.kind.replace('_', " "),
            one.owasp,
            one.why,
            one.excerpt
        ));
    }
    for file in &item.files {
        let mode = if file.executable { ", may be executed" } else { "" };
        out.push_str(&format!("    file: {} ({} bytes{mode})\n", file.path, file.bytes));
    }
    for line in &item.diff {
        out.push_str(&format!("    {line}\n"));
    }
    if let Some(revision) = item.revision.as_ref().filter(|_| item.more_lines > 0) {
        out.push_str(&format!(
            "    {} more lines: lore skill diff {} {}\n",
            item.more_lines,
            item.skill.short(),
            revision.short()
        ));
    }
    out
}

pub(super) const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::OnShelf => "on the shelf:",
        Standing::Waiting => "waits for review",
        Standing::Rejected => "rejected",
        Standing::Blocked => "its author is blocked",
        Standing::Revoked => "revoked",
        Standing::Fetching => "its files are not all here yet",
        Standing::Broken => "is no valid skill",
    }
}

fn decided_text(done: &ShelfDecided) -> String {
    let items = done.items.iter().map(|item| {
        format!(
            "{}  {}  {}\n",
            item.id.short(),
            word(item.standing).trim_end_matches(':'),
            item.text
        )
    });
    format!(
        "{}{} on the shelf, {} wait for review",
        items.collect::<String>(),
        done.on_shelf,
        done.waiting
    )
}
