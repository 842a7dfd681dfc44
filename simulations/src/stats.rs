//! Means and their standard errors.

/// Count, mean and second moment of a sample, updated one value at a time (Welford 1962).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sample {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Sample {
    /// Adds a value.
    #[allow(clippy::cast_precision_loss)]
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
    }

    /// Number of values.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Mean; 0 of nothing.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// Unbiased variance; 0 of fewer than two values.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn variance(&self) -> f64 {
        if self.count < 2 { 0.0 } else { self.squares / (self.count - 1) as f64 }
    }

    /// Standard error of the mean.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn standard_error(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.variance() / self.count as f64).sqrt() }
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sample = Self::default();
        values.into_iter().for_each(|value| sample.add(value));
        sample
    }
}

/// The smallest value at or above which `ppm` in a million of the sorted `values` lie at or below;
/// none when there are none.
#[must_use]
pub fn quantile(sorted: &[u64], ppm: u64) -> Option<u64> {
    let rank = (sorted.len() as u64 * ppm).div_ceil(1_000_000).max(1);
    sorted.get(usize::try_from(rank).ok()? - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_a_known_sample() {
        let sample: Sample = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().collect();
        assert!((sample.mean() - 5.0).abs() < 1e-12);
        assert!((sample.variance() - 32.0 / 7.0).abs() < 1e-12);
        assert!((sample.standard_error() - (4.0_f64 / 7.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn quantiles_are_values_of_the_sample() {
        let sorted: Vec<u64> = (1..=100).collect();
        assert_eq!(quantile(&sorted, 500_000), Some(50));
        assert_eq!(quantile(&sorted, 990_000), Some(99));
        assert_eq!(quantile(&sorted, 1_000_000), Some(100));
        assert_eq!(quantile(&[], 500_000), None);
    }
}
