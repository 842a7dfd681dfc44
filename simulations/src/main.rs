//! `lore-sim`: runs scenarios, and checks the simulator against known results.
//!
//! Progress goes to stderr. With `--json` stdout has JSON lines, the last one being the result.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use lore_simulations::manifest::Manifest;
use lore_simulations::scenario::{SHIPPED, Scenario, shipped};
use lore_simulations::world::{self, Outcome, Sample};
use lore_simulations::{drift, memory, runner, utility};
use serde_json::json;

mod commands;

use commands::seeds::Seeds;

/// Failed.
const FAILED: u8 = 1;

#[derive(Parser)]
#[command(name = "lore-sim", version, about = "Nodes in virtual time")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario: a file, or the name of one that `list` shows
    Run {
        /// TOML file or name
        scenario: String,
        /// First seed; the scenario's own without it
        #[arg(long)]
        seed: Option<u64>,
        /// Number of seeds, counted up from the first, or a range of seeds such as 1..20
        #[arg(long, default_value = "1")]
        seeds: Seeds,
        /// Threads; one simulation stays on one
        #[arg(long)]
        threads: Option<usize>,
        /// Write what `replay` needs to do the same again: scenario, seeds, versions and trace hashes
        #[arg(long, value_name = "FILE")]
        manifest: Option<PathBuf>,
        /// JSON lines: samples, then one object with the result
        #[arg(long)]
        json: bool,
    },
    /// Do again what a manifest of a run says, and compare every event
    Replay {
        /// File that `run --manifest` wrote
        manifest: PathBuf,
        /// Threads; one simulation stays on one
        #[arg(long)]
        threads: Option<usize>,
        /// Replay a manifest that another version wrote
        #[arg(long)]
        anyway: bool,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Measure how fast simulations are on one core, beside control arms
    Bench {
        /// A tenth of the nodes and of the deltas
        #[arg(long)]
        quick: bool,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Run random fault schedules on small federations, and check that no invariant breaks
    Faults {
        /// Number of schedules, or a range of their seeds such as 1..200
        #[arg(long, default_value = "200")]
        seeds: Seeds,
        /// Threads; one simulation stays on one
        #[arg(long)]
        threads: Option<usize>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check the simulator against results that are known without it
    Validate {
        /// First seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Threads
        #[arg(long)]
        threads: Option<usize>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Try to extract a word from a private session by poisoned ones
    Poison {
        /// Seed of the noise
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Attacks in each arm
        #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
        attacks: u64,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Count the lessons that budgets release in a quarter, on one node
    Utility {
        /// Users of the node
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        users: u32,
        /// Sessions of each user in the quarter
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        sessions: u32,
        /// Lessons that users share, by Zipf's law
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        lessons: u32,
        /// Quarters to average over
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        runs: u32,
        /// Seed of sessions and noise
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Rename a tool's flag, and rename it back: how long the remedy that stopped working is still hinted
    Drift {
        /// Nodes of the federation
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=400))]
        nodes: u32,
        /// Users of each node
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        users: u32,
        /// Users of a hundred that meet the failure in an epoch
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
        meets: u32,
        /// Epsilon of a period, which has twelve outcome releases
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
        epsilon: u32,
        /// Epochs before the first change, between the two, and after the second
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(4..=1_000))]
        phase: u32,
        /// First seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Number of seeds, counted up from the first
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        seeds: u64,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the scenarios that come along
    List {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run { scenario, seed, seeds, threads, manifest, json } => {
            run(&scenario, (seed, seeds), threads, manifest.as_deref(), json)
        }
        Command::Replay { manifest, threads, anyway, json } => {
            commands::replay::replay(&manifest, threads, anyway, json)
        }
        Command::Bench { quick, json } => commands::bench::bench(quick, json),
        Command::Faults { seeds, threads, json } => commands::faults::check(seeds, threads, json),
        Command::Validate { seed, threads, json } => commands::validate::check(seed, threads, json),
        Command::Poison { seed, attacks, json } => commands::poison(seed, attacks, json),
        Command::Utility { users, sessions, lessons, runs, seed, json } => {
            commands::useful(utility::Work { users, sessions, lessons }, runs, seed, json)
        }
        Command::Drift { nodes, users, meets, epsilon, phase, seed, seeds, json } => {
            let (meets_ppm, epsilon_micros) = (meets * 10_000, u64::from(epsilon) * 1_000_000);
            let study = drift::Study { nodes, users, meets_ppm, epsilon_micros, phase };
            commands::drift(study, seed, seeds, json)
        }
        Command::List { json } => list(json),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            eprintln!("lore-sim: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// Writes a line; a reader that has gone away (`| head`) ends the output, not the run.
fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Text of a scenario, and the scenario.
fn read(name: &str) -> anyhow::Result<(String, Scenario)> {
    let text = match shipped(name) {
        Some(text) => text.to_owned(),
        None => std::fs::read_to_string(name).with_context(|| {
            format!("cannot read scenario `{name}`; `lore-sim list` shows those that come along")
        })?,
    };
    let scenario = Scenario::parse(&text).with_context(|| format!("scenario `{name}`"))?;
    Ok((text, scenario))
}

fn bar(length: u64, what: &str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {elapsed}")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(what.to_owned()))
}

fn run(
    name: &str,
    (seed, seeds): (Option<u64>, Seeds),
    threads: Option<usize>,
    manifest: Option<&Path>,
    json: bool,
) -> anyhow::Result<bool> {
    let (text, scenario) = read(name)?;
    if seed.is_some() && matches!(seeds, Seeds::Range(..)) {
        bail!("--seed and a range in --seeds name the first seed twice; leave one of them out");
    }
    let seeds = seeds.list(seed.unwrap_or(scenario.seed))?;
    let threads = threads.unwrap_or_else(runner::available_threads);
    memory::check(&scenario, threads.min(seeds.len()), memory::free())?;
    // In steps of virtual seconds, at most to the deadline of every seed.
    let length = scenario.deadline() / 1_000_000 * seeds.len() as u64;
    let progress = bar(length, &scenario.name)?;
    // Samples of several seeds are kept apart and printed seed by seed.
    let results = runner::in_parallel(&seeds, threads, |seed| {
        let samples: Mutex<Vec<Sample>> = Mutex::default();
        let mut shown = 0;
        let outcome = world::run(&scenario, seed, |sample| {
            let reached = sample.t_micros / 1_000_000;
            progress.inc(reached - shown);
            shown = reached;
            samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample.clone());
        });
        progress.inc((scenario.deadline() / 1_000_000).saturating_sub(shown));
        (outcome, samples.into_inner().unwrap_or_else(PoisonError::into_inner))
    });
    progress.finish_and_clear();
    let mut outcomes = Vec::with_capacity(results.len());
    for (outcome, samples) in results {
        let outcome = outcome?;
        if json {
            for sample in &samples {
                line(&serde_json::to_string(sample)?);
            }
        } else {
            print_outcome(&scenario, &outcome, &samples);
        }
        if !outcome.ok {
            eprintln!("reproduce: {}", reproduction(name, outcome.seed));
        }
        outcomes.push(outcome);
    }
    let ok = outcomes.iter().all(|outcome| outcome.ok);
    if let Some(path) = manifest {
        let written = Manifest::new(&scenario, &text, &outcomes).to_json()?;
        let shown = path.display();
        std::fs::write(path, written)
            .with_context(|| format!("cannot write manifest `{shown}`"))?;
        eprintln!("manifest: {shown}; `lore-sim replay {shown}` does the same again");
    }
    if json {
        let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.ok).collect();
        let reproduce: Vec<String> =
            failed.iter().map(|outcome| reproduction(name, outcome.seed)).collect();
        let result = json!({
            "scenario": scenario.name,
            "nodes": scenario.nodes,
            "seeds": outcomes.len(),
            "ok": ok,
            "reproduce": reproduce,
            "runs": outcomes,
        });
        line(&result.to_string());
    }
    Ok(ok)
}

fn reproduction(name: &str, seed: u64) -> String {
    format!("lore-sim run {name} --seed {seed}")
}

#[allow(clippy::cast_precision_loss)]
fn in_seconds(micros: Option<u64>) -> String {
    micros.map_or_else(|| "never".into(), |micros| format!("{:.1} s", micros as f64 / 1e6))
}

fn print_outcome(scenario: &Scenario, outcome: &Outcome, samples: &[Sample]) {
    line(&format!("{}, {} nodes, seed {}", scenario.name, scenario.nodes, outcome.seed));
    line(&format!(
        "  {:>8} {:>5} {:>8} {:>6} {:>6} {:>13}",
        "time", "up", "members", "epoch", "roots", "deltas"
    ));
    // About twenty lines, the last sample always.
    let step = samples.len().div_ceil(20).max(1);
    for (place, sample) in samples.iter().enumerate() {
        if (place + 1) % step == 0 || place + 1 == samples.len() {
            line(&format!(
                "  {:>8} {:>5} {:>8} {:>6} {:>6} {:>13}",
                in_seconds(Some(sample.t_micros)),
                sample.up,
                sample.members,
                sample.epoch,
                sample.distinct_roots,
                format!("{}..{}", sample.deltas_min, sample.deltas_max),
            ));
        }
    }
    let tally = outcome.tally;
    line(&format!(
        "  published {}, arrived everywhere: half {}, 99 % {}, all {}",
        outcome.published,
        in_seconds(outcome.t50_micros),
        in_seconds(outcome.t99_micros),
        in_seconds(outcome.t100_micros),
    ));
    line(&format!(
        "  agreed at {} ({} after calm) on {}",
        in_seconds(outcome.agreed_at_micros),
        in_seconds(outcome.agreed_after_calm_micros),
        outcome.root.as_deref().unwrap_or("nothing"),
    ));
    line(&format!(
        "  bytes: gossip {}, anti-entropy {}; messages: {} sent, {} lost, {} cut, {} doubled",
        tally.gossip_bytes,
        tally.sync_bytes,
        outcome.traffic.sent,
        outcome.traffic.lost,
        outcome.traffic.cut,
        outcome.traffic.doubled,
    ));
    line(&format!(
        "  refused: {} malformed, {} invalid ({} forged, {} damaged on the way), {} strangers; forks {}; gone with a disk {}",
        tally.malformed,
        tally.refused,
        tally.forged,
        tally.corrupted,
        tally.not_served,
        outcome.forks,
        outcome.gone_with_disk,
    ));
    line(&format!("  events {}, trace {}", outcome.events, outcome.trace));
    for violation in &outcome.violations {
        line(&format!("  VIOLATED: {violation}"));
    }
}

fn list(json: bool) -> anyhow::Result<bool> {
    let mut scenarios = Vec::new();
    for (name, text) in SHIPPED {
        let scenario = Scenario::parse(text).with_context(|| format!("scenario `{name}`"))?;
        if !json {
            line(&format!("{name:<18} {}", scenario.about));
        }
        scenarios.push(json!({
            "name": name,
            "about": scenario.about,
            "nodes": scenario.nodes,
            "seed": scenario.seed,
        }));
    }
    if json {
        line(&json!({ "scenarios": scenarios }).to_string());
    }
    Ok(true)
}
