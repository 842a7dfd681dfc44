//! `lore-sim run` of gossip learning, and `lore-sim samples`, which writes what a learning scenario trains on.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lore_simulations::learning::{Learning, Learnt};
use lore_simulations::plot::{Axis, Figure, Series};
use lore_simulations::report::Report;
use lore_simulations::summary::{Interval, summarise};
use lore_simulations::sweep::Base;
use lore_simulations::table::Table;
use lore_simulations::{files, metrics, runner};
use serde::Serialize;
use serde_json::json;

use super::file_name;
use super::results::{Files, directory, of_seeds, over_time, short, write};
use crate::{bar, line, read};

#[derive(Serialize)]
struct Run<'a> {
    seed: u64,
    #[serde(flatten)]
    learnt: &'a Learnt,
}

#[derive(Serialize)]
struct Learned<'a> {
    scenario: &'a str,
    nodes: u32,
    seeds: usize,
    ok: bool,
    accuracy: Interval,
    central_accuracy: Interval,
    runs: Vec<Run<'a>>,
    #[serde(flatten)]
    files: Option<Files>,
}

/// Runs gossip learning over its seeds, and reports.
pub(crate) fn run(
    learning: &Learning,
    (text, command): (&str, &str),
    seeds: &[u64],
    threads: usize,
    (out, json): (Option<&Path>, bool),
) -> anyhow::Result<bool> {
    let rounds = u64::from(learning.task.rounds) * seeds.len() as u64;
    let progress = bar(rounds, &learning.name)?;
    let results =
        runner::in_parallel(seeds, threads, |seed| learning.run(seed, || progress.inc(1)));
    progress.finish_and_clear();
    let results = results.into_iter().collect::<Result<Vec<Learnt>, _>>()?;
    let mut table = Table::new();
    for (run, (seed, learnt)) in seeds.iter().zip(&results).enumerate() {
        metrics::add(&mut table, run as u64, *seed, &learning.name, learnt.metrics());
    }
    let files = if json && out.is_none() {
        None
    } else {
        let page = report(learning, (text, command), &table, seeds)?;
        Some(write(&directory(out, &learning.name), &learning.name, &page, &table)?)
    };
    let last = |metric: &str| -> anyhow::Result<Interval> {
        let summary = summarise(&table, metric)?;
        summary.get(&(learning.name.clone(), 0)).copied().context("the table lacks a metric")
    };
    let (accuracy, central_accuracy) = (last("accuracy")?, last("central_accuracy")?);
    if json {
        let runs = seeds.iter().zip(&results).map(|(seed, learnt)| Run { seed: *seed, learnt });
        line(&serde_json::to_string(&Learned {
            scenario: &learning.name,
            nodes: learning.task.nodes,
            seeds: seeds.len(),
            ok: true,
            accuracy,
            central_accuracy,
            runs: runs.collect(),
            files,
        })?);
        return Ok(true);
    }
    line(&format!(
        "{}: accuracy after {} rounds on samples that no node trained on",
        learning.name, learning.task.rounds
    ));
    for (arm, one) in [("gossip", accuracy), ("one model of all samples", central_accuracy)] {
        let (low, high) = (short(one.low), short(one.high));
        line(&format!("  {arm:<26} {:>7}  ({low} to {high})", short(one.mean)));
    }
    if let Some(files) = files {
        line(&format!("report: {}\ntable: {}", files.report, files.table));
    }
    Ok(true)
}

fn report(
    learning: &Learning,
    (text, command): (&str, &str),
    table: &Table,
    seeds: &[u64],
) -> anyhow::Result<Report> {
    let x = Axis::new("Rounds", "");
    let y = Axis::new("Accuracy on samples that no node trained on", "share");
    // A round takes a second of virtual time.
    let points = over_time(table, &learning.name, "at.accuracy")?.unwrap_or_default();
    let figure = Figure::new("Accuracy by rounds", x, y).with(Series::line("gossip", points));
    let data = learning.data(seeds.first().copied().unwrap_or(learning.seed))?;
    let (samples, held_out) = data.sizes();
    let of_band =
        if seeds.len() > 1 { "Mean and 95 % interval (Student's t)" } else { "No interval" };
    Ok(Report::new(format!("{}: gossip learning", learning.name), command, text)
        .text(&learning.about)
        .text(format!(
            "{} nodes hold {samples} samples of {} numbers in all, and keep them. In every round each node sends its \
             linear model to one other. A node that gets one takes the mean of the weights and the greater age, and \
             makes a Pegasos step for each of its samples, in order.",
            learning.task.nodes,
            data.dimensions(),
        ))
        .figure(
            figure,
            format!(
                "Mean accuracy of the nodes' models on {held_out} samples. {of_band}, {}.",
                of_seeds(seeds.len()).to_lowercase()
            ),
        )
        .limits("Models are linear, nodes are honest, and weights are exchanged as they are, without privacy."))
}

#[derive(clap::Args)]
pub(crate) struct SamplesArgs {
    /// TOML file or name of a learning scenario
    scenario: String,
    /// Seed; the scenario's own without it
    #[arg(long)]
    seed: Option<u64>,
    /// Table to write, ending in .csv
    #[arg(long, short)]
    out: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Reads a learning scenario: a file, or the name of the shipped one.
pub(super) fn scenario(name: &str) -> anyhow::Result<Learning> {
    let directory = Path::new(name).parent().unwrap_or(Path::new("."));
    match Base::parse(&read(name)?, directory).with_context(|| format!("scenario `{name}`"))? {
        Base::Learning(learning) => Ok(*learning),
        _ => bail!(
            "`{name}` is no learning scenario; start from `lore-sim new FILE --kind learning`"
        ),
    }
}

pub(crate) fn samples(args: &SamplesArgs) -> anyhow::Result<bool> {
    if args.out.extension().is_none_or(|end| end != "csv") {
        bail!("--out {} must end in .csv", args.out.display());
    }
    let learning = scenario(&args.scenario)?;
    learning.check_memory(1)?;
    let seed = args.seed.unwrap_or(learning.seed);
    let data = learning.data(seed)?;
    files::write(&args.out, data.to_csv().as_bytes())?;
    let ((train, test), numbers) = (data.sizes(), data.dimensions());
    let (file, nodes) = (args.out.display().to_string(), learning.task.nodes);
    if args.json {
        let written = json!({
            "file": file, "seed": seed, "nodes": nodes, "train": train, "test": test, "numbers": numbers,
        });
        line(&written.to_string());
        return Ok(true);
    }
    let shown = file_name(&args.out);
    line(&format!(
        "{file}: {train} samples of {nodes} nodes and {test} for the test, {numbers} numbers each\n\
         next: `table = \"{shown}\"` in the place of `samples` and `dimensions`"
    ));
    Ok(true)
}
