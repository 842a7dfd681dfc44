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
use lore_simulations::scenario::{SHIPPED, Scenario};
use lore_simulations::sweep::Base;
use lore_simulations::world::{self, Outcome, Sample};
use lore_simulations::{files, learning, runner, utility};
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
        /// Directory of report and table; lore-sim-reports/NAME without it, and nothing with --json alone
        #[arg(long)]
        out: Option<PathBuf>,
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
    /// Measure how fast simulations are on one core, beside control arms or other simulators
    Bench(commands::bench::BenchArgs),
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
    /// Run a study of learning: by name, or from a file
    Study(commands::study::Study),
    /// Write a commented scenario to start from
    New(commands::new::NewArgs),
    /// Plan and run a sweep: a base scenario, axes over its keys, and seeds
    Sweep(commands::sweep::SweepArgs),
    /// Merge the results of a sweep into one table
    Merge(commands::sweep::MergeArgs),
    /// Draw a metric of a table as a figure
    Plot(commands::plot::PlotArgs),
    /// Report metrics of a table: a page with figures and tables
    Report(commands::report::ReportArgs),
    /// Write the samples of a learning scenario as a table, with the node of each
    Samples(commands::learning::SamplesArgs),
    /// Convert trajectories into an outcome table for a replay
    Convert(commands::convert::ConvertArgs),
    /// Run the shipped scenarios on two builds, and list what changed
    Compare(commands::compare::CompareArgs),
    /// Compare the shipped scenarios with committed results
    Check(commands::compare::CheckArgs),
    /// List the scenarios that come along
    List {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run { scenario, seed, seeds, threads, out, manifest, json } => {
            let files = (out.as_deref(), manifest.as_deref());
            run(&scenario, (seed, seeds), threads, files, json)
        }
        Command::Replay { manifest, threads, anyway, json } => {
            commands::replay::replay(&manifest, threads, anyway, json)
        }
        Command::Bench(args) => commands::bench::bench(&args),
        Command::Faults { seeds, threads, json } => commands::faults::check(seeds, threads, json),
        Command::Validate { seed, threads, json } => commands::validate::check(seed, threads, json),
        Command::Utility { users, sessions, lessons, runs, seed, json } => {
            commands::useful(utility::Work { users, sessions, lessons }, runs, seed, json)
        }
        Command::Study(args) => commands::study::study(&args),
        Command::New(args) => commands::new::new(&args),
        Command::Sweep(args) => commands::sweep::sweep(args),
        Command::Merge(args) => commands::sweep::merged(&args),
        Command::Plot(args) => commands::plot::plot(&args),
        Command::Report(args) => commands::report::report(&args),
        Command::Samples(args) => commands::learning::samples(&args),
        Command::Convert(args) => commands::convert::convert(&args),
        Command::Compare(args) => commands::compare::compare(&args),
        Command::Check(args) => commands::compare::check(&args),
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

/// Text of a scenario: a shipped one, or a file.
fn read(name: &str) -> anyhow::Result<String> {
    match Base::shipped(name) {
        Some(text) => Ok(text.to_owned()),
        None => std::fs::read_to_string(name).with_context(|| {
            format!("cannot read scenario `{name}`; `lore-sim list` shows those that come along")
        }),
    }
}

fn bar(length: u64, what: &str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {elapsed}")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(what.to_owned()))
}

fn run(
    name: &str,
    (seed, seeds): (Option<u64>, Seeds),
    threads: Option<usize>,
    (out, manifest): (Option<&Path>, Option<&Path>),
    json: bool,
) -> anyhow::Result<bool> {
    let text = read(name)?;
    let directory = Path::new(name).parent().unwrap_or(Path::new("."));
    let base = Base::parse(&text, directory).with_context(|| format!("scenario `{name}`"))?;
    if seed.is_some() && matches!(seeds, Seeds::Range(..)) {
        bail!("--seed and a range in --seeds name the first seed twice; leave one of them out");
    }
    let own = base.seed();
    let seeds = seeds.list(seed.unwrap_or(own))?;
    let threads = threads.unwrap_or_else(runner::available_threads);
    let first = seeds.first().copied().unwrap_or(own);
    let shown = commands::quoted(&commands::file_name(Path::new(name)));
    let command = format!("lore-sim run {shown} --seed {first} --seeds {}", seeds.len());
    if manifest.is_some() && !matches!(base, Base::Federation(_)) {
        bail!("--manifest is for federations; run the scenario again with the same seed instead");
    }
    base.check_memory(threads.min(seeds.len()))?;
    let from = (text.as_str(), command.as_str());
    let scenario = match base {
        Base::Federation(scenario) => *scenario,
        Base::Replay(replay) => {
            return commands::pooling::run(&replay, from, &seeds, threads, (out, json));
        }
        Base::Learning(learning) => {
            return commands::learning::run(&learning, from, &seeds, threads, (out, json));
        }
    };
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
    let mut runs = Vec::with_capacity(results.len());
    for (outcome, samples) in results {
        runs.push((outcome?, samples));
    }
    show(name, &scenario, from, &runs, (out, json))?;
    let outcomes: Vec<Outcome> = runs.into_iter().map(|(outcome, _)| outcome).collect();
    let ok = outcomes.iter().all(|outcome| outcome.ok);
    if let Some(path) = manifest {
        let written = Manifest::new(&scenario, &text, &outcomes).to_json()?;
        let shown = path.display();
        files::write(path, written.as_bytes()).context("the manifest")?;
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

/// Prints samples or one screen of results, and writes the report.
fn show(
    name: &str,
    scenario: &Scenario,
    from: (&str, &str),
    runs: &[(Outcome, Vec<Sample>)],
    (out, json): (Option<&Path>, bool),
) -> anyhow::Result<()> {
    for (outcome, samples) in runs {
        if json {
            for sample in samples {
                line(&serde_json::to_string(sample)?);
            }
        } else if runs.len() == 1 {
            commands::outcome::print(scenario, outcome, samples);
        }
        if !outcome.ok {
            eprintln!("reproduce: {}", reproduction(name, outcome.seed));
        }
    }
    if json && out.is_none() {
        return Ok(());
    }
    let directory = commands::results::directory(out, &scenario.name);
    let (files, table) = commands::results::federation(&directory, scenario, from, runs)?;
    if !json {
        if runs.len() > 1 {
            commands::results::print_summary(&table, &scenario.name)?;
        }
        line(&format!("report: {}\ntable: {}", files.report, files.table));
    }
    Ok(())
}

fn reproduction(name: &str, seed: u64) -> String {
    format!("lore-sim run {name} --seed {seed}")
}

fn list(json: bool) -> anyhow::Result<bool> {
    let mut scenarios = Vec::new();
    for (name, text) in SHIPPED.into_iter().chain([learning::SHIPPED]) {
        let base =
            Base::parse(text, Path::new(".")).with_context(|| format!("scenario `{name}`"))?;
        let (about, nodes) = match &base {
            Base::Federation(scenario) => (&scenario.about, scenario.nodes),
            Base::Replay(replay) => (&replay.about, replay.nodes as usize),
            Base::Learning(learning) => (&learning.about, learning.task.nodes as usize),
        };
        if !json {
            line(&format!("{name:<18} {about}"));
        }
        let seed = base.seed();
        scenarios.push(json!({ "name": name, "about": about, "nodes": nodes, "seed": seed }));
    }
    if json {
        line(&json!({ "scenarios": scenarios }).to_string());
    }
    Ok(true)
}
