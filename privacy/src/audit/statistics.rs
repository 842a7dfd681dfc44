//! Certified statements from samples: bounds that hold with a stated confidence, for any distribution.

/// Chance that one bound is wrong. An audit of a correct mechanism that uses its claim up to the last
/// digit fails at most this often; a real one, with slack, practically never.
pub const ALPHA: f64 = 1e-5;

/// Normal quantile of [`ALPHA`], one-sided.
const Z: f64 = 4.264_891;

/// `ln n!`: exact sums for small n, then Stirling's series, whose error is below 1e-15 there.
fn ln_factorial(n: u64) -> f64 {
    if n < 128 {
        return (2..=n).map(|i| (i as f64).ln()).sum();
    }
    let x = n as f64;
    let tail = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    0.5f64.mul_add((std::f64::consts::TAU * x).ln(), x.mul_add(x.ln(), -x)) + tail
}

/// `P[X >= k]` for a binomial of `n` trials, where k is above the mean: terms fall from k on.
fn upper_tail(k: u64, n: u64, p: f64) -> f64 {
    let choose = ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let first = choose + (k as f64) * p.ln() + ((n - k) as f64) * (-p).ln_1p();
    let mut term = first.exp();
    let mut sum = 0.0;
    for i in k..=n {
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
        term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
    }
    sum
}

/// Lower confidence bound on a probability from `hits` of `trials`, wrong with chance `alpha` at most
/// (Clopper and Pearson 1934: exact).
#[must_use]
pub fn at_least(hits: u64, trials: u64, alpha: f64) -> f64 {
    if hits == 0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, hits as f64 / trials as f64);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if upper_tail(hits, trials, middle) > alpha {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

/// Upper confidence bound on a probability, wrong with chance `alpha` at most.
#[must_use]
pub fn at_most(hits: u64, trials: u64, alpha: f64) -> f64 {
    1.0 - at_least(trials - hits, trials, alpha)
}

/// Largest epsilon that two samples of one event refute at `delta`: any (epsilon, delta)-DP mechanism
/// has `P[E] <= e^epsilon Q[E] + delta`. `p` and `q` are (hits, trials) with and without the victim.
#[must_use]
pub fn certified_epsilon(p: (u64, u64), q: (u64, u64), delta: f64) -> f64 {
    let low = at_least(p.0, p.1, ALPHA / 2.0) - delta;
    let high = at_most(q.0, q.1, ALPHA / 2.0);
    if low <= 0.0 { 0.0 } else { (low / high).ln().max(0.0) }
}

/// Distance of the mean of bounded samples from the true one, exceeded with chance `alpha` at most
/// (Maurer and Pontil 2009, "Empirical Bernstein Bounds", Theorem 4; one side).
fn bernstein(samples: &[f64], range: f64, alpha: f64) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    let log = (2.0 / alpha).ln();
    (mean, (2.0 * variance * log / n).sqrt() + 7.0 * range * log / (3.0 * (n - 1.0)))
}

/// Lower confidence bound on the rho of zero-concentrated DP.
///
/// rho-zCDP bounds the Renyi divergence of order a by `a * rho` (Bun and Steinke 2016, Definition 1.1),
/// hence, as a falls to 1, the Kullback-Leibler divergence by rho; and for any function f
/// `KL(P, Q) >= E_P[f] - ln E_Q[e^f]` (Donsker and Varadhan 1983). Both expectations are bounded from
/// samples of f, which lies in `[low, high]` and was fixed before they were drawn. With `delta`, P and Q
/// are each within delta of distributions that satisfy the claim, which moves an expectation by at
/// most delta times its range.
#[must_use]
pub fn certified_rho(p: &[f64], q: &[f64], (low, high): (f64, f64), delta: f64) -> f64 {
    let (mean, error) = bernstein(p, high - low, ALPHA / 2.0);
    let raised: Vec<f64> = q.iter().map(|f| f.exp()).collect();
    let range = high.exp() - low.exp();
    let (mass, slack) = bernstein(&raised, range, ALPHA / 2.0);
    let expected = mean - error - delta * (high - low);
    (expected - delta.mul_add(range, mass + slack).ln()).max(0.0)
}

/// Critical value of chi-square at [`ALPHA`] (Wilson and Hilferty 1931).
#[must_use]
pub fn chi_square_critical(freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    freedom * Z.mul_add(spread.sqrt(), 1.0 - spread).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_bounds_agree_with_tables() {
        // scipy.stats.beta.ppf(0.05, 3, 8) and (0.95, 4, 7); and large n against the normal limit.
        assert!((at_least(3, 10, 0.05) - 0.087_264_43).abs() < 1e-8);
        assert!((at_most(3, 10, 0.05) - 0.606_624_22).abs() < 1e-8);
        assert!((at_most(0, 50_000, ALPHA) - -(ALPHA.ln()) / 50_000.0).abs() < 1e-7);
        let (n, p) = (1_000_000, 0.01_f64);
        let normal = p - Z * (p * (1.0 - p) / n as f64).sqrt();
        assert!((at_least(10_000, n, ALPHA) - normal).abs() < 1e-5);
        assert_eq!((at_least(0, 9, ALPHA), at_most(9, 9, ALPHA)), (0.0, 1.0));
    }

    #[test]
    fn the_bound_on_rho_is_below_the_divergence_and_comes_near_it() {
        // Quantiles of N(1, 1) and N(0, 1) as samples: a Gaussian mechanism of rho 1/2.
        let n = 200_000;
        let quantile = |i: usize| {
            let (mut low, mut high) = (-9.0, 9.0);
            for _ in 0..60 {
                let x = f64::midpoint(low, high);
                if normal(x) < (i as f64 + 0.5) / n as f64 { low = x } else { high = x }
            }
            low
        };
        let draws: Vec<f64> = (0..n).map(quantile).collect();
        let f = |x: f64| (x - 0.5).clamp(-3.5, 2.5);
        let p: Vec<f64> = draws.iter().map(|x| f(x + 1.0)).collect();
        let q: Vec<f64> = draws.iter().map(|x| f(*x)).collect();
        let rho = certified_rho(&p, &q, (-3.5, 2.5), 0.0);
        assert!(rho < 0.5 && rho > 0.45, "{rho}");
        assert!(certified_rho(&q, &q, (-3.5, 2.5), 0.0) < 1e-9);
    }

    /// By the series of the error function.
    fn normal(x: f64) -> f64 {
        let (mut term, mut sum, mut k) = (x, x, 1.0);
        while term.abs() > 1e-17 * sum.abs() {
            term *= x * x / (2.0 * k + 1.0);
            sum += term;
            k += 1.0;
        }
        0.5 + sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
    }
}
