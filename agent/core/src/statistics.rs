//! Intervals for shares of few trials, and for their difference.

use serde::{Deserialize, Serialize};

/// The 97.5 % point of the normal distribution: two-sided intervals of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Successes among trials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Trials that succeeded.
    pub successes: u64,
    /// Trials.
    pub trials: u64,
}

/// A value with its interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// One trial more.
    pub fn add(&mut self, success: bool) {
        self.trials += 1;
        self.successes += u64::from(success);
    }

    /// The share with Wilson's score interval (Wilson 1927), which holds for few trials and near 0 and
    /// 1, where the usual one has no width. Without trials: 0, from 0 to 1.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // Counts of trials are far below 2^52.
    pub fn wilson(self) -> Interval {
        if self.trials == 0 {
            return Interval { value: 0.0, low: 0.0, high: 1.0 };
        }
        let (n, p) = (self.trials as f64, self.successes as f64 / self.trials as f64);
        let scale = 1.0 + Z * Z / n;
        let centre = (p + Z * Z / (2.0 * n)) / scale;
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
        // At the ends the formula is exact but for rounding.
        let low = if self.successes == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if self.successes == self.trials { 1.0 } else { (centre + half).min(1.0) };
        Interval { value: p, low, high }
    }
}

/// Difference of paired trials, the second share less the first, with the interval by squaring and
/// adding of Newcombe 1998 (Statistics in Medicine 17, 2635-2650, method 10). Each pair is one task
/// done in both ways; without pairs it is 0, from -1 to 1. All three lie within -1 and 1.
#[must_use]
#[allow(clippy::cast_precision_loss)] // Counts of trials are far below 2^52.
pub fn paired_difference(pairs: &[(bool, bool)]) -> Interval {
    let count = |first: bool, second: bool| {
        pairs.iter().filter(|pair| **pair == (first, second)).count() as f64
    };
    let [both, only_first, only_second, neither] =
        [count(true, true), count(true, false), count(false, true), count(false, false)];
    let n = both + only_first + only_second + neither;
    if n == 0.0 {
        return Interval { value: 0.0, low: -1.0, high: 1.0 };
    }
    let (mut first, mut second) = (Share::default(), Share::default());
    for pair in pairs {
        first.add(pair.0);
        second.add(pair.1);
    }
    let (first, second) = (first.wilson(), second.wilson());
    let margins = (both + only_first)
        * (only_second + neither)
        * (both + only_second)
        * (only_first + neither);
    let product = both * neither - only_first * only_second;
    // A positive correlation narrows the interval, so that it is taken with caution.
    let product = if product > 0.0 { (product - n / 2.0).max(0.0) } else { product };
    let phi = if margins > 0.0 { product / margins.sqrt() } else { 0.0 };
    let reach = |a: f64, b: f64| (a * a - 2.0 * phi * a * b + b * b).max(0.0).sqrt();
    let value = second.value - first.value;
    Interval {
        value,
        low: (value - reach(second.value - second.low, first.high - first.value)).max(-1.0),
        high: (value + reach(second.high - second.value, first.value - first.low)).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 5e-4
    }

    #[test]
    fn wilson_gives_the_published_intervals() {
        // Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3.
        for (successes, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let found = Share { successes, trials }.wilson();
            assert!(near(found.low, low) && near(found.high, high), "{found:?}");
        }
        assert_eq!(Share::default().wilson(), Interval { value: 0.0, low: 0.0, high: 1.0 });
        assert!(near(Share { successes: 20, trials: 20 }.wilson().low, 1.0 - 0.1611));
    }

    #[test]
    fn pairs_that_never_differ_leave_room_on_both_sides() {
        let same = paired_difference(&[(true, true); 4]);
        assert_eq!(same.value, 0.0);
        assert!(same.low < -0.2 && same.high > 0.2, "{same:?}");
    }

    #[test]
    fn a_difference_that_every_pair_shows_excludes_zero() {
        let all = paired_difference(&[(false, true); 10]);
        assert_eq!(all.value, 1.0);
        assert!(all.low > 0.5, "{all:?}");
        let turned = paired_difference(&[(true, false); 10]);
        assert!(near(turned.high, -all.low) && near(turned.low, -all.high), "{turned:?}");
    }

    #[test]
    fn paired_intervals_are_the_published_ones() {
        // Newcombe 1998, 17, 2635-2650, table II, method 10: (a, b, c, d) = (36, 12, 2, 0).
        let mut pairs = vec![(true, true); 36];
        pairs.extend([(true, false); 12]);
        pairs.extend([(false, true); 2]);
        let found = paired_difference(&pairs);
        assert!(near(found.low, -0.3404) && near(found.high, -0.0569), "{found:?}");
    }

    #[test]
    fn a_difference_turns_round_with_its_ways() {
        for (both, first, second, neither) in
            [(3, 5, 1, 2), (0, 7, 2, 4), (9, 0, 3, 0), (1, 1, 1, 1)]
        {
            let counted = [
                (both, (true, true)),
                (first, (true, false)),
                (second, (false, true)),
                (neither, (false, false)),
            ];
            let pairs: Vec<(bool, bool)> =
                counted.iter().flat_map(|(n, pair)| std::iter::repeat_n(*pair, *n)).collect();
            let turned: Vec<(bool, bool)> = pairs.iter().map(|(a, b)| (*b, *a)).collect();
            let (one, other) = (paired_difference(&pairs), paired_difference(&turned));
            assert!((one.value + other.value).abs() < 1e-12);
            assert!((one.low + other.high).abs() < 1e-12, "{one:?} {other:?}");
            assert!(one.low <= one.value && one.value <= one.high);
        }
    }
}
