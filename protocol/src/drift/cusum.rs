//! One-sided cumulative-sum test for a fall of a success rate, on noisy pooled counts.
//!
//! Page's CUSUM (Biometrika 41, 1954) of a standardised linear score. With `p` the rate that the head
//! was accepted at, `s` and `f` the pooled noisy successes and failures of an epoch and `n = max(s + f, 0)`:
//!
//! ```text
//! u = (1 - p) s - p f                                    mean 0 while the rate is p
//! v = n p (1 - p) + V ((1 - p)^2 + p^2) + n^2 se(p)^2     its variance; V is that of each noisy count
//! z = clip(u / sqrt(v))
//! S = max(0, S - z - allowance),                          drifting when S > threshold
//! ```
//!
//! The noise enters through `V` alone: an epoch whose counts are mostly noise has a small `z` and
//! moves the sum little. The score is linear in the counts because a ratio of noisy counts is biased.
//! Integers only, in millionths; division floors; what would overflow carries no information.

/// What the fold remembers of a head that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Baseline {
    /// Success rate, in millionths.
    pub rate_micros: u32,
    /// Standard error of the rate, in millionths.
    pub standard_error_micros: u32,
}

/// An epoch's counts of one item, summed over authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PooledCounts {
    /// Noisy successes.
    pub successes: i64,
    /// Noisy failures.
    pub failures: i64,
    /// Variance of the noise of each of the two sums, in millionths of a squared count: the sum over
    /// releases of sigma squared.
    pub noise_variance_micros: u64,
}

/// Settings of a [`Cusum`], in millionths of a standard deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CusumConfig {
    /// Fall per epoch that is tolerated; half of the fall that the test is best at.
    pub allowance_micros: i64,
    /// Level of the sum above which the item drifts.
    pub threshold_micros: i64,
    /// Bound on one epoch's score, so that no single epoch raises the alarm.
    pub clip_micros: i64,
}

impl Default for CusumConfig {
    /// Allowance 0.5, threshold 6, clip 3. Without drift the mean run to a false alarm is about 2,570
    /// epochs by Siegmund's approximation (Sequential Analysis, 1985, section 2.6); three epochs of
    /// total failure are the fastest alarm.
    fn default() -> Self {
        Self { allowance_micros: 500_000, threshold_micros: 6_000_000, clip_micros: 3_000_000 }
    }
}

/// What a step says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Nothing to see.
    Steady,
    /// The rate has fallen below the baseline.
    Drifting,
}

/// The running sum; part of the fold's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bincode::Encode, bincode::Decode)]
pub struct Cusum {
    /// The sum, in millionths of a standard deviation; never negative.
    pub sum_micros: i64,
}

const ONE: i128 = 1_000_000;

impl Cusum {
    /// The state after one more epoch, and whether the item drifts there. Epochs without a release are
    /// not steps.
    #[must_use]
    pub fn step(
        self,
        config: CusumConfig,
        baseline: Baseline,
        counts: PooledCounts,
    ) -> (Self, Signal) {
        let z = score_micros(baseline, counts).map_or(0, |z| {
            let clip = i128::from(config.clip_micros.max(0));
            // In range: clipped to an i64.
            z.clamp(-clip, clip) as i64
        });
        let sum = self.sum_micros.saturating_sub(z).saturating_sub(config.allowance_micros).max(0);
        let drifting = sum > config.threshold_micros;
        (Self { sum_micros: sum }, if drifting { Signal::Drifting } else { Signal::Steady })
    }
}

/// The standardised score of an epoch, in millionths; none when it carries no information.
fn score_micros(baseline: Baseline, counts: PooledCounts) -> Option<i128> {
    let p = i128::from(baseline.rate_micros).min(ONE);
    let q = ONE - p;
    let (s, f) = (i128::from(counts.successes), i128::from(counts.failures));
    let n = (s + f).max(0);
    let score = q.checked_mul(s)?.checked_sub(p.checked_mul(f)?)?;
    let sampling = n.checked_mul(p * q)?;
    let noise = (q * q + p * p).checked_mul(i128::from(counts.noise_variance_micros))? / ONE;
    let error = n.checked_mul(i128::from(baseline.standard_error_micros))?;
    let variance = sampling.checked_add(noise)?.checked_add(error.checked_mul(error)?)?;
    let deviation = variance.checked_isqrt()?;
    if deviation == 0 {
        return None;
    }
    Some(score.checked_mul(ONE)?.div_euclid(deviation))
}
