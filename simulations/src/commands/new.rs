//! `lore-sim new`: a commented scenario to start from.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::line;

/// A commented scenario of each world, and a sweep.
const TEMPLATES: [(&str, &str); 4] = [
    ("federation", include_str!("../../templates/federation.toml")),
    ("replay", include_str!("../../templates/replay.toml")),
    ("learning", include_str!("../../templates/learning.toml")),
    ("sweep", include_str!("../../templates/sweep.toml")),
];

#[derive(clap::Args)]
pub(crate) struct NewArgs {
    /// File to write; it must not exist
    file: PathBuf,
    /// Nodes in virtual time, a replay of an outcome table, gossip learning, or a sweep over a scenario
    #[arg(long, default_value = "federation", value_parser = ["federation", "replay", "learning", "sweep"])]
    kind: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Written {
    file: String,
    kind: String,
}

pub(crate) fn new(args: &NewArgs) -> anyhow::Result<bool> {
    let template = TEMPLATES.iter().find(|(kind, _)| *kind == args.kind);
    let (kind, text) = template.context("no such kind of scenario")?;
    let mut file = match std::fs::File::create_new(&args.file) {
        Ok(file) => file,
        Err(error) => bail!("cannot write {}: {error}; choose a new name", args.file.display()),
    };
    file.write_all(text.as_bytes())?;
    let shown = args.file.display().to_string();
    if args.json {
        let written = Written { file: shown, kind: (*kind).to_owned() };
        line(&serde_json::to_string(&written)?);
    } else {
        let run = if *kind == "sweep" { "sweep run" } else { "run" };
        line(&format!("{shown} is written; edit it, then: lore-sim {run} {shown}"));
    }
    Ok(true)
}
