//! What a run leaves: one screen of results, a page with figures, and a table.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use lore_simulations::metrics;
use lore_simulations::plot::{Axis, Figure, Point, Series};
use lore_simulations::report::Report;
use lore_simulations::scenario::Scenario;
use lore_simulations::summary::{Interval, label, summarise};
use lore_simulations::table::Table;
use lore_simulations::world::{Outcome, Sample};
use serde::Serialize;

use crate::line;

/// Metrics of a federation's run that stand in the table, where the run has them.
const SHOWN: [&str; 12] = [
    "ok",
    "published",
    "deliveries.missed",
    "t50_s",
    "t99_s",
    "t100_s",
    "agreed_after_calm_s",
    "most_distinct_roots",
    "forks",
    "released",
    "tally.gossip_bytes",
    "tally.sync_bytes",
];

/// Directory of reports without `--out`.
pub(crate) fn directory(out: Option<&Path>, name: &str) -> PathBuf {
    out.map_or_else(|| Path::new("lore-sim-reports").join(stem(name)), Path::to_owned)
}

/// A name for files: letters, digits, dot, dash and underscore.
fn stem(name: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let clean: String =
        name.chars().map(|letter| if fits(letter) { letter } else { '-' }).collect();
    let clean = clean.trim_start_matches('.').to_owned();
    if clean.is_empty() { "run".to_owned() } else { clean }
}

/// Files that a run wrote.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Files {
    /// The page.
    pub(crate) report: String,
    /// All values.
    pub(crate) table: String,
}

/// Writes report and table of a federation's runs.
pub(crate) fn federation(
    directory: &Path,
    scenario: &Scenario,
    (text, command): (&str, &str),
    runs: &[(Outcome, Vec<Sample>)],
) -> anyhow::Result<(Files, Table)> {
    let mut table = Table::new();
    for (run, (outcome, samples)) in runs.iter().enumerate() {
        let metrics = metrics::of_federation(outcome, samples);
        metrics::add(&mut table, run as u64, outcome.seed, &scenario.name, metrics);
    }
    let seeds = of_seeds(runs.len());
    let mut report = Report::new(
        format!("{}: {} nodes", scenario.name, scenario.nodes),
        command,
        text,
    )
    .text(&scenario.about)
    .text(format!(
        "{seeds}. Times are virtual. Every node ran the shipped engine; bytes crossed the wire."
    ));
    let broken = runs.iter().flat_map(|(outcome, _)| {
        outcome.violations.iter().map(|what| vec![outcome.seed.to_string(), what.clone()])
    });
    let broken: Vec<Vec<String>> = broken.collect();
    if !broken.is_empty() {
        report = report.heading("Violated invariants").table(["seed", "what"], broken);
    }
    let of_band = if runs.len() > 1 {
        format!("Mean and 95 % interval (Student's t). {seeds}, up to the end of the shortest run.")
    } else {
        format!("{seeds}, so there is no interval.")
    };
    for (metric, y, scale) in [
        ("at.distinct_roots", Axis::new("Different library roots", ""), 1.0),
        ("at.bytes", Axis::new("Sent so far", "MB"), 1e-6),
    ] {
        if let Some(points) = over_time(&table, &scenario.name, metric)? {
            let (name, _) = label(metric);
            let points = points.into_iter().map(|Point { x, y, low, high }| Point {
                x,
                y: y * scale,
                low: low * scale,
                high: high * scale,
            });
            let figure =
                Figure::new(format!("{name} over time"), Axis::new("Virtual time", "s"), y)
                    .with(Series::line("", points));
            report = report.figure(figure, format!("{name} over time. {of_band}"));
        }
    }
    let report = report
        .heading("Results")
        .table(["metric", "mean", "95 % interval", "runs"], rows(&table, &scenario.name, &SHOWN)?)
        .limits(
            "Gossip, anti-entropy, the fold, signatures and admission are the shipped code; which members a node may \
             have as neighbours in gossip is a fixed random overlay. No agent runs, so nothing is said about how \
             useful the lessons are.",
        );
    let files = write(directory, &scenario.name, &report, &table)?;
    Ok((files, table))
}

pub(super) fn write(
    directory: &Path,
    name: &str,
    report: &Report,
    table: &Table,
) -> anyhow::Result<Files> {
    let page = report.write(directory, &stem(name)).context("cannot write the report")?;
    let file = directory.join(format!("{}.parquet", stem(name)));
    table.write(&file).context("cannot write the table of results")?;
    Ok(Files { report: page.display().to_string(), table: file.display().to_string() })
}

pub(super) fn of_seeds(count: usize) -> String {
    if count == 1 { "One seed".to_owned() } else { format!("{count} seeds") }
}

/// A metric over time, as long as all runs last.
pub(super) fn over_time(
    table: &Table,
    arm: &str,
    metric: &str,
) -> anyhow::Result<Option<Vec<Point>>> {
    let summary = summarise(table, metric)?;
    let of_arm: Vec<(u64, Interval)> = summary
        .into_iter()
        .filter(|((name, _), _)| name == arm)
        .map(|((_, t_micros), one)| (t_micros, one))
        .collect();
    let most = of_arm.iter().map(|(_, one)| one.runs).max();
    let points: Vec<Point> = of_arm
        .into_iter()
        .filter(|(_, one)| Some(one.runs) == most)
        .map(|(t_micros, one)| Point {
            x: t_micros as f64 / 1e6,
            y: one.mean,
            low: one.low,
            high: one.high,
        })
        .collect();
    Ok((points.len() > 1).then_some(points))
}

/// Rows of the table of results: metric, mean, interval, runs.
fn rows(table: &Table, arm: &str, shown: &[&str]) -> anyhow::Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for metric in shown {
        let summary = summarise(table, metric)?;
        let Some(one) = summary.get(&(arm.to_owned(), 0)) else { continue };
        let interval = if one.runs > 1 {
            format!("{} to {}", short(one.low), short(one.high))
        } else {
            "-".to_owned()
        };
        rows.push(vec![(*metric).to_owned(), short(one.mean), interval, one.runs.to_string()]);
    }
    Ok(rows)
}

/// About four digits.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if value.fract() == 0.0 && size < 1e15 => format!("{value:.0}"),
        _ if size >= 1e4 => format!("{value:.0}"),
        _ if size >= 100.0 => format!("{value:.1}"),
        _ if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// Prints one screen of results of several runs.
pub(crate) fn print_summary(table: &Table, name: &str) -> anyhow::Result<()> {
    line(&format!("{name}: mean and 95 % interval over seeds"));
    for row in rows(table, name, &SHOWN)? {
        if let [metric, mean, interval, runs] = row.as_slice() {
            line(&format!("  {metric:<24} {mean:>12}  {interval:<26} {runs} runs"));
        }
    }
    Ok(())
}
