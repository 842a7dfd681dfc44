//! `lore-sim replay`: does again what a manifest says, and compares the trace hashes.

use std::path::Path;

use anyhow::Context as _;
use lore_simulations::manifest::{Manifest, Traced};
use lore_simulations::scenario::Scenario;
use lore_simulations::{runner, world};
use serde_json::json;

use crate::{bar, line};

pub(crate) fn replay(
    path: &Path,
    threads: Option<usize>,
    anyway: bool,
    json: bool,
) -> anyhow::Result<bool> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read manifest `{name}`"))?;
    let manifest = Manifest::parse(&text).with_context(|| format!("manifest `{name}`"))?;
    if !anyway {
        manifest.check_program().with_context(|| format!("manifest `{name}`"))?;
    }
    let scenario = Scenario::parse(&manifest.text)
        .with_context(|| format!("scenario `{}` of manifest `{name}`", manifest.scenario))?;
    let seeds: Vec<u64> = manifest.runs.iter().map(|run| run.seed).collect();
    let progress = bar(seeds.len() as u64, "replay")?;
    let threads = threads.unwrap_or_else(runner::available_threads);
    let outcomes = runner::in_parallel(&seeds, threads, |seed| {
        let outcome = world::run(&scenario, seed, |_| {});
        progress.inc(1);
        outcome
    });
    progress.finish_and_clear();
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut same = true;
    let mut runs = Vec::new();
    for (then, now) in manifest.runs.iter().zip(outcomes.iter().map(Traced::from)) {
        same &= *then == now;
        if !json {
            let judged = if *then == now { "same" } else { "DIFFERENT" };
            line(&format!("seed {:<6} {judged:<9} {}", then.seed, now.trace));
        }
        runs.push(json!({ "seed": then.seed, "same": *then == now, "then": then, "now": now }));
    }
    if json {
        let scenario = &manifest.scenario;
        line(&json!({ "ok": same, "scenario": scenario, "runs": runs }).to_string());
    } else if same {
        line(&format!("{}: {} runs, all as in the manifest", manifest.scenario, seeds.len()));
    }
    Ok(same)
}
