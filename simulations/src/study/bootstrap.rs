//! Paired bootstrap over seeds (Efron and Tibshirani 1993, chapter 13: percentile intervals).
//!
//! Arms share their random numbers, so that the difference of two arms within a seed has far less spread than
//! either; seeds are drawn with replacement, and each draw takes all arms of a seed together.

use serde::Serialize;

use crate::rng::{Purpose, Streams, WHOLE};

/// Resamples of an interval.
const RESAMPLES: usize = 2_000;
/// Seed of the resampling, so that a report repeats to the byte.
const SEED: u64 = 0x00b0_0757;

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate from all seeds.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// A value that has no spread.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { mean: value, low: value, high: value }
    }

    /// A share of independent trials with Wilson's score interval (Wilson 1927), for when there is nothing to resample.
    #[must_use]
    pub fn wilson(successes: f64, trials: f64) -> Self {
        const Z: f64 = 1.959_964;
        let share = successes / trials;
        let shrink = 1.0 + Z * Z / trials;
        let middle = (share + Z * Z / (2.0 * trials)) / shrink;
        let variance = share * (1.0 - share) / trials + Z * Z / (4.0 * trials * trials);
        let half = Z / shrink * variance.sqrt();
        Self { mean: share, low: middle - half, high: middle + half }
    }

    /// True when all of it is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.high < 0.0
    }

    /// `mean (low to high)` with so many decimals.
    #[must_use]
    pub fn text(&self, decimals: usize) -> String {
        let Self { mean, low, high } = self;
        format!("{mean:.decimals$} ({low:.decimals$} to {high:.decimals$})")
    }
}

/// The 95 % interval of a statistic of `count` seeds; it is given the places of the seeds in a resample. A value that
/// is not a number is left out.
pub fn of(count: usize, statistic: impl Fn(&[usize]) -> f64) -> Interval {
    let all: Vec<usize> = (0..count).collect();
    let mean = statistic(&all);
    let mut draws = Streams::new(SEED).stream(WHOLE, Purpose::Work);
    let mut drawn: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let places: Vec<usize> = all.iter().map(|_| draws.index(count)).collect();
            statistic(&places)
        })
        .filter(|value| !value.is_nan())
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * drawn.len() as f64) as usize;
        drawn.get(place.min(drawn.len().saturating_sub(1))).copied().unwrap_or(mean)
    };
    Interval { mean, low: at(0.025), high: at(0.975) }
}

/// The mean of one value for each seed; seeds without a finite value are left out. Without any it is not a number.
#[must_use]
pub fn mean(values: &[f64]) -> Interval {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if values.is_empty() {
        return Interval::exact(f64::NAN);
    }
    of(values.len(), |places| mean_at(&values, places))
}

/// The mean difference `values - others`, seed by seed.
#[must_use]
pub fn difference(values: &[f64], others: &[f64]) -> Interval {
    let differences: Vec<f64> = values.iter().zip(others).map(|(one, other)| one - other).collect();
    mean(&differences)
}

/// The mean of the values at some places.
#[must_use]
pub fn mean_at(values: &[f64], places: &[usize]) -> f64 {
    places.iter().map(|at| values[*at]).sum::<f64>() / places.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_that_of_the_normal_law() {
        // Mean 0.5 and standard deviation 0.288 / sqrt(1000) of equally spaced values.
        let values: Vec<f64> = (0..1_000).map(|n| f64::from(n) / 999.0).collect();
        let found = mean(&values);
        assert!((found.mean - 0.5).abs() < 1e-9);
        for (got, expected) in [(found.low, 0.4821), (found.high, 0.5179)] {
            assert!((got - expected).abs() < 0.003, "{found:?}");
        }
        assert_eq!(found, mean(&values), "repeats");
        assert_eq!(found, mean(&[&[f64::NAN][..], &values, &[f64::INFINITY]].concat()));
        assert!(mean(&[f64::NAN]).mean.is_nan() && mean(&[]).mean.is_nan());
    }

    #[test]
    fn the_interval_of_a_share_is_the_published_one() {
        // Newcombe 1998, "Two-sided confidence intervals for the single proportion", table 1: 81 of 263.
        let found = Interval::wilson(81.0, 263.0);
        assert_eq!(found.text(4), "0.3080 (0.2553 to 0.3662)");
    }

    #[test]
    fn pairs_of_one_seed_cancel_what_they_share() {
        let shared: Vec<f64> = (0..40).map(|n| f64::from(n * n % 17)).collect();
        let better: Vec<f64> = shared.iter().map(|value| value - 0.1).collect();
        let found = difference(&better, &shared);
        assert!(found.is_negative() && (found.mean + 0.1).abs() < 1e-9, "{found:?}");
    }
}
