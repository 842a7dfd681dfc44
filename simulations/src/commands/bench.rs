//! `lore-sim bench`: how fast simulations are on one core, beside a control arm in the same run.

use std::time::Instant;

use anyhow::Context as _;
use lore_simulations::learning::{self, Task};
use lore_simulations::memory;
use lore_simulations::mesh::{self, Mesh};
use serde_json::{Value, json};

use crate::line;

/// The mesh whose time and memory have a bar.
const LARGE: Mesh =
    Mesh { nodes: 10_000, degree: 8, deltas: 1_000, spread_micros: 60_000_000, loss_ppm: 0 };
/// The mesh that only has to run.
const HUGE: Mesh = Mesh { nodes: 100_000, deltas: 20, ..LARGE };
/// Bars of the large mesh.
const SECONDS: f64 = 20.0;
const MIB: u64 = 1_024;
/// As in the published experiment on spam: about forty samples of 57 numbers and the constant one a node.
const TASK: Task = Task {
    nodes: 100,
    samples: 40,
    dimensions: 58,
    rounds: 1_000,
    measured_every: 500,
    lambda: 0.01,
    loss_ppm: 0,
};

/// Times of one part: on the wall, and of this thread on a processor, which other programs do not lengthen.
struct Timer {
    begin: Instant,
    on_processor: Option<f64>,
}

impl Timer {
    fn start() -> Self {
        Self { begin: Instant::now(), on_processor: on_processor() }
    }

    /// Processor seconds since the start; wall seconds where the system does not say.
    fn seconds(&self) -> f64 {
        match (self.on_processor, on_processor()) {
            (Some(begin), Some(end)) => end - begin,
            _ => self.wall(),
        }
    }

    fn wall(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }
}

/// Seconds that this thread was on a processor.
#[allow(clippy::cast_precision_loss)]
fn on_processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos: u64 = text.split(' ').next()?.parse().ok()?;
    Some(nanos as f64 / 1e9)
}

pub(crate) fn bench(quick: bool, json: bool) -> anyhow::Result<bool> {
    let part = if quick { 10 } else { 1 };
    let sized = |mesh: Mesh| Mesh { nodes: mesh.nodes / part, deltas: mesh.deltas / part, ..mesh };
    let large = flood(sized(LARGE))?;
    let huge = flood(sized(HUGE))?;
    let learnt = learn();
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
    line(match met {
        Some(true) => "bars of the large mesh met: 20 s of processor time, 1 GiB",
        Some(false) => "bars of the large mesh MISSED: 20 s of processor time, 1 GiB",
        None => "bars are not judged with --quick",
    });
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
fn learn() -> Value {
    let data = TASK.data(1);
    let begin = Timer::start();
    let learnt = learning::run(TASK, &data, 1);
    let seconds = begin.seconds();
    let begin = Timer::start();
    let control = learning::control(TASK, &data);
    let control_seconds = begin.seconds();
    json!({
        "task": TASK,
        "updates": learnt.updates,
        "updates_per_second": learnt.updates as f64 / seconds,
        "control_updates_per_second": control as f64 / control_seconds,
        "accuracy": learnt.accuracy.last().map(|(_, share)| share),
        "central": learnt.central,
        "trace": learnt.trace,
    })
}
