//! `lore-sim bench`: how fast simulations are on one core, beside a control arm in the same run.

mod gossipy;
mod iroh;
mod timer;

use std::path::PathBuf;

use anyhow::Context as _;
use lore_simulations::learning;
use lore_simulations::memory;
use lore_simulations::mesh::{self, Mesh};
use serde_json::{Value, json};
use timer::Timer;

use super::learning::scenario;
use crate::line;

#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// A tenth of the nodes and of the deltas, or less of a comparison, without judging the bars
    #[arg(long)]
    quick: bool,
    /// Compare gossip learning with the Python package gossipy-dfl instead; the path of a Python that has it
    #[arg(long, value_name = "PYTHON")]
    gossipy: Option<PathBuf>,
    /// Compare dissemination with iroh-gossip's simulator instead; the path of its program
    #[arg(long, value_name = "PROGRAM")]
    iroh: Option<PathBuf>,
    /// Run the scenarios of iroh-gossip's simulator here alone, beside its published times
    #[arg(long, conflicts_with = "iroh")]
    dissemination: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// The mesh whose time and memory have a bar.
const LARGE: Mesh =
    Mesh { nodes: 10_000, degree: 8, deltas: 1_000, spread_micros: 60_000_000, loss_ppm: 0 };
/// The mesh that only has to run.
const HUGE: Mesh = Mesh { nodes: 100_000, deltas: 20, ..LARGE };
/// Bars of the large mesh.
const SECONDS: f64 = 20.0;
const MIB: u64 = 1_024;
/// Times that the learning task is run, so that it lasts long enough to be measured.
const LEARNING_RUNS: u32 = 10;

/// The word for a bar that was met, missed, or not judged.
fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "not judged",
    }
}

pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<bool> {
    if args.gossipy.is_some() || args.iroh.is_some() || args.dissemination {
        return compare(args);
    }
    speed(args.quick, args.json)
}

/// Comparisons with other simulators, which the user has.
fn compare(args: &BenchArgs) -> anyhow::Result<bool> {
    let gossipy = match &args.gossipy {
        Some(python) => Some(gossipy::compare(python, args.quick)?),
        None => None,
    };
    let iroh = match (&args.iroh, args.dissemination) {
        (None, false) => None,
        (program, _) => Some(iroh::compare(program.as_deref(), args.quick)?),
    };
    let met = [gossipy.as_ref().and_then(|one| one.met), iroh.as_ref().and_then(|one| one.met)];
    let ok = !met.contains(&Some(false));
    if args.json {
        line(&json!({ "ok": ok, "gossipy": gossipy, "iroh": iroh }).to_string());
        return Ok(ok);
    }
    gossipy.iter().for_each(gossipy::print);
    iroh.iter().for_each(iroh::print);
    Ok(ok)
}

fn speed(quick: bool, json: bool) -> anyhow::Result<bool> {
    let part = if quick { 10 } else { 1 };
    let sized = |mesh: Mesh| Mesh { nodes: mesh.nodes / part, deltas: mesh.deltas / part, ..mesh };
    let large = flood(sized(LARGE))?;
    let huge = flood(sized(HUGE))?;
    let learnt = learn()?;
    let within = large["seconds"].as_f64().is_some_and(|seconds| seconds < SECONDS)
        && large["peak_mib"].as_u64().is_none_or(|mib| mib < MIB);
    // The bars are those of the full size.
    let met = (!quick).then_some(within);
    let ok = met.unwrap_or(true);
    if json {
        let result =
            json!({ "ok": ok, "bars_met": met, "large": large, "huge": huge, "learning": learnt });
        line(&result.to_string());
        return Ok(ok);
    }
    for (name, one) in [("large", &large), ("huge", &huge)] {
        line(&format!(
            "{name}: {} nodes x {} deltas at degree {}: {} deliveries in {:.1} s ({:.1} s on the wall), {:.0} ns each, peak {} MiB, {} digest",
            one["mesh"]["nodes"],
            one["mesh"]["deltas"],
            one["mesh"]["degree"],
            one["deliveries"],
            one["seconds"].as_f64().unwrap_or(0.0),
            one["wall_seconds"].as_f64().unwrap_or(0.0),
            one["nanos_each"].as_f64().unwrap_or(0.0),
            one["peak_mib"],
            one["digests"],
        ));
        line(&format!(
            "  control, the same without virtual time, links, tags and trace: {:.1} s ({:.1} times as fast)",
            one["control_seconds"].as_f64().unwrap_or(0.0),
            one["ratio"].as_f64().unwrap_or(0.0),
        ));
    }
    line(&format!(
        "gossip learning, {} nodes: {:.0} updates a second, {:.0} without queue, network and trace; \
         accuracy {:.4}, one model of all data {:.4}",
        learnt["task"]["nodes"],
        learnt["updates_per_second"].as_f64().unwrap_or(0.0),
        learnt["control_updates_per_second"].as_f64().unwrap_or(0.0),
        learnt["accuracy"].as_f64().unwrap_or(0.0),
        learnt["central"].as_f64().unwrap_or(0.0),
    ));
    line(&format!(
        "bars of the large mesh (20 s of processor time, 1 GiB; at full size): {}",
        verdict(met)
    ));
    Ok(ok)
}

fn flood(mesh: Mesh) -> anyhow::Result<Value> {
    memory::check_bytes(mesh::need(mesh), memory::free())?;
    let begin = Timer::start();
    let neighbours = mesh.neighbours(1).context("there is no mesh of this size and degree")?;
    let graph = begin.seconds();
    let begin = Timer::start();
    let deliveries = mesh::control(mesh, &neighbours, 1);
    let control = begin.seconds();
    let begin = Timer::start();
    let flooded = mesh::run(mesh, &neighbours, 1);
    let (seconds, wall) = (begin.seconds(), begin.wall());
    anyhow::ensure!(
        flooded.deliveries == deliveries && flooded.digests == 1,
        "the mesh and its control arm differ: {flooded:?}"
    );
    #[allow(clippy::cast_precision_loss)]
    let each = seconds * 1e9 / deliveries as f64;
    Ok(json!({
        "mesh": mesh,
        "deliveries": deliveries,
        "digests": flooded.digests,
        "most_waiting": flooded.most_waiting,
        "trace": flooded.trace,
        "seconds": seconds,
        "nanos_each": each,
        "wall_seconds": wall,
        "graph_seconds": graph,
        "control_seconds": control,
        "ratio": seconds / control,
        "peak_mib": memory::peak().map(|bytes| bytes >> 20),
    }))
}

#[allow(clippy::cast_precision_loss)]
fn learn() -> anyhow::Result<Value> {
    let learning = scenario(learning::SHIPPED.0)?;
    // Measurements of the accuracy cost more than updates; the first and the last one remain.
    let task = learning::Task { measured_every: learning.task.rounds, ..learning.task };
    let data = learning.data(learning.seed)?;
    let begin = Timer::start();
    let mut runs = (0..LEARNING_RUNS).map(|_| learning::run(task, &data, 1, || ()));
    let learnt = runs.by_ref().next().context("the task ran at least once")?;
    let updates = learnt.updates + runs.map(|one| one.updates).sum::<u64>();
    let seconds = begin.seconds();
    let begin = Timer::start();
    let control: u64 = (0..LEARNING_RUNS).map(|_| learning::control(task, &data)).sum();
    let control_seconds = begin.seconds();
    Ok(json!({
        "task": task,
        "updates": updates,
        "updates_per_second": updates as f64 / seconds,
        "control_updates_per_second": control as f64 / control_seconds,
        "accuracy": learnt.last(),
        "central": learnt.central,
        "trace": learnt.trace,
    }))
}
