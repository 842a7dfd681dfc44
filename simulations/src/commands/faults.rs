//! `lore-sim faults`: random fault schedules, and the line that runs a failed one again.

use lore_simulations::{faults, runner};
use serde_json::json;

use super::seeds::Seeds;
use crate::{bar, line};

pub(crate) fn check(seeds: Seeds, threads: Option<usize>, json: bool) -> anyhow::Result<bool> {
    let seeds = seeds.list(1)?;
    let threads = threads.unwrap_or_else(runner::available_threads);
    let progress = bar(seeds.len() as u64, "fault schedules")?;
    let outcomes = runner::in_parallel(&seeds, threads, |seed| {
        let outcome = faults::run(seed);
        progress.inc(1);
        outcome
    });
    progress.finish_and_clear();
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.ok).collect();
    let again: Vec<String> = failed.iter().map(|one| faults::reproduction(one.seed)).collect();
    if json {
        let (schedules, ok) = (seeds.len(), failed.is_empty());
        line(
            &json!({ "ok": ok, "schedules": schedules, "reproduce": again, "failed": failed })
                .to_string(),
        );
        return Ok(failed.is_empty());
    }
    for (outcome, again) in failed.iter().zip(&again) {
        for violation in &outcome.violations {
            line(&format!("seed {}: VIOLATED: {violation}", outcome.seed));
        }
        eprintln!("reproduce: {again}");
    }
    line(&format!("{} fault schedules, {} failed", seeds.len(), failed.len()));
    Ok(failed.is_empty())
}
