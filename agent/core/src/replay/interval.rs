//! Rates, their difference, and what they come to.

use serde::Serialize;

use crate::statistics::{Share, paired_difference};

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

/// The verdict of a replay on a skill.
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
    /// The verdict.
    pub verdict: Verdict,
}

impl Rate {
    fn of(solved: impl Iterator<Item = bool>) -> Self {
        let mut share = Share::default();
        let (mut successes, mut tasks) = (0, 0);
        for solved in solved {
            share.add(solved);
            successes += usize::from(solved);
            tasks += 1;
        }
        let interval = share.wilson();
        Self { successes, tasks, low: interval.low, high: interval.high }
    }
}

impl Replay {
    /// From pairs: solved with the skill, solved without it, of the same task.
    #[must_use]
    pub fn of(pairs: &[(bool, bool)]) -> Self {
        let with = Rate::of(pairs.iter().map(|pair| pair.0));
        let without = Rate::of(pairs.iter().map(|pair| pair.1));
        let turned: Vec<(bool, bool)> =
            pairs.iter().map(|(with, without)| (*without, *with)).collect();
        let gained = paired_difference(&turned);
        let (low, high) = (gained.low, gained.high);
        let difference = Difference { estimate: gained.value, low, high };
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
    fn the_difference_is_with_minus_without() {
        let found = pairs(3, 5, 1, 2);
        assert!((found.difference.estimate - 4.0 / 11.0).abs() < 1e-12, "{found:?}");
        assert_eq!((found.with.successes, found.without.successes, found.with.tasks), (8, 4, 11));
    }
}
