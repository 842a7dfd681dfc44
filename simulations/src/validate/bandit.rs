//! A bandit with two arms by IMED (Honda and Takemura, "Non-asymptotic analysis of a new bandit algorithm for
//! semi-bounded rewards", 2015): its regret grows with the least factor that there is (Lai and Robbins
//! 1985), the gap over the divergence of the worse arm from the better one.
//!
//! After `n` pulls of the worse arm in `t`, IMED has `n KL + ln n = ln t` to first order: the regret grows with
//! ln(t/n), which has the limit of ln t and comes to it much sooner.

use crate::rng::{MILLION, Purpose, Streams, WHOLE};

/// Success rates of the arms, in a million. The better one's is a half, so that fair bits are its rewards.
pub const ARMS: [u32; 2] = [500_000, 400_000];

/// Rule that chooses an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Least divergence: the model of the target.
    Divergence,
    /// UCB1 (Auer et al. 2002), which pulls the worse arm about four times as often: a plausible mistake.
    Root,
}

/// Divergence of a Bernoulli variable of rate `p` from one of rate `q`, in nats.
#[must_use]
pub fn divergence(p: f64, q: f64) -> f64 {
    let term = |a: f64, b: f64| if a <= 0.0 { 0.0 } else { a * (a / b).ln() };
    term(p, q) + term(1.0 - p, 1.0 - q)
}

fn rates() -> [f64; 2] {
    ARMS.map(|rate| f64::from(rate) / f64::from(MILLION))
}

/// Lai and Robbins' factor.
#[must_use]
pub fn least_factor() -> f64 {
    let [better, worse] = rates();
    (better - worse) / divergence(worse, better)
}

/// The factor of UCB1: the gap times 2 / gap^2.
#[must_use]
pub fn root_factor() -> f64 {
    let [better, worse] = rates();
    2.0 / (better - worse)
}

#[derive(Clone, Copy, Default)]
struct Arm {
    pulls: u64,
    successes: u64,
}

impl Arm {
    #[allow(clippy::cast_precision_loss)]
    fn mean(self) -> f64 {
        self.successes as f64 / self.pulls as f64
    }
}

/// Returns true when the second arm is next.
#[allow(clippy::cast_precision_loss)]
fn second_is_next(arms: [Arm; 2], time: u64, rule: Rule) -> bool {
    let best = arms[0].mean().max(arms[1].mean());
    let [first, second] = arms.map(|arm| match rule {
        Rule::Divergence => {
            let pulls = arm.pulls as f64;
            let far = if arm.mean() < best { divergence(arm.mean(), best) } else { 0.0 };
            pulls * far + pulls.ln()
        }
        Rule::Root => -(arm.mean() + (2.0 * (time as f64).ln() / arm.pulls as f64).sqrt()),
    });
    second < first
}

/// Regret after `time` pulls, and pulls of the worse arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regret {
    /// Pulls in all.
    pub time: f64,
    /// Pulls of the worse arm.
    pub worse: f64,
    /// What they cost.
    pub regret: f64,
}

/// Regret after each of `times` pulls, which ascend.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn regret(times: &[u64], rule: Rule, streams: Streams) -> Vec<Regret> {
    let gap = rates()[0] - rates()[1];
    let mut rewards = streams.stream(WHOLE, Purpose::Work);
    let mut arms = [Arm { pulls: 64, successes: 0 }, Arm { pulls: 1, successes: 0 }];
    arms[0].successes = u64::from(rewards.bits().count_ones());
    arms[1].successes = u64::from(rewards.chance(ARMS[1]));
    let mut found = Vec::with_capacity(times.len());
    for end in times {
        loop {
            let time = arms[0].pulls + arms[1].pulls;
            if time >= *end {
                break;
            }
            if second_is_next(arms, time, rule) {
                arms[1].pulls += 1;
                arms[1].successes += u64::from(rewards.chance(ARMS[1]));
                continue;
            }
            // At most a thousandth of its pulls before the next look, which moves ln t by a thousandth. Of
            // sixty-four fair bits each is a success with probability one half.
            for _ in 0..(arms[0].pulls / 64_000).max(1) {
                arms[0].pulls += 64;
                arms[0].successes += u64::from(rewards.bits().count_ones());
            }
        }
        let (time, worse) = ((arms[0].pulls + arms[1].pulls) as f64, arms[1].pulls as f64);
        found.push(Regret { time, worse, regret: worse * gap });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_is_lai_and_robbins() {
        assert!((least_factor() - 4.966).abs() < 5e-4, "{}", least_factor());
        assert!(divergence(0.3, 0.3).abs() < 1e-15 && divergence(0.0, 0.5) > 0.69);
        assert_eq!(ARMS[0] * 2, MILLION);
    }
}
