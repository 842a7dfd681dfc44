//! `lore-sim compare` and `lore-sim check`: did the results of the shipped scenarios change?

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use lore_simulations::metrics::{self, Metric};
use lore_simulations::scenario::{SHIPPED, Scenario};
use lore_simulations::stats::Sample;
use lore_simulations::table::Table;
use lore_simulations::{runner, world};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{bar, line};

/// A mean may move by this many standard errors of a difference. For a normal law a correct build misses
/// it less than once in a million.
const TOLERANCE: f64 = 5.0;

#[derive(clap::Args)]
pub(crate) struct CompareArgs {
    /// `lore-sim` of the one build
    base: PathBuf,
    /// `lore-sim` of the other build
    new: PathBuf,
    /// Seeds of every scenario
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    seeds: u64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// Committed results, a .csv
    file: PathBuf,
    /// Write the results of this build into the file instead
    #[arg(long)]
    write: bool,
    /// Seeds of every scenario, with --write; 5 without it. A comparison takes the seeds of the file
    #[arg(long, requires = "write", value_parser = clap::value_parser!(u64).range(2..=1_000))]
    seeds: Option<u64>,
    /// Threads
    #[arg(long)]
    threads: Option<usize>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Seeds of committed results.
const SEEDS: u64 = 5;

/// A metric whose values differ.
#[derive(Debug, Serialize)]
struct Change {
    scenario: String,
    metric: String,
    /// Mean over seeds; none where the metric is missing.
    base: Option<f64>,
    new: Option<f64>,
    /// Difference of means that the spread over seeds explains.
    tolerance: f64,
    within: bool,
}

/// Values of each (scenario, metric), one for each seed.
type Values = BTreeMap<(String, String), Vec<f64>>;

pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<bool> {
    let [mut base, mut new] = [Values::new(), Values::new()];
    let names = [names(&args.base)?, names(&args.new)?];
    let both: Vec<&String> = names[0].intersection(&names[1]).collect();
    for name in names[0].symmetric_difference(&names[1]) {
        eprintln!("lore-sim: only one of the builds has scenario `{name}`; it is left out");
    }
    let progress = bar(2 * both.len() as u64, "compare")?;
    for name in both {
        for (program, values) in [(&args.base, &mut base), (&args.new, &mut new)] {
            run_program(program, name, args.seeds, values)?;
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    let compared = base.len();
    let changes = changes(&base, &new);
    print(&changes, compared, args.json);
    Ok(true)
}

fn output(program: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let shown = format!("{} {}", program.display(), arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {shown}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // A run that violates an invariant fails too, and has its result.
    let last = text.lines().last().unwrap_or_default();
    match serde_json::from_str(last) {
        Ok(value) => Ok(value),
        Err(_) => bail!(
            "{shown}: no result ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}

fn names(program: &Path) -> anyhow::Result<BTreeSet<String>> {
    let listed = output(program, &["list", "--json"])?;
    let scenarios = listed["scenarios"].as_array().context("`list --json` has no scenarios")?;
    // Worlds other than the federation have runs of another shape.
    let federations = scenarios.iter().filter(|one| one["nodes"].is_u64());
    Ok(federations.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect())
}

fn run_program(program: &Path, name: &str, seeds: u64, values: &mut Values) -> anyhow::Result<()> {
    let result = output(program, &["run", name, "--seeds", &seeds.to_string(), "--json"])?;
    for run in result["runs"].as_array().context("`run --json` has no runs")? {
        let found = metrics::of_json(run);
        add(values, name, found);
    }
    Ok(())
}

fn add(values: &mut Values, scenario: &str, metrics: Vec<Metric>) {
    for metric in metrics {
        values.entry((scenario.to_owned(), metric.name)).or_default().push(metric.value);
    }
}

/// Metrics whose values differ, most of all those that differ by more than the spread.
fn changes(base: &Values, new: &Values) -> Vec<Change> {
    let keys: BTreeSet<&(String, String)> = base.keys().chain(new.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (one, other) = (base.get(key), new.get(key));
        if one == other {
            continue;
        }
        let sample = |values: Option<&Vec<f64>>| {
            values.map(|values| values.iter().copied().collect::<Sample>())
        };
        let (one, other) = (sample(one), sample(other));
        let (mut tolerance, mut within) = (0.0, false);
        if let (Some(one), Some(other)) = (&one, &other) {
            let count = one.count().min(other.count()).max(1) as f64;
            tolerance = TOLERANCE * (2.0 * one.variance() / count).sqrt();
            within = one.count() == other.count() && (one.mean() - other.mean()).abs() <= tolerance;
        }
        let mean = |sample: Option<Sample>| sample.map(|sample| sample.mean());
        let (scenario, metric) = key.clone();
        changes.push(Change {
            scenario,
            metric,
            base: mean(one),
            new: mean(other),
            tolerance,
            within,
        });
    }
    changes.sort_by_key(|change| change.within);
    changes
}

fn print(changes: &[Change], compared: usize, json: bool) {
    let outside = changes.iter().filter(|change| !change.within).count();
    if json {
        line(&json!({ "compared": compared, "changed": outside, "changes": changes }).to_string());
        return;
    }
    if !changes.is_empty() {
        line(&format!(
            "{:<18} {:<28} {:>14} {:>14} {:>12}",
            "scenario", "metric", "base", "new", "tolerance"
        ));
    }
    let shown =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    for Change { scenario, metric, base, new, tolerance, within } in changes {
        line(&format!(
            "{scenario:<18} {metric:<28} {:>14} {:>14} {tolerance:>12.4} {}",
            shown(*base),
            shown(*new),
            if *within { "within spread" } else { "CHANGED" },
        ));
    }
    line(&format!(
        "{compared} metrics compared: {} the same, {} moved within their spread, {outside} changed",
        compared.saturating_sub(changes.len()),
        changes.len() - outside,
    ));
}

pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<bool> {
    let CheckArgs { file, write, seeds, threads, json } = args;
    let threads = threads.unwrap_or_else(runner::available_threads);
    if *write {
        let table = results(seeds.unwrap_or(SEEDS), threads)?;
        table.write(file)?;
        let (name, rows) = (file.display().to_string(), table.len());
        line(&match json {
            true => json!({ "ok": true, "file": name, "rows": rows }).to_string(),
            false => format!("{name}: {rows} rows"),
        });
        return Ok(true);
    }
    let committed = Table::read(file).with_context(|| {
        format!("{}; `lore-sim check {} --write` writes it", file.display(), file.display())
    })?;
    let seeds =
        committed.sorted()?.iter().map(|row| row.seed).collect::<BTreeSet<_>>().len() as u64;
    let (base, new) = (values(&committed)?, values(&results(seeds.max(1), threads)?)?);
    let changes = changes(&base, &new);
    print(&changes, base.len(), *json);
    let ok = changes.iter().all(|change| change.within);
    if !ok {
        eprintln!(
            "lore-sim: results changed by more than their spread. If that is meant: lore-sim check {} --write, and \
             say why in the commit",
            file.display()
        );
    }
    Ok(ok)
}

fn values(table: &Table) -> anyhow::Result<Values> {
    let mut values = Values::new();
    for row in table.sorted()? {
        values.entry((row.arm.clone(), row.metric.clone())).or_default().push(row.value);
    }
    Ok(values)
}

/// Outcomes of all shipped scenarios, without their time series.
fn results(seeds: u64, threads: usize) -> anyhow::Result<Table> {
    let seeds: Vec<u64> = (1..=seeds).collect();
    let mut table = Table::new();
    let progress = bar(SHIPPED.len() as u64 * seeds.len() as u64, "check")?;
    for (name, text) in SHIPPED {
        let scenario = Scenario::parse(text).with_context(|| format!("scenario `{name}`"))?;
        let outcomes = runner::in_parallel(&seeds, threads, |seed| {
            let outcome = world::run(&scenario, seed, |_| ());
            progress.inc(1);
            outcome
        });
        for (run, outcome) in outcomes.into_iter().enumerate() {
            let outcome = outcome?;
            let found = metrics::of_federation(&outcome, &[]);
            metrics::add(&mut table, run as u64, outcome.seed, name, found);
        }
    }
    progress.finish_and_clear();
    Ok(table)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn values(of: &[f64]) -> Values {
        [(("s".to_owned(), "m".to_owned()), of.to_vec())].into()
    }

    #[test]
    fn a_change_counts_when_it_is_larger_than_the_spread() {
        let base = values(&[10.0, 11.0, 12.0, 13.0, 14.0]);
        assert!(changes(&base, &base).is_empty());
        // Standard deviation 1.58, of a difference of two means of five 1.0: tolerance 5.
        let near = changes(&base, &values(&[14.0, 15.0, 16.0, 17.0, 17.9]));
        assert!(near[0].within && (near[0].tolerance - 5.0).abs() < 1e-9, "{near:?}");
        let far = changes(&base, &values(&[16.0, 17.0, 18.0, 19.0, 20.0]));
        assert!(!far[0].within, "{far:?}");
        let exact = changes(&values(&[3.0, 3.0]), &values(&[3.0, 3.001]));
        assert!(!exact[0].within, "a metric without spread may not move: {exact:?}");
        assert!(!changes(&base, &values(&[10.0, 11.0, 12.0, 13.0]))[0].within, "a seed is gone");
        assert!(!changes(&base, &Values::new())[0].within, "a metric is gone");
    }
}
