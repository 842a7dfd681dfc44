//! The outcome of one run on a screen.

use lore_simulations::scenario::Scenario;
use lore_simulations::world::{Outcome, Sample};

use crate::line;

#[allow(clippy::cast_precision_loss)]
fn in_seconds(micros: Option<u64>) -> String {
    micros.map_or_else(|| "never".into(), |micros| format!("{:.1} s", micros as f64 / 1e6))
}

/// Prints a single run: its time series, and its outcome.
pub(crate) fn print(scenario: &Scenario, outcome: &Outcome, samples: &[Sample]) {
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
