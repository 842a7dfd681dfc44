//! Utility of a setting: chances and standard errors, for people to read. Nothing here decides what is
//! charged, so floats do.

/// Sigma, in millionths, above which the normal law stands for the discrete one.
const MANY_MICROS: u64 = 1_000_000_000;

/// Chance that a noisy `count` reaches `threshold`, for a discrete Gaussian of sigma in millionths. Exact up
/// to rounding for a sigma below 1,000, above which the normal law stands for it.
#[must_use]
pub fn release_probability(count: u64, scale_micros: u64, threshold: u32) -> f64 {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    upper_tail(scale_micros, i64::from(threshold).saturating_sub(count))
}

/// Least count of a key, in units of weight where units share one, that is released with at least
/// `probability` (below 1).
#[must_use]
pub fn weight_for(probability: f64, scale_micros: u64, threshold: u32) -> u64 {
    // The chance grows with the count and reaches a half at the threshold; sigma bounds the rest.
    let sigma = scale_micros / 1_000_000;
    let mut below = 0;
    let mut enough =
        u64::from(threshold).saturating_add(sigma.saturating_add(1).saturating_mul(40));
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
    if scale_micros > MANY_MICROS {
        // P[Z > least - 1/2] of the normal law: the two differ by less than 1e-7 of themselves there.
        return 0.5 * libm::erfc((least as f64 - 0.5) / (sigma * std::f64::consts::SQRT_2));
    }
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
    fn the_weight_needed_is_the_least_that_suffices() {
        for (micros, threshold) in [(3_182_867, 18), (4_501_253, 26), (18_376_000_000, 104_000)] {
            let needed = weight_for(0.95, micros, threshold);
            assert!(release_probability(needed, micros, threshold) >= 0.95);
            assert!(release_probability(needed - 1, micros, threshold) < 0.95);
        }
    }

    #[test]
    fn the_normal_law_stands_for_a_wide_discrete_one() {
        let at = |micros: u64, sigmas: i64| upper_tail(micros, sigmas * 1_000);
        for sigmas in [-2, 0, 1, 3, 5] {
            let (exact, normal) = (at(1_000_000_000, sigmas), at(1_000_000_001, sigmas));
            assert!((normal / exact - 1.0).abs() < 1e-5, "{sigmas}: {exact} and {normal}");
        }
    }

    #[test]
    fn pooling_twenty_nodes_without_noise_divides_the_error_by_the_root_of_twenty() {
        assert!((rate_standard_error(0.0, 1, 30, 0.6) - 0.0894).abs() < 5e-4);
        assert!((rate_standard_error(0.0, 20, 30, 0.6) - 0.020).abs() < 5e-4);
    }
}
