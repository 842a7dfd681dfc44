//! Pooled evidence from noisy counts: one estimate and its variance per item and context.
//!
//! Ratios of noisy numbers are biased, so each voice enters through the linear score
//! `u(p) = (1 - p) s - p f`, whose mean is 0 at the true p whatever the (symmetric) noise. The pooled
//! estimate is the root of `sum psi(u(p) / scale)` with Huber's psi (Huber 1964; tuning constant 1.345),
//! found by 20 bisection steps on `[0, 2^20]`, in integers only.

use crate::codec::{Decode, Encode};

/// Denominator of probabilities within the solver.
const ONE: i128 = 1 << 20;
/// Bisection steps.
const STEPS: u32 = 20;
/// Huber's tuning constant, in millionths.
const HUBER_MICRO: i128 = 1_345_000;
const MICRO: i128 = 1_000_000;

/// Noisy counts of one author for one item, summed over its releases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Counts {
    /// Noisy successes.
    pub successes: i64,
    /// Noisy failures.
    pub failures: i64,
    /// Variance of the noise in each of the two, in millionths: the sum of sigma squared over releases,
    /// as declared.
    pub variance_micros: u64,
}

impl Counts {
    /// Adds more of one author's, [bounded].
    pub(super) fn add(&mut self, more: &Self) {
        self.successes = self.successes.saturating_add(bounded(more.successes));
        self.failures = self.failures.saturating_add(bounded(more.failures));
        self.variance_micros = self.variance_micros.saturating_add(more.variance_micros);
    }

    /// These counts without a part of them that was counted with noise of its own.
    pub(super) fn less(&self, part: Option<&Self>) -> Self {
        let part = part.copied().unwrap_or_default();
        Self {
            successes: self.successes.saturating_sub(part.successes),
            failures: self.failures.saturating_sub(part.failures),
            variance_micros: self.variance_micros.saturating_add(part.variance_micros),
        }
    }
}

/// Most that one release says of one thing, without its sign: far above what anybody counts, and so low that sums of
/// releases stay within an i64, so that their order does not matter.
const MOST: i64 = 1 << 40;

/// A released value as it is added up.
pub(super) fn bounded(value: i64) -> i64 {
    value.clamp(-MOST, MOST)
}

/// A noisy count within `[-3 sigma, cap + 3 sigma]`, with sigma never above a thirtieth of the cap.
pub(super) fn clamp(count: i64, variance_micros: u64, cap: i64) -> i64 {
    hold(count, variance_micros.isqrt() / 1000, cap)
}

/// As [`clamp`], with a given sigma in the unit of the count.
pub(super) fn hold(count: i64, sigma: u64, cap: i64) -> i64 {
    let sigma = i64::try_from(sigma).unwrap_or(i64::MAX);
    let slack = sigma.saturating_mul(3).min(cap / 10);
    count.clamp(-slack, cap.saturating_add(slack))
}

/// The counts of one voice: those of its members, each clamped, and their sum clamped again.
pub(super) fn voice<'a>(cap: i64, members: impl IntoIterator<Item = &'a Counts>) -> Counts {
    let within = |counts: &Counts| {
        let bound = |count| clamp(count, counts.variance_micros, cap);
        Counts { successes: bound(counts.successes), failures: bound(counts.failures), ..*counts }
    };
    let mut voice = Counts::default();
    for counts in members {
        let counts = within(counts);
        voice.successes = voice.successes.saturating_add(counts.successes);
        voice.failures = voice.failures.saturating_add(counts.failures);
        voice.variance_micros = voice.variance_micros.saturating_add(counts.variance_micros);
    }
    within(&voice)
}

/// A pooled estimate of a success rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Estimate {
    /// The rate, in millionths, between 0 and 1,000,000.
    pub rate_micros: u64,
    /// Its variance, in 1e-12.
    pub variance_pico: u64,
    /// Noisy number of sessions behind it; can be small or negative by noise.
    pub sessions: i64,
    /// Distinct voices that contributed.
    pub voices: u32,
}

impl Estimate {
    /// Standard error, in millionths, rounded down.
    #[must_use]
    pub const fn standard_error_micros(&self) -> u64 {
        self.variance_pico.isqrt()
    }

    /// A 95 % interval, in millionths, within 0 and 1,000,000.
    #[must_use]
    pub fn interval_micros(&self) -> (u64, u64) {
        let half = self.standard_error_micros().saturating_mul(196) / 100;
        let high = self.rate_micros.saturating_add(half).min(1_000_000);
        (self.rate_micros.saturating_sub(half), high)
    }

    /// Returns true when this rate is above `other` by more than `margin_micros`, at one-sided 95 %: with
    /// `d = self - other - margin`, `d > 0` and `d^2 >= 1.644854^2 (var + var)`. What overflows does
    /// not beat.
    #[must_use]
    pub fn beats(&self, other: &Self, margin_micros: u64) -> bool {
        let d = i128::from(self.rate_micros)
            - i128::from(other.rate_micros)
            - i128::from(margin_micros);
        let variance = i128::from(self.variance_pico) + i128::from(other.variance_pico);
        let square = d.checked_mul(d).and_then(|square| square.checked_mul(MICRO));
        d > 0 && square.is_some_and(|square| square >= 2_705_543 * variance)
    }
}

/// Pools the counts of several voices.
#[derive(Debug, Clone)]
pub struct Pool {
    counts: Vec<Counts>,
    cap: i64,
}

impl Pool {
    /// An empty pool in which one voice counts for at most `cap` successes and `cap` failures.
    #[must_use]
    pub const fn new(cap: u32) -> Self {
        Self { counts: Vec::new(), cap: cap as i64 }
    }

    /// Adds the counts of one voice's members. Each member's counts are clamped to
    /// `[-3 sigma, cap + 3 sigma]`, and then their sum is, with the sum's own sigma: so a voice of many
    /// members counts for no more than a voice of one. Sigma is as declared but never above a thirtieth
    /// of the cap: declared noise is a claim, and must not buy room for counts that silence all others.
    pub fn add<'a>(&mut self, members: impl IntoIterator<Item = &'a Counts>) {
        self.counts.push(voice(self.cap, members));
    }

    /// The pooled estimate; none without any sessions behind it.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let sessions: i64 =
            self.counts.iter().fold(0, |sum, c| sum.saturating_add(c.successes + c.failures));
        if sessions <= 0 {
            return None;
        }
        let (mut low, mut high) = (0, ONE);
        for _ in 0..STEPS {
            let middle = (low + high) / 2;
            if self.score(middle) > 0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        let p = low + i128::from(self.score(high) > 0) * (high - low);
        let rate_micros = u64::try_from(p * MICRO / ONE).unwrap_or(0);
        Some(Estimate {
            rate_micros,
            variance_pico: self.variance_pico(i128::from(rate_micros), sessions),
            sessions,
            voices: u32::try_from(self.counts.len()).unwrap_or(u32::MAX),
        })
    }

    /// Sum of psi over voices at `p / 2^20`, in millionths of the scale.
    fn score(&self, p: i128) -> i128 {
        let psi = |counts: &Counts| {
            let u = (ONE - p) * i128::from(counts.successes) - p * i128::from(counts.failures);
            // Standard deviation of u at p = 1/2 for a full cap of sessions, in millionths.
            let variance =
                i128::from(self.cap) * MICRO / 2 + i128::from(counts.variance_micros) / 2;
            let scale_micros = (variance * MICRO).isqrt().max(1);
            let z_micros = u * MICRO * MICRO / (ONE * scale_micros);
            z_micros.clamp(-HUBER_MICRO, HUBER_MICRO)
        };
        self.counts.iter().map(psi).sum()
    }

    /// `(n p q + sum sigma^2 (p^2 + q^2)) / n^2`: sampling and noise, with the noisy n floored at 1.
    fn variance_pico(&self, p_micros: i128, sessions: i64) -> u64 {
        let n = i128::from(sessions.max(1));
        // At the borders p q is 0; a rate estimated from n sessions is never known better than 1/(n+2).
        let floor = MICRO / (n + 2);
        let p = p_micros.clamp(floor, MICRO - floor);
        let q = MICRO - p;
        let noise: i128 = self.counts.iter().map(|c| i128::from(c.variance_micros)).sum();
        let sampling = n * p * q;
        let noisy = noise * (p * p + q * q) / MICRO;
        u64::try_from((sampling + noisy) / (n * n)).unwrap_or(u64::MAX)
    }
}
