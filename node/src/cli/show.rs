//! `status`, `peers`, `logs` and `--version`.

use serde_json::{Value, json};

use super::Context;
use crate::error::CliError;
use crate::output;

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
    let status = context.ask("status", json!({}))?;
    output::result(&status, context.json, status_text)
}

fn status_text(status: &Value) -> String {
    let mut lines = Vec::new();
    let daemon = match status["daemon"].as_u64() {
        Some(pid) => format!("running as process {pid}"),
        None => "not running (start it with `lore run --detach`)".into(),
    };
    lines.push(format!("node        {} ({daemon})", short(&status["key"])));
    if let Some(peers) = status["network"]["connected"].as_array() {
        lines.push(format!("peers       {} connected", peers.len()));
    }
    for f in status["federations"].as_array().into_iter().flatten() {
        let member = if f["member"].is_null() { ", not on the roster yet" } else { "" };
        lines.push(format!(
            "federation  {} ({}){member}",
            f["name"].as_str().unwrap_or_default(),
            short(&f["federation"])
        ));
        lines.push(format!(
            "            epoch {}, {} members, heard from {}, {} deltas, {} skills, {} lessons",
            f["epoch"], f["members"], f["heard_from"], f["deltas"], f["skills"], f["lessons"]
        ));
        lines.push(format!("            library root {}", f["root"].as_str().unwrap_or_default()));
        if let Some(behind) = f["behind"].as_object() {
            lines.push(format!(
                "            epoch {} is sealed, but {} chains are not here yet",
                behind["epoch"], behind["chains_missing"]
            ));
        }
        for problem in f["problems"].as_array().into_iter().flatten() {
            lines.push(format!("            ! {}", problem.as_str().unwrap_or_default()));
        }
    }
    if let Some(what) = status["recovering"].as_str() {
        lines.push(format!("! this store was {what}: nothing is signed before a member was asked"));
    }
    lines.push(format!(
        "sessions    {} of {} users",
        status["sessions"], status["privacy"]["users"]
    ));
    lines.push(format!("privacy     {}", budget(&status["privacy"])));
    lines.push(format!("next        {}", status["next"].as_str().unwrap_or_default()));
    lines.join("\n")
}

/// Spent of the budget, in one line.
pub(super) fn budget(privacy: &Value) -> String {
    let Some(micros) = privacy["budget"]["epsilon_micros"].as_u64() else {
        return "no budget: this node only receives".into();
    };
    let quoted = |what: &str| {
        let part = |name: &str| privacy[what][name].as_f64().unwrap_or_default();
        (part("epsilon"), part("delta"))
    };
    let ((spent, delta), (ever, delta_ever)) = (quoted("spent"), quoted("lifetime"));
    format!(
        "epsilon {spent:.3} of {} at delta {delta:e} spent per {} in this period of {} days; over all \
         periods and federations epsilon {ever:.3} at delta {delta_ever:e}",
        output::decimal(micros),
        privacy["budget"]["unit"].as_str().unwrap_or("user"),
        privacy["budget"]["period_days"]
    )
}

pub(super) fn short(value: &Value) -> String {
    value.as_str().unwrap_or_default().chars().take(8).collect()
}

pub(super) fn peers(context: &Context) -> Result<(), CliError> {
    let peers = context.ask_running("peers", json!({}))?;
    output::result(&peers, context.json, |peers| {
        let list = |key: &str| {
            let items = peers[key].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(|s| format!("  {s}\n")).collect::<String>()
        };
        format!("connected:\n{}listening on:\n{}", list("connected"), list("listening"))
    })
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
