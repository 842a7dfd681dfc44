//! What a setting buys: chances and standard errors, for people to read. Nothing here decides what is
//! charged, so floats do.

/// Chance that a noisy count of `supporters` reaches `threshold`, for a discrete Gaussian of sigma in
/// millionths. Exact up to rounding (a sum of the probabilities).
#[must_use]
pub fn release_probability(supporters: u32, scale_micros: u64, threshold: u32) -> f64 {
    upper_tail(scale_micros, i64::from(threshold) - i64::from(supporters))
}

/// Least number of supporters whose key is released with at least `probability` (below 1).
#[must_use]
pub fn supporters_for(probability: f64, scale_micros: u64, threshold: u32) -> u32 {
    // The chance grows with the supporters and reaches a half at the threshold; sigma bounds the rest.
    let sigma = u32::try_from(scale_micros / 1_000_000).unwrap_or(u32::MAX);
    let mut below = 0;
    let mut enough = threshold.saturating_add(sigma.saturating_add(1).saturating_mul(40));
    while enough - below > 1 {
        let middle = below + (enough - below) / 2;
        if release_probability(middle, scale_micros, threshold) >= probability {
            enough = middle;
        } else {
            below = middle;
        }
    }
    enough
}

/// P[Z >= least] for a discrete Gaussian of sigma in millionths.
#[must_use]
pub fn upper_tail(scale_micros: u64, least: i64) -> f64 {
    let sigma = scale_micros as f64 / 1e6;
    if least <= 0 {
        // Symmetric, and summing the small side keeps the precision.
        return 1.0 - upper_tail(scale_micros, 1 - least);
    }
    let weight = |x: f64| (-(x * x) / (2.0 * sigma * sigma)).exp();
    let sum = |from: i64| {
        let mut total = 0.0;
        for x in from.. {
            let term = weight(x as f64);
            if term < 1e-300 || (x > from && term < total * 1e-18) {
                break;
            }
            total += term;
        }
        total
    };
    sum(least) / 2.0_f64.mul_add(sum(1), 1.0)
}

/// Standard error of a success rate pooled over nodes that each add noise of `sigma` to their counts of
/// successes and failures.
///
/// With n trials a node, rate p and q = 1 - p, K nodes: variance `pq/(Kn) + sigma^2 (p^2+q^2)/(K n^2)`
/// (delta method on successes over trials). Without noise, or with one node, set `sigma` to 0 or
/// `nodes` to 1.
#[must_use]
pub fn rate_standard_error(sigma: f64, nodes: u32, trials_per_node: u32, rate: f64) -> f64 {
    let (k, n) = (f64::from(nodes), f64::from(trials_per_node));
    let failure = 1.0 - rate;
    let sampling = rate * failure / (k * n);
    let noise = sigma * sigma * rate.mul_add(rate, failure * failure) / (k * n * n);
    (sampling + noise).sqrt()
}

/// Least number of nodes whose private pool estimates a success rate better than one node alone:
/// `K > 1 + sigma^2 (p^2 + q^2) / (p q n)`, from the variances of [`rate_standard_error`].
#[must_use]
pub fn break_even_nodes(sigma: f64, trials_per_node: u32, rate: f64) -> u32 {
    let failure = 1.0 - rate;
    let noise = sigma * sigma * rate.mul_add(rate, failure * failure);
    let ratio = noise / (rate * failure * f64::from(trials_per_node));
    // Strictly more than 1 + ratio.
    (ratio.floor() as u32).saturating_add(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_a_probability_and_symmetric() {
        for micros in [500_000, 3_182_867, 14_234_000] {
            assert!((upper_tail(micros, i64::from(i32::MIN) / 1_000_000) - 1.0).abs() < 1e-9);
            for x in 1..20 {
                let both = upper_tail(micros, x) + upper_tail(micros, 1 - x);
                assert!((both - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn supporters_are_the_least_that_suffice() {
        for (micros, threshold) in [(3_182_867, 18), (4_501_253, 26), (60_000_000, 340)] {
            let needed = supporters_for(0.95, micros, threshold);
            assert!(release_probability(needed, micros, threshold) >= 0.95);
            assert!(release_probability(needed - 1, micros, threshold) < 0.95);
        }
    }

    #[test]
    fn pooling_twenty_nodes_without_noise_divides_the_error_by_the_root_of_twenty() {
        assert!((rate_standard_error(0.0, 1, 30, 0.6) - 0.0894).abs() < 5e-4);
        assert!((rate_standard_error(0.0, 20, 30, 0.6) - 0.020).abs() < 5e-4);
    }
}
