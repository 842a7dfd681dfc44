//! An exact, seeded sampler of the discrete Laplace law, for simulations only.
//!
//! Integers and random bits alone decide (Canonne, Kamath, Steinke, "The Discrete Gaussian for
//! Differential Privacy", 2020, algorithms 1 and 2): no float rounds a probability. Noise from a seed
//! protects nobody; production noise never comes from here. It is this room's own because the privacy
//! room's seeded source offers what releases use, the discrete Gaussian, and no Laplace.

use crate::rng::Stream;

/// Scale of a discrete Laplace law, b = numerator / denominator: P(x) is proportional to exp(-|x|/b).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    numerator: u64,
    denominator: u64,
}

impl Scale {
    /// b = numerator / denominator; none when either is 0 or above 2^32, where products would overflow.
    #[must_use]
    pub fn new(numerator: u64, denominator: u64) -> Option<Self> {
        let fits = |value| (1..=1 << 32).contains(&value);
        (fits(numerator) && fits(denominator)).then_some(Self { numerator, denominator })
    }

    /// One draw.
    pub fn sample(self, stream: &mut Stream) -> i64 {
        loop {
            // X = u + t v is geometric with ratio exp(-1/t), t the numerator.
            let rest = stream.below(self.numerator);
            if !falls(rest, self.numerator, stream) {
                continue;
            }
            let mut whole = 0_u64;
            while falls(1, 1, stream) {
                whole += 1;
            }
            let geometric = rest.saturating_add(self.numerator.saturating_mul(whole));
            let magnitude = i64::try_from(geometric / self.denominator).unwrap_or(i64::MAX);
            let negative = stream.below(2) == 1;
            // Zero has one sign only, else it would come up twice as often as it should.
            if negative && magnitude == 0 {
                continue;
            }
            return if negative { -magnitude } else { magnitude };
        }
    }
}

/// True with probability exp(-x/y), for x at most y (algorithm 1, the case gamma in [0, 1]).
fn falls(x: u64, y: u64, stream: &mut Stream) -> bool {
    let mut k = 1_u64;
    loop {
        // Bernoulli(x / (y k)).
        if stream.below(y.saturating_mul(k)) >= x {
            return k % 2 == 1;
        }
        k += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use super::*;
    use crate::rng::{Purpose, Streams};

    #[test]
    fn frequencies_follow_the_law() {
        let scale = Scale::new(1, 1).unwrap();
        let mut stream = Streams::new(5).stream(0, Purpose::Noise);
        let draws = 100_000;
        let mut counts = std::collections::BTreeMap::<i64, u32>::new();
        for _ in 0..draws {
            *counts.entry(scale.sample(&mut stream)).or_default() += 1;
        }
        let ratio = (-1.0_f64).exp();
        for value in -4_i64..=4 {
            let magnitude = i32::try_from(value.abs()).unwrap();
            let p = (1.0 - ratio) / (1.0 + ratio) * ratio.powi(magnitude);
            let got = f64::from(counts[&value]) / f64::from(draws);
            let error = (p * (1.0 - p) / f64::from(draws)).sqrt();
            assert!((got - p).abs() < 4.5 * error, "{value}: {got} against {p}");
        }
    }

    #[test]
    fn scales_without_sense_are_refused() {
        assert_eq!(Scale::new(0, 1), None);
        assert_eq!(Scale::new(1, 0), None);
        assert_eq!(Scale::new(1 << 33, 1), None);
    }
}
