//! `status`, `logs` and `--version`.

use lore_control::{NodeStatus, Quote, Recovering, Retention, Spending, Status};
use serde_json::json;

use super::Context;
use crate::error::CliError;
use crate::{decimal, output};

/// Version, and a hash of the sources this program was built from.
pub(super) fn version(json: bool) -> Result<(), CliError> {
    let value = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": lore_protocol::delta::VERSION,
        "sources": env!("LORE_SOURCES"),
    });
    output::result(&value, json, |_| {
        format!("lore {} (sources {})", env!("CARGO_PKG_VERSION"), env!("LORE_SOURCES"))
    })
}

pub(super) fn status(context: &Context) -> Result<(), CliError> {
    let mut status = context.ask(Status {})?;
    let joined = !status.federations.is_empty();
    if status.daemon.is_none() && status.recovering.is_none() && joined {
        status.next = format!("start this node with `lore run --detach`; then {}", status.next);
    }
    output::result(&status, context.json, status_text)
}

fn status_text(status: &NodeStatus) -> String {
    let mut lines = Vec::new();
    let daemon = match status.daemon {
        Some(pid) => format!("running as process {pid}"),
        None => "not running (start it with `lore run --detach`)".into(),
    };
    lines.push(format!("node        {} ({daemon})", status.key.short()));
    if let Some(network) = &status.network {
        lines.push(format!("peers       {} connected", network.connected.len()));
    }
    for one in &status.federations {
        let member = match &one.member {
            _ if one.former_member => ", no longer a member",
            None => ", not on the roster yet",
            Some(_) => "",
        };
        lines.push(format!("federation  {} ({}){member}", one.name, one.federation.short()));
        lines.push(format!(
            "            epoch {}, {} members, heard from {}, {} deltas, {} skills, {} lessons",
            one.epoch, one.members, one.heard_from, one.deltas, one.skills, one.lessons
        ));
        lines.push(format!("            library root {}", one.root));
        lines.push(match one.voices {
            0 | 1 => {
                "            one voice decides the evidence: no other member can correct it".into()
            }
            voices => format!(
                "            {} of {voices} voices that lie together decide the evidence",
                one.voices_of_half
            ),
        });
        if let Some(behind) = one.behind {
            lines.push(format!(
                "            epoch {} is sealed, but {} chains are not here yet",
                behind.epoch, behind.chains_missing
            ));
        }
        if one.drifting_lessons > 0 {
            lines.push(format!(
                "            ! lessons that stopped working: {} (see `lore lesson list --drifting`)",
                one.drifting_lessons
            ));
        }
        lines.extend(one.problems.iter().map(|problem| format!("            ! {problem}")));
    }
    if let Some(why) = status.recovering {
        let why = match why {
            Recovering::Repaired => "repaired",
            Recovering::Restored => "restored",
        };
        lines.push(format!("! this store was {why}: nothing is signed before a member was asked"));
    }
    if !status.federations.is_empty() {
        let shelf = status.shelf;
        let review = if shelf.waiting > 0 { " (see `lore review`)" } else { "" };
        lines.push(format!(
            "shelf       {} lessons for your agents, {} wait for review{review}",
            shelf.on_shelf, shelf.waiting
        ));
    }
    for one in &status.pending_lessons {
        lines.push(format!("! lesson    {}", super::lesson::one_pending(one).trim_end()));
    }
    lines.push(format!(
        "sessions    {} of {} users, {}",
        status.sessions,
        status.privacy.users,
        retention(&status.retention)
    ));
    lines.push(format!("privacy     {}", budget(&status.privacy.spending)));
    lines.push(format!("next        {}", status.next));
    lines.join("\n")
}

/// How long sessions are kept, in words.
fn retention(retention: &Retention) -> String {
    let Some(days) = retention.keep_days else { return "kept for ever".into() };
    let next = retention.next_due.as_deref().map_or_else(String::new, |due| {
        format!("; the next one is deleted from {} on", due.get(..10).unwrap_or(due))
    });
    let awaiting = match retention.awaiting_release {
        0 => String::new(),
        sessions => format!("; {sessions} wait for a release that may draw on them"),
    };
    format!("kept for {days} days{next}{awaiting}")
}

/// Spent of the budget, in one line.
pub(super) fn budget(spending: &Spending) -> String {
    let Some(budget) = &spending.budget else {
        return "no budget: this node only receives".into();
    };
    let quoted = |quote: &Option<Quote>| quote.map_or((0.0, 0.0), |q| (q.epsilon, q.delta));
    let ((spent, delta), (ever, delta_ever)) =
        (quoted(&spending.spent), quoted(&spending.lifetime));
    format!(
        "epsilon {spent:.3} of {} and delta {delta} of {} spent per {} in this period of {} days (since {}); \
         over all periods and federations epsilon {ever:.3} and delta {delta_ever}",
        decimal::micros(budget.epsilon_micros),
        decimal::scaled(budget.delta_conv_e18.saturating_add(budget.delta_thr_e18), 18),
        budget.unit.name(),
        budget.period_days,
        output::date(spending.period_start_seconds),
    )
}

pub(super) fn logs(context: &Context, lines: usize) -> Result<(), CliError> {
    let path = context.home.log_path();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        CliError::failed("logs", format!("cannot read {}: {error}", path.display()))
            .help("the log begins with the first `lore run`")
    })?;
    let all: Vec<&str> = text.lines().collect();
    let tail = all.get(all.len().saturating_sub(lines)..).unwrap_or_default();
    output::result(&json!({ "path": path, "lines": tail }), context.json, |_| tail.join("\n"))
}
