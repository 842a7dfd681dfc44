//! Validation: the simulator against results that are known without it.
//!
//! Expected values are computed exactly in code where that is possible (Markov chains, closed forms); the
//! published figure and its source stand beside them. Every check names what a plausible mistake would
//! give, and takes as many runs as it needs to tell that from the truth: its tolerance is less than half
//! the distance to it. The tolerance is zero where the truth is a count.

pub mod averaging;
pub mod bandit;
pub mod chain;
pub mod cusum;
pub mod flood;
pub mod mongering;
pub mod neutral;
pub mod rumor;
pub mod size;
mod spread;
mod statistics;

use crate::stats::Sample;

/// Standard errors on each side. A true model fails one check in five million, and one of all of them in a
/// hundred thousand.
const ERRORS: f64 = 5.2;

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Target {
    /// The target's name in the design, and the setting.
    pub id: String,
    /// Quantity that is measured.
    pub what: String,
    /// The known value.
    pub expected: f64,
    /// The measured value.
    pub got: f64,
    /// Least measured value that passes.
    pub low: f64,
    /// Greatest measured value that passes.
    pub high: f64,
    /// True when the measured value is in the interval, and the mistake is far outside.
    pub ok: bool,
    /// Source of the expected value.
    pub source: &'static str,
    /// Published value, as it was printed; none where the expected value is it.
    pub published: Option<f64>,
    /// Value that the named mistake would give.
    pub mistake: f64,
    /// The mistake.
    pub mistake_is: &'static str,
    /// Runs or draws behind `got`.
    pub runs: u64,
}

/// Parts of a check that are known before it runs.
struct Known {
    id: String,
    what: String,
    expected: f64,
    source: &'static str,
    published: Option<f64>,
    mistake: f64,
    mistake_is: &'static str,
    /// How far the truth may be from the expectation: a unit of the last digit of a printed one, 0 of an exact one.
    rounding: f64,
}

impl Known {
    /// Judges the mean of a sample.
    fn judge(self, sample: &Sample) -> Target {
        let tolerance = self.rounding + ERRORS * sample.standard_error();
        self.within(sample.mean(), tolerance, sample.count())
    }

    /// Judges a value that must be met within a tolerance. Without any run nothing passes.
    fn within(self, got: f64, tolerance: f64, runs: u64) -> Target {
        let sharp = (self.mistake - self.expected).abs() > 2.0 * tolerance;
        let (low, high) = (self.expected - tolerance, self.expected + tolerance);
        Target {
            ok: runs > 0 && sharp && (low..=high).contains(&got),
            id: self.id,
            what: self.what,
            expected: self.expected,
            got,
            low,
            high,
            source: self.source,
            published: self.published,
            mistake: self.mistake,
            mistake_is: self.mistake_is,
            runs,
        }
    }
}

/// Number of checks that [`all`] makes.
pub const COUNT: u64 = 47;

/// Runs all checks from one seed, `done` after each.
pub fn all(seed: u64, threads: usize, mut done: impl FnMut(&Target)) -> Vec<Target> {
    let from = From { seed, threads };
    let mut targets = Vec::new();
    spread::all(from, &mut |target| {
        done(&target);
        targets.push(target);
    });
    statistics::all(from, &mut |target| {
        done(&target);
        targets.push(target);
    });
    // V10 after V9.
    targets.sort_by_key(|target| number(&target.id));
    targets
}

/// Number in an id such as `V10 eps=1 delay`.
fn number(id: &str) -> u32 {
    let digits = id.trim_start_matches('V').split(' ').next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX)
}

/// Seed and threads of a validation.
#[derive(Clone, Copy)]
struct From {
    seed: u64,
    threads: usize,
}

impl From {
    /// Values of `runs` runs, each from its own seed.
    fn sample(self, runs: u64, value: impl Fn(crate::rng::Streams) -> f64 + Sync) -> Sample {
        self.each(runs, value).into_iter().collect()
    }

    fn each<R: Send>(self, runs: u64, value: impl Fn(crate::rng::Streams) -> R + Sync) -> Vec<R> {
        let seeds: Vec<u64> = (0..runs).map(|run| self.seed.wrapping_add(run)).collect();
        crate::runner::in_parallel(&seeds, self.threads, |seed| {
            value(crate::rng::Streams::new(seed))
        })
    }
}

#[cfg(test)]
mod tests;
