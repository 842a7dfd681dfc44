//! Validation: the simulator against results that are known without it.
//!
//! Every check names what a plausible mistake would give, and takes as many runs as it needs to tell
//! that from the truth: its tolerance, four standard errors, is less than half the distance to it.
//! Where the truth is a count, the tolerance is zero.

pub mod flood;
pub mod rumor;

use lore_privacy::{NoiseSource as _, SeededNoise};

use crate::rng::Streams;
use crate::runner;
use crate::stats::Sample;
use flood::{Forward, flood};
use rumor::{Direction, Reach, rounds};

/// Standard errors on each side: a true model fails one check in 16,000.
const ERRORS: f64 = 4.0;

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Check {
    /// The target's name in the design.
    pub target: &'static str,
    /// The measured quantity, and its setting.
    pub what: String,
    /// The known value.
    pub expected: f64,
    /// The measured value.
    pub got: f64,
    /// Greatest distance between both that passes.
    pub tolerance: f64,
    /// The value that the named mistake would give.
    pub mistake: f64,
    /// The mistake.
    pub mistake_is: &'static str,
    /// Runs or draws behind `got`.
    pub runs: u64,
    /// True when the check passes, and could have failed.
    pub passed: bool,
}

impl Check {
    /// Judges a measured value. It passes when it is within tolerance, and the tolerance is sharp
    /// enough to tell the mistake from the truth.
    fn judge(mut self) -> Self {
        let close = (self.got - self.expected).abs() <= self.tolerance;
        let sharp = (self.mistake - self.expected).abs() > 2.0 * self.tolerance;
        self.passed = close && sharp;
        self
    }
}

/// The setup of a rumour check.
struct Rumour {
    nodes: usize,
    expected: f64,
    runs: u64,
    /// Mean when a node may call itself, from the same chain; none where one round too many is the
    /// mistake that the runs can show.
    anyone: Option<f64>,
}

const PUSH: [Rumour; 3] = [
    Rumour { nodes: 64, expected: 11.1581, runs: 8_000, anyone: Some(11.3061) },
    Rumour { nodes: 256, expected: 14.6700, runs: 1_000, anyone: None },
    Rumour { nodes: 1_000, expected: 18.0383, runs: 300, anyone: None },
];

const PULL: [Rumour; 3] = [
    Rumour { nodes: 64, expected: 8.9637, runs: 8_000, anyone: Some(9.1254) },
    Rumour { nodes: 256, expected: 11.4632, runs: 1_000, anyone: None },
    Rumour { nodes: 1_000, expected: 13.7671, runs: 300, anyone: None },
];

/// The number of checks that [`all`] makes.
pub const COUNT: u64 = 12;

/// Runs all checks from one seed, `done` after each.
pub fn all(seed: u64, threads: usize, mut done: impl FnMut(&Check)) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut keep = |check: Check| {
        done(&check);
        checks.push(check);
    };
    for setting in PUSH {
        keep(rumour("V1", Direction::Push, &setting, seed, threads, Reach::Others));
    }
    for setting in PULL {
        keep(rumour("V2", Direction::Pull, &setting, seed, threads, Reach::Others));
    }
    for (nodes, degree) in [(64, 3), (256, 4), (1_000, 8)] {
        keep(flooding(nodes, degree, seed, Forward::AllButSender));
    }
    for (epsilon, scale_micros, expected, draws) in [
        ("0.5", 2_000_000, 7.8354, 1_000_000),
        ("1", 1_000_000, 1.8413, 200_000),
        ("2", 500_000, 0.3620, 100_000),
    ] {
        keep(laplace(epsilon, scale_micros, expected, draws, seed));
    }
    checks
}

/// V1 and V2.
#[allow(clippy::cast_precision_loss)]
fn rumour(
    target: &'static str,
    direction: Direction,
    setting: &Rumour,
    seed: u64,
    threads: usize,
    reach: Reach,
) -> Check {
    let seeds: Vec<u64> = (0..setting.runs).map(|run| seed + run).collect();
    let values = runner::in_parallel(&seeds, threads, |seed| {
        rounds(setting.nodes, direction, reach, Streams::new(seed))
    });
    let sample: Sample = values.into_iter().map(|rounds| rounds as f64).collect();
    Check {
        target,
        what: format!("{direction:?}, n = {}: mean rounds", setting.nodes).to_lowercase(),
        expected: setting.expected,
        got: sample.mean(),
        tolerance: ERRORS * sample.standard_error(),
        mistake: setting.anyone.unwrap_or(setting.expected + 1.0),
        mistake_is: if setting.anyone.is_some() { "calls oneself" } else { "a round too many" },
        runs: setting.runs,
        passed: false,
    }
    .judge()
}

/// V8.
#[allow(clippy::cast_precision_loss)]
fn flooding(nodes: usize, degree: usize, seed: u64, forward: Forward) -> Check {
    let runs = 10;
    let expected = (nodes * (degree - 1) + 1) as f64;
    let counts: Vec<f64> = (0..runs)
        .filter_map(|run| flood(nodes, degree, forward, Streams::new(seed + run)))
        .filter(|flooded| flooded.reached == nodes)
        .map(|flooded| flooded.transmissions as f64)
        .collect();
    // The run that is farthest off; a run that did not reach everybody counts as none at all.
    let worst =
        counts.iter().copied().max_by(|a, b| (a - expected).abs().total_cmp(&(b - expected).abs()));
    let whole = counts.len() as u64 == runs;
    Check {
        target: "V8",
        what: format!("flood, n = {nodes}, d = {degree}: transmissions"),
        expected,
        got: worst.filter(|_| whole).unwrap_or(0.0),
        tolerance: 0.0,
        mistake: (nodes * degree) as f64,
        mistake_is: "sends back",
        runs,
        passed: false,
    }
    .judge()
}

/// V9. The source is the one that simulated releases draw from; `scale_micros` is b in millionths.
#[allow(clippy::cast_precision_loss)]
fn laplace(epsilon: &str, scale_micros: u64, expected: f64, draws: usize, seed: u64) -> Check {
    let mut noise = SeededNoise::new(&seed.to_le_bytes());
    // Without draws the variance is 0, which no check expects.
    let values = noise.add_laplace(&vec![0; draws], scale_micros).unwrap_or_default();
    // The law's mean is 0, so the variance is the mean of squares, and its error that of a mean.
    let squares: Sample = values.iter().map(|value| (*value as f64).powi(2)).collect();
    let b = scale_micros as f64 / 1e6;
    Check {
        target: "V9",
        what: format!("discrete Laplace, eps = {epsilon}: variance"),
        expected,
        got: squares.mean(),
        tolerance: ERRORS * squares.standard_error(),
        mistake: 2.0 * b * b,
        mistake_is: "continuous noise",
        runs: draws as u64,
        passed: false,
    }
    .judge()
}

#[cfg(test)]
mod tests;
