//! `privacy preview`, `privacy gate`, `privacy deny-list` and `privacy ledger`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::ask::agree;
use crate::error::CliError;
use crate::host::verify_ledger;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum GateVerb {
    /// Let only these keys of a waiting release out.
    Keep(KeysArgs),
    /// Let all but these keys out.
    Drop(KeysArgs),
    /// Let the whole release out.
    Approve(ReleaseArgs),
    /// Let nothing out: a void is published instead.
    Refuse(ReleaseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    /// Ids of keys as `lore privacy preview` shows them, or their beginnings.
    #[arg(required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    which: ReleaseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// Which release, when several wait.
    #[arg(long)]
    release: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DenyVerb {
    /// Keep a word, phrase or pattern from leaving, from the next window on.
    Add(PatternArgs),
    /// Take it off the list, from the next window on.
    Remove(PatternArgs),
    /// Show the list, and for which windows each entry counts.
    List,
}

#[derive(Debug, Args)]
pub(crate) struct PatternArgs {
    /// Such as `acme`, `project x` or `*.acme.internal`.
    pattern: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerVerb {
    /// Derive every cost again and check every entry, from the first on.
    Verify,
}

pub(super) fn preview(context: &Context) -> Result<(), CliError> {
    let shown = context.ask("privacy.preview", json!({}))?;
    output::result(&shown, context.json, preview_text)
}

/// What lets something out needs a person at a terminal; what keeps something back does not.
pub(super) fn gate(context: &Context, verb: GateVerb) -> Result<(), CliError> {
    let (decision, keys, which) = match verb {
        GateVerb::Keep(args) => ("keep", args.keys, args.which),
        GateVerb::Drop(args) => ("drop", args.keys, args.which),
        GateVerb::Approve(which) => ("approve", Vec::new(), which),
        GateVerb::Refuse(which) => ("refuse", Vec::new(), which),
    };
    if decision != "refuse" {
        let shown = context.ask("privacy.preview", json!({}))?;
        eprintln!("{}", preview_text(&shown));
        let named = if keys.is_empty() { String::new() } else { format!(" {}", keys.join(" ")) };
        agree(&format!("{decision}{named}, and publish what is kept at the deadline?"))?;
    }
    let wanted = json!({ "decision": decision, "keys": keys, "release": which.release });
    let shown = context.ask("privacy.gate", wanted)?;
    output::result(&shown, context.json, preview_text)
}

pub(super) fn deny_list(context: &Context, verb: DenyVerb) -> Result<(), CliError> {
    let shown = match verb {
        DenyVerb::Add(args) => {
            context.ask("privacy.deny_list.add", json!({ "name": args.pattern }))?
        }
        DenyVerb::Remove(args) => {
            context.ask("privacy.deny_list.remove", json!({ "name": args.pattern }))?
        }
        DenyVerb::List => context.ask("privacy.deny_list", json!({}))?,
    };
    output::result(&shown, context.json, |shown| {
        let entries = shown["entries"].as_array().into_iter().flatten();
        let lines: String = entries
            .map(|entry| format!("{}  {}\n", text(&entry["pattern"]), text(&entry["counts"])))
            .collect();
        if lines.is_empty() { "the deny-list is empty".into() } else { lines }
    })
}

/// Without a daemon the entries are only read: nothing is opened that could write.
pub(super) fn ledger(context: &Context, verb: &LedgerVerb) -> Result<(), CliError> {
    let LedgerVerb::Verify = verb;
    let verified = match context.ask_daemon("privacy.ledger.verify", json!({}))? {
        Some(verified) => verified,
        None => {
            let _lock = context.home.lock()?;
            json!(verify_ledger(&context.home)?)
        }
    };
    output::result(&verified, context.json, |v| {
        format!(
            "{} entries in an unbroken chain; {} releases cost what they say; {} results drawn, {} \
             byte strings signed, {} releases void",
            v["entries"], v["releases"], v["sampled"], v["committed"], v["voided"]
        )
    })
}

/// `lessons`: the private view.
pub(super) fn lessons(context: &Context, limit: usize) -> Result<(), CliError> {
    let shown = context.ask("lessons", json!({ "limit": limit }))?;
    output::result(&shown, context.json, |shown| {
        let mut out = String::from(
            "Private: what each session would teach. Only what passes the privacy door leaves.\n",
        );
        for one in shown["lessons"].as_array().into_iter().flatten() {
            let topics = one["topics"].as_array().into_iter().flatten();
            let topics: Vec<&str> = topics.filter_map(Value::as_str).collect();
            out.push_str(&format!("{}  {}\n", text(&one["session"]), text(&one["lesson"])));
            if !topics.is_empty() {
                out.push_str(&format!("    about: {}\n", topics.join(", ")));
            }
            if let Some(pattern) = one["denied_by"].as_str() {
                out.push_str(&format!("    stays here: the deny-list has `{pattern}`\n"));
            }
        }
        out
    })
}

fn preview_text(shown: &Value) -> String {
    let mut out = String::new();
    for one in shown["waiting"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "release {} for `{}`\n  deadline in {} s, whenever it is answered; answer so far: {}\n",
            super::show::short(&one["release"]),
            text(&one["name"]),
            one["seconds_left"],
            text(&one["answer"])
        ));
        for key in one["keys"].as_array().into_iter().flatten() {
            let mark = match key["kept"].as_bool() {
                Some(true) => "keep",
                Some(false) => "drop",
                None => "    ",
            };
            let id = super::show::short(&key["id"]);
            out.push_str(&format!(
                "  {mark} {id}  {} (noisy support {})\n",
                text(&key["text"]),
                key["noisy_support"]
            ));
        }
        if let Some(bytes) = one["payload_bytes"].as_u64() {
            let hash = text(&one["payload_hash"]);
            out.push_str(&format!("  {bytes} bytes go out, with BLAKE3 hash {hash}\n"));
        }
    }
    if out.is_empty() {
        out.push_str("nothing waits at the gate\n");
        if shown["gate"]["ask"] == false {
            out.push_str("there is no gate: set `gate = \"ask\"` under [privacy] in config.toml\n");
        }
    } else {
        out.push_str(&format!("{}\n", text(&shown["fixed"])));
    }
    out.push_str(&due_text(&shown["due"]));
    out
}

/// Releases to come, one a line.
pub(super) fn due_text(due: &Value) -> String {
    let due = due.as_array().into_iter().flatten();
    let lines = due.map(|one| {
        let cost = one["cost"]["rho_nano"]
            .as_f64()
            .map_or_else(String::new, |rho| format!("; costs rho {}", rho / 1e9));
        let needs = one["supporters_needed"]
            .as_u64()
            .map_or_else(String::new, |needed| format!("; needs {needed} supporters"));
        let time = one["about_seconds"]
            .as_u64()
            .map_or_else(String::new, |at| format!(", about {at} s since the Unix epoch"));
        format!(
            "  due when epoch {} of `{}` opens{time}: {}{cost}{needs}\n",
            one["epoch"],
            text(&one["name"]),
            text(&one["kind"])
        )
    });
    lines.collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
