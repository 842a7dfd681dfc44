//! `lore-sim bench --gossipy`: the shipped learning scenario here and with the Python package gossipy-dfl, on the same
//! samples of the same nodes.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use lore_simulations::learning;
use serde::{Deserialize, Serialize};

use super::super::learning::scenario;
use super::timer::{Timer, run_program};
use crate::line;

/// The program that the given Python runs. Its name must not be that of the package.
const SCRIPT: &str = include_str!("../../../compare/learn_with_gossipy.py");
/// Times that the rounds are run here, so that they last long enough to be measured.
const REPEATS: u32 = 20;
/// Least ratio of the updates of a processor second.
const RATIO: f64 = 100.0;
/// Greatest difference of the accuracies, in percentage points.
const POINTS: f64 = 0.5;

/// Result of the script.
#[derive(Debug, Deserialize, Serialize)]
struct Theirs {
    nodes: u32,
    rounds: u32,
    updates: u64,
    seconds: f64,
    accuracy: f64,
}

/// Both results, and what is between them.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    rounds: u32,
    updates: u64,
    updates_per_second: f64,
    accuracy: f64,
    gossipy: Theirs,
    gossipy_updates_per_second: f64,
    ratio: f64,
    accuracy_difference_points: f64,
    /// Nothing where the rounds are fewer than those of the scenario.
    pub(super) met: Option<bool>,
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn compare(python: &Path, quick: bool) -> anyhow::Result<Compared> {
    let learning = scenario(learning::SHIPPED.0)?;
    let mut task = learning.task;
    task.rounds /= if quick { 10 } else { 1 };
    // gossipy measures nothing during its rounds; here the first and the last measurement remain.
    task.measured_every = task.rounds;
    let seed = learning.seed;
    let data = learning.data(seed)?;
    let directory = tempfile::tempdir()?;
    let (script, samples) =
        (directory.path().join("learn_with_gossipy.py"), directory.path().join("samples.csv"));
    std::fs::write(&script, SCRIPT)?;
    std::fs::write(&samples, data.to_csv())?;
    eprintln!("running {} rounds with gossipy-dfl, which takes a minute or more", task.rounds);
    let mut command = Command::new(python);
    command.arg(&script).arg(&samples);
    command.args(["--rounds", &task.rounds.to_string(), "--lambda", &task.lambda.to_string()]);
    command.args(["--seed", &seed.to_string()]);
    let (text, _) = run_program(&mut command)
        .context("a Python with the packages gossipy-dfl and torchvision is needed")?;
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    let gossipy: Theirs = serde_json::from_str(last)
        .with_context(|| format!("the last line of the script is no result: {last}"))?;

    let begin = Timer::start();
    let mut learnt = learning::run(task, &data, seed, || ());
    for _ in 1..REPEATS {
        learnt = learning::run(task, &data, seed, || ());
    }
    let seconds = begin.seconds() / f64::from(REPEATS);
    let updates_per_second = learnt.updates as f64 / seconds;
    let gossipy_updates_per_second = gossipy.updates as f64 / gossipy.seconds;
    let ratio = updates_per_second / gossipy_updates_per_second;
    let accuracy_difference_points = (learnt.last() - gossipy.accuracy).abs() * 100.0;
    let within = ratio >= RATIO && accuracy_difference_points <= POINTS;
    Ok(Compared {
        rounds: task.rounds,
        updates: learnt.updates,
        updates_per_second,
        accuracy: learnt.last(),
        gossipy,
        gossipy_updates_per_second,
        ratio,
        accuracy_difference_points,
        met: (!quick).then_some(within),
    })
}

pub(super) fn print(compared: &Compared) {
    line(&format!(
        "gossip learning, {} nodes, {} rounds, {} updates:",
        compared.gossipy.nodes, compared.rounds, compared.updates
    ));
    line(&format!(
        "  lore-sim     {:>9.0} updates a processor second, accuracy {:.4}",
        compared.updates_per_second, compared.accuracy
    ));
    line(&format!(
        "  gossipy-dfl  {:>9.0} updates a processor second, accuracy {:.4}; {} updates in {:.1} s",
        compared.gossipy_updates_per_second,
        compared.gossipy.accuracy,
        compared.gossipy.updates,
        compared.gossipy.seconds
    ));
    line(&format!(
        "  {:.0} times as many, {:.2} percentage points apart; bars ({RATIO:.0} times, {POINTS} points) {}",
        compared.ratio,
        compared.accuracy_difference_points,
        super::verdict(compared.met)
    ));
}
