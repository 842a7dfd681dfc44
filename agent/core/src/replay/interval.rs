//! Rates, their difference, and what they come to.

use serde::Serialize;

/// The 97.5 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// Fewer pairs than this say nothing.
pub const LEAST_TASKS: usize = 4;
/// A difference that is surely smaller than this is none.
pub const MARGIN: f64 = 0.1;

/// A success rate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Tasks that were solved.
    pub successes: usize,
    /// Tasks.
    pub tasks: usize,
    /// Lower bound, 0 to 1.
    pub low: f64,
    /// Upper bound, 0 to 1.
    pub high: f64,
}

/// A difference of rates, with minus without, with its 95 % interval; -1 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The difference.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// What a replay says about a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval of the difference is above 0.
    Helps,
    /// The whole interval is within [`MARGIN`] of 0.
    Neutral,
    /// The whole interval is below 0.
    Harms,
    /// Anything else, and fewer than [`LEAST_TASKS`].
    Unknown,
}

impl Verdict {
    /// Its name, as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Helps => "helps",
            Self::Neutral => "neutral",
            Self::Harms => "harms",
            Self::Unknown => "unknown",
        }
    }
}

/// The result of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Replay {
    /// With the skill.
    pub with: Rate,
    /// Without it.
    pub without: Rate,
    /// With minus without.
    pub difference: Difference,
    /// What that comes to.
    pub verdict: Verdict,
}

/// Wilson's score interval at 95 % (Wilson 1927); the whole of 0 to 1 without trials.
#[must_use]
pub fn wilson(successes: usize, trials: usize) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (number(trials), number(successes) / number(trials));
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

impl Rate {
    fn of(successes: usize, tasks: usize) -> Self {
        let (low, high) = wilson(successes, tasks);
        Self { successes, tasks, low, high }
    }

    fn share(self) -> f64 {
        number(self.successes) / number(self.tasks.max(1))
    }
}

impl Replay {
    /// From pairs: solved with the skill, solved without it, of the same task.
    #[must_use]
    pub fn of(pairs: &[(bool, bool)]) -> Self {
        let count = |fits: &dyn Fn(&(bool, bool)) -> bool| pairs.iter().filter(|p| fits(p)).count();
        let with = Rate::of(count(&|p| p.0), pairs.len());
        let without = Rate::of(count(&|p| p.1), pairs.len());
        let both = count(&|p| p.0 && p.1);
        let neither = count(&|p| !p.0 && !p.1);
        let difference = paired(with, without, both, neither);
        let Difference { low, high, .. } = difference;
        let verdict = if pairs.len() < LEAST_TASKS {
            Verdict::Unknown
        } else if low > 0.0 {
            Verdict::Helps
        } else if high < 0.0 {
            Verdict::Harms
        } else if low > -MARGIN && high < MARGIN {
            Verdict::Neutral
        } else {
            Verdict::Unknown
        };
        Self { with, without, difference, verdict }
    }
}

/// Method 10 of Newcombe, "Improved confidence intervals for the difference between binomial proportions
/// based on paired data", Statistics in Medicine 17 (1998): Wilson's intervals, squared and added, with
/// the correlation of the pairs.
fn paired(with: Rate, without: Rate, both: usize, neither: usize) -> Difference {
    if with.tasks == 0 {
        return Difference { estimate: 0.0, low: -1.0, high: 1.0 };
    }
    let n = number(with.tasks);
    let (p1, p2) = (with.share(), without.share());
    let (a, d) = (number(both), number(neither));
    let (b, c) = (number(with.successes) - a, number(without.successes) - a);
    let product = (a + b) * (c + d) * (a + c) * (b + d);
    let cross = a * d - b * c;
    // Corrected for continuity where it is positive.
    let cross = if cross > 0.0 { (cross - n / 2.0).max(0.0) } else { cross };
    let phi = if product > 0.0 { cross / product.sqrt() } else { 0.0 };
    let added = |x: f64, y: f64| (x * x - 2.0 * phi * x * y + y * y).max(0.0).sqrt();
    let estimate = p1 - p2;
    Difference {
        estimate,
        low: (estimate - added(p1 - with.low, without.high - p2)).max(-1.0),
        high: (estimate + added(with.high - p1, p2 - without.low)).min(1.0),
    }
}

#[allow(clippy::cast_precision_loss)] // Counts of tasks are far below 2^52.
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(both: usize, only_with: usize, only_without: usize, neither: usize) -> Replay {
        let of = |count, pair| std::iter::repeat_n(pair, count);
        let all = of(both, (true, true))
            .chain(of(only_with, (true, false)))
            .chain(of(only_without, (false, true)))
            .chain(of(neither, (false, false)));
        Replay::of(&all.collect::<Vec<_>>())
    }

    #[test]
    fn intervals_agree_with_published_ones() {
        // Newcombe 1998 (single proportion), table I, method 3: 81 of 263.
        let (low, high) = wilson(81, 263);
        assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5, "{low} {high}");
        let (low, high) = wilson(0, 20);
        assert!(low == 0.0 && (high - 0.1611).abs() < 5e-5, "{low} {high}");
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn verdicts_follow_the_interval() {
        assert_eq!(pairs(0, 8, 0, 0).verdict, Verdict::Helps);
        assert_eq!(pairs(0, 0, 8, 0).verdict, Verdict::Harms);
        assert_eq!(
            pairs(4, 0, 0, 4).verdict,
            Verdict::Unknown,
            "too few to say that it is nothing"
        );
        assert_eq!(pairs(200, 0, 0, 0).verdict, Verdict::Neutral);
        assert_eq!(pairs(3, 1, 1, 3).verdict, Verdict::Unknown);
        assert_eq!(pairs(0, 3, 0, 0).verdict, Verdict::Unknown, "too few tasks");
        assert_eq!(pairs(0, 0, 0, 0).verdict, Verdict::Unknown);
    }

    #[test]
    fn a_difference_turns_round_with_its_arms() {
        for (a, b, c, d) in [(3, 5, 1, 2), (0, 7, 2, 4), (9, 0, 3, 0), (1, 1, 1, 1)] {
            let (one, other) = (pairs(a, b, c, d).difference, pairs(a, c, b, d).difference);
            assert!((one.estimate + other.estimate).abs() < 1e-12);
            assert!((one.low + other.high).abs() < 1e-12, "{one:?} {other:?}");
            assert!(one.low <= one.estimate && one.estimate <= one.high);
        }
    }
}
