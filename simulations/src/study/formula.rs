//! What the formula says of a break-even, beside what was simulated.

use super::bootstrap::Interval;

/// The break-even with the second order of a ratio's error. A pool of K nodes has K n trials with noise of variance
/// 2 K sigma^2 in them, so that the mean of 1 / trials^2 is larger by the factor 1 + 6 sigma^2 / (K n^2).
pub(super) fn second_order(formula: f64, sigma: f64, trials: f64) -> f64 {
    let excess = 6.0 * sigma * sigma / (trials * trials);
    // K = formula * (1 + excess / K).
    f64::midpoint(formula, (formula * formula + 4.0 * formula * excess).sqrt())
}

/// Break-even of one epsilon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakEven {
    /// The epsilon.
    pub epsilon: f64,
    /// Sigma of the release.
    pub sigma: f64,
    /// Number of nodes at which both errors are equal, as simulated, with robust pooling.
    pub simulated: Interval,
    /// The same from the formula: `1 + sigma^2 (p^2 + q^2) / (p q n)`.
    pub formula: f64,
    /// The same with the second order of the ratio's error: the noisy number of trials stands below the line.
    pub second_order: f64,
    /// Least whole number of nodes that beats a node alone, by the privacy crate's formula.
    pub least_nodes: u32,
}

impl BreakEven {
    /// True when the simulation does not contradict the formula: its second order lies within the interval, widened from
    /// 95 % to 99.999 %, and by a twentieth for the straight line between two numbers of nodes.
    #[must_use]
    pub fn agrees(&self) -> bool {
        let Interval { mean, low, high } = self.simulated;
        let (below, above) = (2.3 * (mean - low), 2.3 * (high - mean));
        let slack = 0.05 * self.second_order;
        (mean - below - slack..=mean + above + slack).contains(&self.second_order)
    }
}
