//! The exact laws that noise is compared with.

use lore_protocol::payload::Noise;

use super::statistics::chi_square_critical;

/// Fewest draws that a bin may expect.
const LEAST_EXPECTED: f64 = 10.0;

/// A law of noise on the integers, symmetric around 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law {
    /// Its kind.
    pub(crate) noise: Noise,
    /// Sigma of the Gaussian or b of the Laplace.
    pub(crate) scale: f64,
}

impl Law {
    fn weight(self, x: f64) -> f64 {
        match self.noise {
            Noise::Gaussian => (-(x * x) / (2.0 * self.scale * self.scale)).exp(),
            Noise::Laplace => (-x.abs() / self.scale).exp(),
        }
    }

    /// Distance at which weights have become nothing.
    fn reach(self) -> i64 {
        match self.noise {
            Noise::Gaussian => (40.0 * self.scale) as i64 + 40,
            Noise::Laplace => (800.0 * self.scale) as i64 + 40,
        }
    }

    /// P[Z >= least]: summed over the exact probabilities, in closed form for Laplace.
    #[must_use]
    pub(crate) fn tail(self, least: i64) -> f64 {
        if least <= 0 {
            // Symmetric, and the small side keeps the precision.
            return 1.0 - self.tail(1 - least);
        }
        match self.noise {
            Noise::Gaussian => {
                let from = |from: i64| (from..=self.reach()).map(|x| self.weight(x as f64));
                from(least).sum::<f64>() / 2.0_f64.mul_add(from(1).sum(), 1.0)
            }
            Noise::Laplace => self.weight(least as f64) / (1.0 + self.weight(1.0)),
        }
    }

    /// Pearson's chi-square of draws against this law, tails pooled so that every bin expects ten or
    /// more, and its critical value.
    #[must_use]
    pub(crate) fn chi_square(self, draws: &[i64]) -> (f64, f64) {
        let n = draws.len() as f64;
        let reach = self.reach();
        let total = 2.0_f64.mul_add((1..=reach).map(|x| self.weight(x as f64)).sum(), 1.0);
        let expected = |x: i64| n * self.weight(x as f64) / total;
        let mut edge = 1;
        while edge < reach && expected(edge) >= LEAST_EXPECTED {
            edge += 1;
        }
        // Every value from the edge on is one bin on each side; thin ones join their neighbour.
        while edge > 1 && n * self.tail(edge) < LEAST_EXPECTED {
            edge -= 1;
        }
        let mut seen = std::collections::BTreeMap::<i64, f64>::new();
        for draw in draws {
            *seen.entry((*draw).clamp(-edge, edge)).or_default() += 1.0;
        }
        let outer = n * self.tail(edge);
        let statistic = (-edge..=edge).map(|x| {
            let expected = if x.abs() == edge { outer } else { expected(x) };
            let seen = seen.get(&x).copied().unwrap_or(0.0);
            (seen - expected) * (seen - expected) / expected
        });
        (statistic.sum(), chi_square_critical(2.0 * edge as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_agree_with_their_sums_and_with_the_other_implementation() {
        for scale in [0.5, 2.0, 7.0] {
            let laplace = Law { noise: Noise::Laplace, scale };
            let sum =
                |from: i64| (from..=laplace.reach()).map(|x| laplace.weight(x as f64)).sum::<f64>();
            for k in 1..20 {
                let summed = sum(k) / 2.0_f64.mul_add(sum(1), 1.0);
                assert!((laplace.tail(k) / summed - 1.0).abs() < 1e-9);
                assert!((laplace.tail(k) + laplace.tail(1 - k) - 1.0).abs() < 1e-12);
            }
            let gaussian = Law { noise: Noise::Gaussian, scale };
            let other = crate::utility::upper_tail((scale * 1e6) as u64, 3);
            assert!((gaussian.tail(3) / other - 1.0).abs() < 1e-9);
        }
    }
}
