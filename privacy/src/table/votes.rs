//! Number of voters that make a candidate visible through the noise.

use lore_protocol::payload::Noise;
use serde::Serialize;

use super::EPSILONS_MICROS;
use crate::audit::law::Law;
use crate::preset::SURE;

/// Chance that a candidate without voters is taken for one with.
const FALSE_ALARM: f64 = 5e-4;
/// Normal quantiles of the false alarm and of 95 %.
pub(super) const Z: f64 = 3.290_527 + 1.644_854;
/// Nodes of the table.
const NODES: [u32; 5] = [1, 2, 5, 12, 50];

/// One setting: discrete Laplace noise with b = 1 / epsilon on every node, summed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Votes {
    /// Epsilon of one vote.
    pub epsilon: f64,
    /// Nodes that sum their noisy votes.
    pub nodes: u32,
    /// Least voters on each node for a chance of 95 % to be told from a candidate without voters, with
    /// a false alarm of 5e-4.
    pub supporters_per_node: u32,
    /// The same by the normal approximation, whose tails are too thin for few nodes.
    pub supporters_per_node_normal: u32,
}

/// All settings.
#[must_use]
pub fn votes() -> Vec<Votes> {
    let each = EPSILONS_MICROS.into_iter().flat_map(|micros| {
        NODES.into_iter().map(move |nodes| {
            let epsilon = micros as f64 / 1e6;
            let law = Law { noise: Noise::Laplace, scale: epsilon.recip() };
            Votes {
                epsilon,
                nodes,
                supporters_per_node: needed(law, nodes),
                supporters_per_node_normal: needed_normal(law, nodes),
            }
        })
    });
    each.collect()
}

/// The exact law of the sum decides: the least sum that alarms falsely rarely enough, then the least
/// shift that reaches it surely enough.
fn needed(law: Law, nodes: u32) -> u32 {
    let sum = convolved(law, nodes);
    let reach = (sum.len() / 2) as i64;
    // tail[x + reach] = P[S >= x]
    let mut tail = sum;
    for x in (0..tail.len().saturating_sub(1)).rev() {
        tail[x] += tail[x + 1];
    }
    let at_least = |x: i64| match usize::try_from(x + reach) {
        Ok(index) => tail.get(index).copied().unwrap_or(0.0),
        Err(_) => 1.0,
    };
    let alarm = (-reach..=reach + 1).find(|x| at_least(*x) <= FALSE_ALARM).unwrap_or(reach + 1);
    let shift = (0..=2 * reach).find(|shift| at_least(alarm - shift) >= SURE).unwrap_or(2 * reach);
    u32::try_from(shift).unwrap_or(u32::MAX).div_ceil(nodes)
}

/// With variance `2 q / (1 - q)^2`, q = exp(-1 / b), for each draw.
fn needed_normal(law: Law, nodes: u32) -> u32 {
    let q = (-law.scale.recip()).exp();
    let variance = 2.0 * q / (1.0 - q).powi(2);
    (Z * (variance / f64::from(nodes)).sqrt()).ceil() as u32
}

/// Probabilities of the sum of `nodes` draws, from its least value to its greatest.
fn convolved(law: Law, nodes: u32) -> Vec<f64> {
    // Beyond 36 scales a draw has less than 1e-15.
    let reach = (36.0 * law.scale).ceil() as i64;
    let one: Vec<f64> = (-reach..=reach).map(|x| law.tail(x) - law.tail(x + 1)).collect();
    let mut sum = vec![1.0];
    for _ in 0..nodes {
        let mut next = vec![0.0; sum.len() + one.len() - 1];
        for (i, a) in sum.iter().enumerate() {
            for (j, b) in one.iter().enumerate() {
                next[i + j] += a * b;
            }
        }
        sum = next;
    }
    sum
}

/// Cost of finding something that no list names, by local DP alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Personal {
    /// Epsilon of each report.
    pub epsilon: f64,
    /// Share of nodes that know it.
    pub share: f64,
    /// Nodes for a chance of 95 %, with a false alarm of 5e-4.
    pub nodes: u64,
}

/// At a share of 5 %: optimised unary encoding, variance `4 e^eps / (e^eps - 1)^2` for each report
/// (Wang, Blocki, Li and Jha 2017, "Locally Differentially Private Protocols for Frequency
/// Estimation", section 4), normal approximation.
#[must_use]
pub fn personal() -> Vec<Personal> {
    const SHARE: f64 = 0.05;
    let row = |micros: u64| {
        let epsilon = micros as f64 / 1e6;
        let variance = 4.0 * epsilon.exp() / epsilon.exp_m1().powi(2);
        Personal {
            epsilon,
            share: SHARE,
            nodes: (Z * Z * variance / (SHARE * SHARE)).ceil() as u64,
        }
    };
    EPSILONS_MICROS.into_iter().map(row).collect()
}
