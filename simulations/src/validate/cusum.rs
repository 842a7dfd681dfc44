//! A change of a success rate, seen through randomised response, by a CUSUM of the log-likelihood ratio.
//!
//! Each report is a bit that its owner flips with probability `1 / (1 + e^epsilon)` (Warner 1965). The CUSUM
//! (Page 1954) adds the log-likelihood ratio of the two rates and never falls below 0; it raises an alarm
//! when it reaches its threshold. In integers, thousandths of a nat, it is a Markov chain on a finite
//! line, so both run lengths are computed exactly. First order: ln(ARL) / KL (Lorden 1971).

use super::bandit::divergence;
use crate::rng::{Purpose, Streams, WHOLE};
use crate::scenario::parts;

/// Success rates before and after the change.
pub const BEFORE: f64 = 0.8;
/// See [`BEFORE`].
pub const AFTER: f64 = 0.5;

/// Reports of a rate under a privacy budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// Epsilon of one report; none: the bit as it is.
    pub epsilon: Option<f64>,
}

impl Channel {
    /// Probability that a report keeps its bit.
    #[must_use]
    pub fn keeps(self) -> f64 {
        self.epsilon.map_or(1.0, |epsilon| epsilon.exp() / (1.0 + epsilon.exp()))
    }

    /// A channel that flips more: of half the epsilon, or of 3 where this one flips nothing.
    #[must_use]
    pub fn noisier(self) -> Self {
        Self { epsilon: Some(self.epsilon.map_or(3.0, |epsilon| epsilon / 2.0)) }
    }

    /// Rate of ones among the reports of a rate.
    #[must_use]
    pub fn rate(self, rate: f64) -> f64 {
        let keeps = self.keeps();
        keeps * rate + (1.0 - keeps) * (1.0 - rate)
    }

    /// Kullback-Leibler divergence of a report after the change from one before, in nats.
    #[must_use]
    pub fn divergence(self) -> f64 {
        divergence(self.rate(AFTER), self.rate(BEFORE))
    }
}

/// A test in thousandths of a nat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Test {
    /// Change of the sum at a one: negative.
    pub one: i64,
    /// Change at a zero.
    pub zero: i64,
    /// Sum at which it raises an alarm.
    pub threshold: i64,
}

impl Test {
    /// The test of a channel with the threshold ln(`reports`): its mean time to a false alarm is longer.
    #[must_use]
    pub fn sure(channel: Channel, reports: f64) -> Self {
        let (before, after) = (channel.rate(BEFORE), channel.rate(AFTER));
        Self {
            one: millinats(after / before),
            zero: millinats((1.0 - after) / (1.0 - before)),
            threshold: millinats(reports),
        }
    }

    /// The test of a channel with the least threshold whose exact mean time to a false alarm is at
    /// least `reports`.
    #[must_use]
    pub fn least(channel: Channel, reports: f64) -> Self {
        let mut test = Self::sure(channel, reports);
        let (mut low, mut high) = (0, test.threshold);
        while high - low > 1 {
            test.threshold = i64::midpoint(low, high);
            if test.mean_run_length(channel.rate(BEFORE)) < reports {
                low = test.threshold;
            } else {
                high = test.threshold;
            }
        }
        test.threshold = high;
        test
    }

    /// The sum after a report.
    #[must_use]
    pub fn add(&self, sum: i64, one: bool) -> i64 {
        (sum + if one { self.one } else { self.zero }).max(0)
    }

    /// Exact mean number of reports until the alarm, from a sum of 0, when a report is one with
    /// probability `rate`: the chance of no alarm so far, summed over time; once it falls by a constant factor,
    /// the rest is a geometric series.
    #[must_use]
    pub fn mean_run_length(&self, rate: f64) -> f64 {
        let length = usize::try_from(self.threshold).unwrap_or(0);
        let mut at = vec![0.0; length];
        at[0] = 1.0;
        let (mut mean, mut survives, mut factor) = (0.0, 1.0_f64, 0.0_f64);
        let mut steady = 0;
        while survives > 1e-14 && steady < 50 {
            mean += survives;
            let mut next = vec![0.0; length];
            let (down, up) = (self.one.unsigned_abs(), self.zero.unsigned_abs());
            let (down, up) = (usize::try_from(down).unwrap_or(0), usize::try_from(up).unwrap_or(0));
            let floor = down.min(length);
            next[0] = at[..floor].iter().sum::<f64>() * rate;
            for (sum, weight) in at[floor..].iter().enumerate() {
                next[sum] += weight * rate;
            }
            for (sum, weight) in at[..length.saturating_sub(up)].iter().enumerate() {
                next[sum + up] += weight * (1.0 - rate);
            }
            let left: f64 = next.iter().sum();
            let now = left / survives;
            // Nobody raises the alarm in the first steps: that is no constant factor yet.
            steady = if now < 1.0 && (now - factor).abs() < 1e-13 { steady + 1 } else { 0 };
            (factor, survives, at) = (now, left, next);
        }
        mean + survives / (1.0 - factor)
    }

    /// Reports until the alarm when the rate is `rate`, drawn through the channel.
    #[must_use]
    pub fn run_length(&self, channel: Channel, rate: f64, streams: Streams) -> u64 {
        let (mut truth, mut flips) =
            (streams.stream(WHOLE, Purpose::Work), streams.stream(WHOLE, Purpose::Noise));
        let (rate, flip) = (parts(rate), parts(1.0 - channel.keeps()));
        let (mut sum, mut reports) = (0, 0);
        while sum < self.threshold {
            let bit = truth.chance(rate) != flips.chance(flip);
            sum = self.add(sum, bit);
            reports += 1;
        }
        reports
    }
}

#[allow(clippy::cast_possible_truncation)]
fn millinats(ratio: f64) -> i64 {
    (ratio.ln() * 1_000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_lengths_are_right_by_hand() {
        // Two zeros in a row: mean 1/q + 1/q^2.
        let two = Test { one: -10, zero: 10, threshold: 20 };
        assert!((two.mean_run_length(0.0) - 2.0).abs() < 1e-9);
        assert!((two.mean_run_length(0.5) - 6.0).abs() < 1e-9);
        let one = Test { one: -10, zero: 10, threshold: 10 };
        assert!((one.mean_run_length(0.9) - 10.0).abs() < 1e-6);
    }

    #[test]
    fn divergences_are_those_of_the_channel() {
        for (epsilon, first_order) in
            [(None, 41.3), (Some(2.0), 78.6), (Some(1.0), 230.3), (Some(0.5), 843.8)]
        {
            let got = 1e4_f64.ln() / Channel { epsilon }.divergence();
            assert!((got - first_order).abs() < 0.06, "{got} {first_order}");
        }
    }
}
