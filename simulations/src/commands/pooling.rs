//! `lore-sim run` of a replay of outcomes: pooling and privacy on recorded trials.

use std::path::Path;

use lore_simulations::metrics;
use lore_simulations::outcomes::{ARMS, Replay};
use lore_simulations::plot::{Axis, Figure, Point, Series};
use lore_simulations::report::Report;
use lore_simulations::runner;
use lore_simulations::summary::{Interval, summarise};
use lore_simulations::table::Table;
use serde::Serialize;

use super::results::{Files, directory, of_seeds, over_time, write};
use crate::{bar, line};

#[derive(Serialize)]
struct Replayed<'a> {
    scenario: &'a str,
    seeds: usize,
    sigma: f64,
    arms: Vec<ArmResult>,
    #[serde(flatten)]
    files: Option<Files>,
}

#[derive(Serialize)]
struct ArmResult {
    arm: &'static str,
    rate_error_points: Interval,
}

/// Runs a replay of outcomes over its seeds, and reports.
pub(crate) fn run(
    replay: &Replay,
    (text, command): (&str, &str),
    seeds: &[u64],
    threads: usize,
    (out, json): (Option<&Path>, bool),
) -> anyhow::Result<bool> {
    let progress = bar(seeds.len() as u64, &replay.name)?;
    let results = runner::in_parallel(seeds, threads, |seed| {
        let metrics = replay.run(seed);
        progress.inc(1);
        metrics
    });
    progress.finish_and_clear();
    let mut table = Table::new();
    for (run, (seed, found)) in seeds.iter().zip(results).enumerate() {
        metrics::add(&mut table, run as u64, *seed, "", found?);
    }
    let report = replay_report(replay, text, command, &table, seeds.len())?;
    let files = if json && out.is_none() {
        None
    } else {
        Some(write(&directory(out, &replay.name), &replay.name, &report, &table)?)
    };
    let summary = summarise(&table, "rate_error_points")?;
    let last = summary.keys().map(|(_, t_micros)| *t_micros).max().unwrap_or(0);
    let arms = ARMS.into_iter().filter_map(|arm| {
        let interval = summary.get(&(format!("arm={arm}"), last))?;
        Some(ArmResult { arm, rate_error_points: *interval })
    });
    let arms: Vec<ArmResult> = arms.collect();
    if json {
        let (scenario, seeds, sigma) = (replay.name.as_str(), seeds.len(), replay.sigma());
        line(&serde_json::to_string(&Replayed { scenario, seeds, sigma, arms, files })?);
        return Ok(true);
    }
    line(&format!(
        "{}: error of a success rate after {} releases, in percentage points",
        replay.name, replay.releases
    ));
    for ArmResult { arm, rate_error_points: one } in arms {
        line(&format!("  {arm:<20} {:>6.1}  ({:.1} to {:.1})", one.mean, one.low, one.high));
    }
    line("These runs used no skills: only pooling and privacy are studied.");
    if let Some(files) = files {
        line(&format!("report: {}\ntable: {}", files.report, files.table));
    }
    Ok(true)
}

fn replay_report(
    replay: &Replay,
    text: &str,
    command: &str,
    table: &Table,
    seeds: usize,
) -> anyhow::Result<Report> {
    let x = Axis::new("Releases of every node, one a week", "");
    let y = Axis::new("Error of a success rate", "percentage points");
    let mut figure = Figure::new("Error of success rates by number of releases", x, y);
    for arm in ARMS {
        let points = over_time(table, &format!("arm={arm}"), "rate_error_points")?;
        let week = |point: Point| Point { x: point.x / (7.0 * 86_400.0), ..point };
        figure = figure.with(Series::line(arm, points.unwrap_or_default().into_iter().map(week)));
    }
    let groups = replay.outcomes.groups().into_iter().map(|(group, (trials, rate, cost))| {
        vec![
            group.to_owned(),
            trials.to_string(),
            format!("{:.1}", rate * 100.0),
            format!("{cost:.2}"),
        ]
    });
    let of_band = if seeds > 1 { "Mean and 95 % interval (Student's t)" } else { "No interval" };
    let Replay { nodes, users, sessions, epsilon, .. } = replay;
    Ok(Report::new(format!("{}: pooling real outcomes", replay.name), command, text)
        .text(&replay.about)
        .text(
            "These runs used no skills. They were recorded before any federation, so nothing that nodes learn changes \
             an outcome: only pooling and privacy are studied.",
        )
        .text(format!(
            "{} trials in {} families of tasks, dealt to {nodes} nodes. Each of the {users} users of a node has \
             {sessions} sessions between two releases, drawn from the node's share. Families stand for skills. Epsilon \
             is {epsilon} for each user over all {} releases: noise of {:.1} sessions on each count of a release. \
             Bounding, noise and pooling are the shipped code.",
            replay.outcomes.trials.len(),
            replay.outcomes.groups().len(),
            replay.releases,
            replay.sigma(),
        ))
        .figure(
            figure,
            format!(
                "Root of the mean square error over families and nodes, against the rate in the whole table; \
                 without an estimate a node says 50 %. {of_band}, {}.",
                of_seeds(seeds).to_lowercase()
            ),
        )
        .heading("The table")
        .table(["family of tasks", "trials", "success (%)", "mean cost"], groups)
        .limits(
            "The same trials come up again and again, so the sessions of a node are less varied than those of real \
             users. Rare families of tasks count as much as common ones. Sessions of one user are independent here. Signatures and the network are left out. No budget is \
             spent on costs: they are only described.",
        ))
}
