//! Exact samplers in integers, driven by a seed: Canonne, Kamath and Steinke 2020, "The Discrete
//! Gaussian for Differential Privacy", Algorithms 1 to 3. For simulation and for tests of the law; a
//! seed can be known, so nothing drawn here is private.

/// Pseudo-random bits from a seed: the output stream of BLAKE3.
#[derive(Debug)]
pub(crate) struct SeededBits(blake3::OutputReader);

/// A rational that is not negative.
#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) num: u128,
    pub(crate) den: u128,
}

impl SeededBits {
    pub(crate) fn new(seed: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("commonlore simulated noise v1");
        hasher.update(seed);
        Self(hasher.finalize_xof())
    }

    /// Thirty-two bytes, to seed another source.
    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill(&mut bytes);
        bytes
    }

    /// Uniform below `bound`, which is not zero: whole bits, rejected above the bound.
    fn below(&mut self, bound: u128) -> u128 {
        let bits = 128 - (bound - 1).leading_zeros();
        if bits == 0 {
            return 0;
        }
        loop {
            let mut bytes = [0; 16];
            let used = bits.div_ceil(8) as usize;
            self.0.fill(&mut bytes[..used]);
            let draw = u128::from_le_bytes(bytes) & (u128::MAX >> (128 - bits));
            if draw < bound {
                return draw;
            }
        }
    }

    /// True with probability exp(-x).
    fn bernoulli_exp(&mut self, x: Ratio) -> bool {
        let whole = x.num / x.den;
        for _ in 0..whole {
            if !self.bernoulli_exp_unit(Ratio { num: 1, den: 1 }) {
                return false;
            }
        }
        self.bernoulli_exp_unit(Ratio { num: x.num % x.den, den: x.den })
    }

    /// True with probability exp(-x), for x in [0, 1] (Algorithm 1).
    fn bernoulli_exp_unit(&mut self, x: Ratio) -> bool {
        let mut k = 1_u128;
        // Bernoulli(x / k) as Bernoulli(x) and Bernoulli(1 / k), so that nothing overflows.
        while self.below(x.den) < x.num && self.below(k) == 0 {
            k += 1;
        }
        k % 2 == 1
    }

    /// Discrete Laplace: probability proportional to exp(-|y| / scale) (Algorithm 2).
    pub(crate) fn laplace(&mut self, scale: Ratio) -> i128 {
        loop {
            let low = self.below(scale.num);
            let keep = self.bernoulli_exp(Ratio { num: low, den: scale.num });
            if !keep {
                continue;
            }
            let mut high = 0_u128;
            while self.bernoulli_exp_unit(Ratio { num: 1, den: 1 }) {
                high += 1;
            }
            let magnitude = ((low + scale.num * high) / scale.den) as i128;
            let negative = self.below(2) == 1;
            if !(negative && magnitude == 0) {
                return if negative { -magnitude } else { magnitude };
            }
        }
    }

    /// Discrete Gaussian of a sigma in millionths (Algorithm 3), up to 10^8. Above 1,000 sigma is rounded up to
    /// a whole number, so that the integers fit into 128 bits: at most a thousandth more noise.
    pub(crate) fn gaussian(&mut self, sigma_micros: u64) -> i128 {
        const WHOLE_FROM: u64 = 1_000_000_000;
        let (sigma, one) = if sigma_micros < WHOLE_FROM {
            (u128::from(sigma_micros), 1_000_000)
        } else {
            (u128::from(sigma_micros.div_ceil(1_000_000)), 1)
        };
        let square = one * one;
        let variance = sigma * sigma;
        let t = sigma / one + 1;
        loop {
            let candidate = self.laplace(Ratio { num: t, den: 1 });
            // Keep with exp(-(|y| - sigma^2 / t)^2 / (2 sigma^2)), over a common denominator.
            let scaled = candidate.unsigned_abs() * square * t;
            let distance = scaled.abs_diff(variance);
            let den = 2 * variance * square * t * t;
            // Past 2^128 the exponent is beyond 100 for every scale that is accepted: never kept.
            let keep = distance
                .checked_mul(distance)
                .is_some_and(|num| self.bernoulli_exp(Ratio { num, den }));
            if keep {
                return candidate;
            }
        }
    }
}

#[cfg(test)]
mod tests;
