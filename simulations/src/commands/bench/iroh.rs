//! `lore-sim bench --iroh`: the scenarios that iroh-gossip publishes for its simulator, with its program and here.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use lore_simulations::dissemination::{self, Disseminated, Rounds, Sender};
use serde::{Deserialize, Serialize};

use super::timer::{Timer, run_program};
use crate::line;

/// Seeds of the published scenarios.
const SEEDS: [u64; 4] = [0, 1, 212_312_388_123, 123];
/// Neighbours of each node: as many as iroh-gossip's active view holds at most.
const DEGREE: u32 = 5;
/// Latency of a pair of nodes.
const MIN_MS: u64 = 10;
const MAX_MS: u64 = 50;
/// Greatest ratio of the processor seconds.
const RATIO: f64 = 2.0;

/// A published scenario: its name there, nodes, rounds, and the published time in milliseconds where there is one.
type Published = (&'static str, Sender, u32, u32, Option<u32>);

const PUBLISHED: [Published; 8] = [
    ("GossipSingle", Sender::One, 20, 30, Some(73)),
    ("GossipSingle", Sender::One, 100, 30, Some(163)),
    ("GossipSingle", Sender::One, 1_000, 30, Some(361)),
    ("GossipMulti", Sender::Random, 20, 30, Some(106)),
    ("GossipMulti", Sender::Random, 100, 30, Some(284)),
    ("GossipMulti", Sender::Random, 1_000, 30, Some(606)),
    ("GossipAll", Sender::All, 20, 30, None),
    ("GossipAll", Sender::All, 100, 5, None),
];

/// A time as its program writes it.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Duration {
    secs: u64,
    nanos: u32,
}

impl Duration {
    #[allow(clippy::cast_precision_loss)]
    fn ms(self) -> f64 {
        self.secs as f64 * 1e3 + f64::from(self.nanos) / 1e6
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Stats {
    duration: Duration,
    missed: f64,
}

#[derive(Debug, Clone, Deserialize)]
struct Average {
    mean: Stats,
    max: Stats,
}

/// What its program writes for one scenario.
#[derive(Debug, Deserialize)]
struct Results {
    results: BTreeMap<String, Average>,
    average: Average,
}

/// Results of its program.
#[derive(Debug, Serialize)]
struct Theirs {
    /// Processor seconds of the program for all seeds, its bootstrap included.
    seconds: f64,
    /// The same for one round.
    one_round_seconds: f64,
    /// Mean time of a round, over all seeds.
    mean_ms: f64,
    /// The mean that it prints, which is the least of the seeds' means.
    printed_ms: f64,
    /// Most messages that were missed in a round.
    missed: f64,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    scenario: &'static str,
    nodes: u32,
    rounds: u32,
    /// Processor seconds for all seeds, graphs included.
    seconds: f64,
    /// The same for one round.
    one_round_seconds: f64,
    mean_ms: f64,
    /// The least of the seeds' means.
    least_ms: f64,
    missed: u64,
    deliveries_per_delta_and_node: f64,
    published_ms: Option<u32>,
    iroh: Option<Theirs>,
    ratio: Option<f64>,
}

/// All scenarios.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    seeds: usize,
    degree: u32,
    rows: Vec<Row>,
    seconds: f64,
    iroh_seconds: Option<f64>,
    ratio: Option<f64>,
    /// Ratio of what all rounds but the first cost: without bootstrap and graphs.
    rounds_ratio: Option<f64>,
    /// Nothing where its program was not run, or not on all scenarios.
    pub(super) met: Option<bool>,
}

/// Runs all scenarios, here and with the program, where there is one.
pub(super) fn compare(program: Option<&Path>, quick: bool) -> anyhow::Result<Compared> {
    let mut rows = Vec::new();
    for published in PUBLISHED.into_iter().filter(|(_, _, nodes, ..)| !quick || *nodes <= 100) {
        let iroh = program.map(|program| theirs(program, published)).transpose()?;
        let row = ours(published)?;
        let ratio = iroh.as_ref().map(|iroh| row.seconds / iroh.seconds);
        rows.push(Row { iroh, ratio, ..row });
    }
    let sum = |of: &dyn Fn(&Row) -> f64| rows.iter().map(of).sum::<f64>();
    let seconds = sum(&|row| row.seconds);
    let of_iroh = |of: &dyn Fn(&Theirs) -> f64| {
        let all: Option<Vec<f64>> = rows.iter().map(|row| row.iroh.as_ref().map(of)).collect();
        all.map(|all| all.into_iter().sum::<f64>())
    };
    let iroh_seconds = of_iroh(&|one| one.seconds);
    let rounds = sum(&|row| row.seconds - row.one_round_seconds);
    let rounds_ratio = of_iroh(&|one| one.seconds - one.one_round_seconds).map(|all| rounds / all);
    let missed = sum(&|row| if row.missed == 0 { 0.0 } else { 1.0 }) > 0.0;
    let met = iroh_seconds
        .filter(|_| !quick)
        .map(|_| !missed && rows.iter().all(|row| row.ratio.is_some_and(|ratio| ratio <= RATIO)));
    let ratio = iroh_seconds.map(|iroh| seconds / iroh);
    let (seeds, degree) = (SEEDS.len(), DEGREE);
    Ok(Compared { seeds, degree, rows, seconds, iroh_seconds, ratio, rounds_ratio, met })
}

#[allow(clippy::cast_precision_loss)]
fn ours((scenario, sender, nodes, rounds, published_ms): Published) -> anyhow::Result<Row> {
    let (min_micros, span_micros) = (MIN_MS * 1_000, (MAX_MS - MIN_MS) * 1_000);
    let plan = Rounds { nodes, degree: DEGREE, rounds, sender, min_micros, span_micros };
    let all = |plan: Rounds| -> Option<Vec<Disseminated>> {
        SEEDS.into_iter().map(|seed| dissemination::run(plan, seed)).collect()
    };
    let found = all(plan).context("there is no graph of this size and degree")?;
    let one_round_seconds = seconds_of(|| drop(all(Rounds { rounds: 1, ..plan })));
    let seconds = seconds_of(|| drop(all(plan)));
    let means = || found.iter().map(Disseminated::mean_ms);
    let deltas = if sender == Sender::All { nodes } else { 1 };
    let heard = f64::from(deltas * rounds) * f64::from(nodes - 1) * found.len() as f64;
    Ok(Row {
        scenario,
        nodes,
        rounds,
        seconds,
        one_round_seconds,
        mean_ms: means().sum::<f64>() / found.len() as f64,
        least_ms: means().fold(f64::INFINITY, f64::min),
        missed: found.iter().map(|one| one.missed).sum(),
        deliveries_per_delta_and_node: found.iter().map(|one| one.deliveries).sum::<u64>() as f64
            / heard,
        published_ms,
        iroh: None,
        ratio: None,
    })
}

/// Processor seconds of something short: the mean of as many times as take a quarter of a second.
fn seconds_of(mut once: impl FnMut()) -> f64 {
    let begin = Timer::start();
    let mut times = 0_u32;
    while begin.seconds() < 0.25 {
        once();
        times += 1;
    }
    begin.seconds() / f64::from(times)
}

fn theirs(program: &Path, (scenario, _, nodes, rounds, _): Published) -> anyhow::Result<Theirs> {
    eprintln!("running {scenario} with {nodes} nodes in {}", program.display());
    let (_, one_round_seconds) = run(program, scenario, nodes, 1)?;
    let (Results { results, average }, seconds) = run(program, scenario, nodes, rounds)?;
    if results.len() != SEEDS.len() {
        bail!("the program has results of {} seeds instead of {}", results.len(), SEEDS.len());
    }
    let sum = results.values().map(|one| one.mean.duration.ms()).sum::<f64>();
    #[allow(clippy::cast_precision_loss)]
    let mean_ms = sum / results.len() as f64;
    let missed = results.values().map(|one| one.max.missed).fold(0.0, f64::max);
    let printed_ms = average.mean.duration.ms();
    Ok(Theirs { seconds, one_round_seconds, mean_ms, printed_ms, missed })
}

/// Runs its program on one scenario: what it writes, and its processor seconds.
fn run(program: &Path, scenario: &str, nodes: u32, rounds: u32) -> anyhow::Result<(Results, f64)> {
    let directory = tempfile::tempdir()?;
    let config = directory.path().join("scenario.toml");
    let text = format!(
        "seeds = {SEEDS:?}\n\
         config.latency.dynamic = {{ min = \"{MIN_MS}ms\", max = \"{MAX_MS}ms\" }}\n\
         [[scenario]]\nsim = \"{scenario}\"\nnodes = {nodes}\nrounds = {rounds}\n"
    );
    std::fs::write(&config, text)?;
    let out = directory.path().join("out");
    let mut command = Command::new(program);
    command.args(["run", "--single-threaded", "--config-path"]).arg(&config);
    // Its log would cost time on every event.
    command.arg("--out-dir").arg(&out).env("RUST_LOG", "off");
    let (_, seconds) = run_program(&mut command)
        .context("the program `sim` of the crate iroh-gossip (feature `simulator`) is needed")?;
    let file = out.join(format!("{scenario}-n{nodes}-r{rounds}.results.json"));
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("the program wrote no results of {scenario}"))?;
    let results = serde_json::from_str(&text).with_context(|| {
        format!("results of {scenario} are not as iroh-gossip 0.101 writes them")
    })?;
    Ok((results, seconds))
}

pub(super) fn print(compared: &Compared) {
    line(&format!(
        "dissemination, {MIN_MS} to {MAX_MS} ms links, degree {}, {} seeds; means of rounds in ms:",
        compared.degree, compared.seeds
    ));
    line(
        "scenario       nodes | CPU s ours    iroh  ratio | ms ours (least)    iroh (printed) published | missed ours iroh",
    );
    let shown = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    for row in &compared.rows {
        let of = |of: fn(&Theirs) -> f64| row.iroh.as_ref().map(of);
        line(&format!(
            "{:<14} {:>5} | {:>10.3} {:>7} {:>6} | {:>7.0} {:>7.0} {:>7} {:>9} {:>9} | {:>11} {:>4}",
            row.scenario,
            row.nodes,
            row.seconds,
            shown(of(|one| one.seconds), 3),
            shown(row.ratio, 2),
            row.mean_ms,
            row.least_ms,
            shown(of(|one| one.mean_ms), 0),
            shown(of(|one| one.printed_ms), 0),
            row.published_ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string()),
            row.missed,
            shown(of(|one| one.missed), 0),
        ));
    }
    line(&format!(
        "in all {:.2} s and {} s, ratio {}; rounds alone, without bootstrap and graphs, ratio {}; bar ({RATIO:.0} times) {}",
        compared.seconds,
        shown(compared.iroh_seconds, 2),
        shown(compared.ratio, 3),
        shown(compared.rounds_ratio, 3),
        super::verdict(compared.met)
    ));
}
