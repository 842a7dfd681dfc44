//! The choice of the next token.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Chooses tokens: the likeliest, or at random by a seed.
#[derive(Debug)]
pub(super) struct Sampler {
    /// 0 is greedy.
    temperature: f64,
    random: ChaCha8Rng,
}

impl Sampler {
    /// `temperature_milli` in thousandths. The same seed gives the same draws.
    pub(super) fn new(temperature_milli: u32, seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { temperature: f64::from(temperature_milli) / 1000.0, random }
    }

    /// The place of the chosen one; None when a number is missing or no number.
    pub(super) fn choose(&mut self, logits: &[f32]) -> Option<u32> {
        // Of equals the first.
        let mut best = (0_u32, f32::NEG_INFINITY);
        for (at, &logit) in (0_u32..).zip(logits) {
            if logit.is_nan() {
                return None;
            }
            if logit > best.1 {
                best = (at, logit);
            }
        }
        if !best.1.is_finite() {
            return None;
        }
        if self.temperature == 0.0 {
            return Some(best.0);
        }
        let weight = |logit: f32| (f64::from(logit - best.1) / self.temperature).exp();
        let sum: f64 = logits.iter().map(|&logit| weight(logit)).sum();
        // 53 bits: as many as a double holds.
        #[expect(clippy::cast_precision_loss, reason = "below 2^53, exact")]
        let drawn = (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut left = drawn * sum;
        for (at, &logit) in (0_u32..).zip(logits) {
            left -= weight(logit);
            if left < 0.0 {
                return Some(at);
            }
        }
        Some(best.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [0.0, 2.0, 1.0, 2.0];

    fn draws(temperature_milli: u32, seed: u64) -> Vec<Option<u32>> {
        let mut sampler = Sampler::new(temperature_milli, seed);
        (0..2000).map(|_| sampler.choose(&LOGITS)).collect()
    }

    #[test]
    fn without_temperature_the_first_of_the_likeliest() {
        assert!(draws(0, 1).iter().all(|&chosen| chosen == Some(1)));
    }

    #[test]
    fn with_one_each_by_its_weight_and_the_same_for_the_same_seed() {
        assert_eq!(draws(1000, 7), draws(1000, 7));
        assert_ne!(draws(1000, 7), draws(1000, 8));
        let drawn = draws(1000, 7);
        let sum: f64 = LOGITS.iter().map(|&logit| f64::from(logit).exp()).sum();
        for (at, &logit) in (0_u32..).zip(&LOGITS) {
            let share = f64::from(
                u32::try_from(drawn.iter().filter(|&&chosen| chosen == Some(at)).count())
                    .unwrap_or(0),
            ) / 2000.0;
            let expected = f64::from(logit).exp() / sum;
            // Five standard errors of 2000 draws.
            let error = 5.0 * (expected * (1.0 - expected) / 2000.0).sqrt();
            assert!((share - expected).abs() < error, "{at}: {share} {expected}");
        }
    }

    #[test]
    fn numbers_that_are_none_are_no_choice() {
        assert_eq!(Sampler::new(0, 0).choose(&[1.0, f32::NAN]), None);
        assert_eq!(Sampler::new(500, 0).choose(&[f32::NEG_INFINITY; 3]), None);
        assert_eq!(Sampler::new(500, 0).choose(&[]), None);
    }
}
