//! Exact mean rounds of a rumour on a complete graph, from the Markov chain on the number of informed nodes.
//!
//! With `i` of `n` nodes informed, `u = n - i` are not. Push: `i` balls fall independently on the `n - 1`
//! others, and each of the `u` cells that is hit is a node that learns. Pull: each of the `u` learns with
//! probability `i / (n - 1)`. Push-pull: first the balls, then those that were not hit pull. No random number
//! and nothing of the simulator is used here.

use super::rumor::Direction;

/// Weights below this share of the largest are left out; all of them together are below 1e-14.
const NEGLIGIBLE: f64 = 1e-18;

/// A distribution on consecutive integers.
struct Spread {
    first: usize,
    weights: Vec<f64>,
}

impl Spread {
    fn each(&self) -> impl Iterator<Item = (usize, f64)> {
        self.weights.iter().enumerate().map(|(place, weight)| (self.first + place, *weight))
    }
}

/// Mean rounds until all of `nodes` know what one knows. Takes about `nodes`^3 steps.
#[must_use]
pub fn mean_rounds(nodes: usize, direction: Direction) -> f64 {
    let mut mean = vec![0.0; nodes + 1];
    for informed in (1..nodes).rev() {
        let empty = nodes - informed;
        let (mut stay, mut later) = (0.0, 0.0);
        let mut add = |learnt: usize, weight: f64| {
            if learnt == 0 {
                stay += weight;
            } else {
                later += weight * mean[informed + learnt];
            }
        };
        let chance = ratio(informed, nodes - 1);
        match direction {
            Direction::Push => {
                hits(informed, empty, nodes - 1).each().for_each(|(hit, weight)| add(hit, weight));
            }
            Direction::Pull => {
                binomial(empty, chance).each().for_each(|(hit, weight)| add(hit, weight));
            }
            Direction::PushPull => {
                for (hit, first) in hits(informed, empty, nodes - 1).each() {
                    for (pulled, second) in binomial(empty - hit, chance).each() {
                        add(hit + pulled, first * second);
                    }
                }
            }
        }
        mean[informed] = (1.0 + later) / (1.0 - stay);
    }
    mean[1]
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// Distinct cells hit when `balls` fall on `cells`, of which only `empty` count.
fn hits(balls: usize, empty: usize, cells: usize) -> Spread {
    let mut spread = Spread { first: 0, weights: vec![1.0] };
    for _ in 0..balls {
        let last = spread.first + spread.weights.len() - 1;
        if last < empty {
            spread.weights.push(0.0);
        }
        let mut from_below = 0.0;
        for (place, weight) in spread.weights.iter_mut().enumerate() {
            let free = ratio(empty - spread.first - place, cells);
            let moved = *weight * free;
            *weight += from_below - moved;
            from_below = moved;
        }
        while spread.weights.first().is_some_and(|weight| *weight < NEGLIGIBLE) {
            spread.weights.remove(0);
            spread.first += 1;
        }
        while spread.weights.last().is_some_and(|weight| *weight < NEGLIGIBLE) {
            spread.weights.pop();
        }
    }
    spread
}

/// Successes among `trials`, from the mode outward by the ratio of neighbours, then scaled to 1.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn binomial(trials: usize, chance: f64) -> Spread {
    if chance >= 1.0 {
        return Spread { first: trials, weights: vec![1.0] };
    }
    let odds = chance / (1.0 - chance);
    let mode = (((trials + 1) as f64 * chance) as usize).min(trials);
    let mut below = Vec::new();
    let mut weight = 1.0;
    for k in (0..mode).rev() {
        weight *= (k + 1) as f64 / ((trials - k) as f64 * odds);
        if weight < NEGLIGIBLE {
            break;
        }
        below.push(weight);
    }
    let first = mode - below.len();
    below.reverse();
    let mut weights = below;
    weights.push(1.0);
    weight = 1.0;
    for k in mode..trials {
        weight *= (trials - k) as f64 * odds / (k + 1) as f64;
        if weight < NEGLIGIBLE {
            break;
        }
        weights.push(weight);
    }
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    Spread { first, weights }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }

    #[test]
    fn small_chains_are_right_by_hand() {
        // Two nodes: one call informs the other, from either side.
        for direction in [Direction::Push, Direction::Pull, Direction::PushPull] {
            close(mean_rounds(2, direction), 1.0);
        }
        // Three nodes, push: one round to the second; then both miss the third with 1/4.
        close(mean_rounds(3, Direction::Push), 1.0 + 4.0 / 3.0);
        // Pull: from one, both learn 1/4, one of them 1/2, none 1/4; from two, the third always learns.
        close(mean_rounds(3, Direction::Pull), (1.0 + 0.5) / 0.75);
        // Push-pull: the second is hit, the third pulls from the first with 1/2; else one round more.
        close(mean_rounds(3, Direction::PushPull), 1.5);
    }

    #[test]
    fn distributions_have_their_moments() {
        let moments = |spread: &Spread| {
            let total: f64 = spread.weights.iter().sum();
            #[allow(clippy::cast_precision_loss)]
            let mean: f64 = spread.each().map(|(k, weight)| k as f64 * weight).sum();
            (total, mean)
        };
        let (total, mean) = moments(&binomial(1_000, 0.3));
        close(total, 1.0);
        assert!((mean - 300.0).abs() < 1e-9);
        // Mean of distinct cells hit: u (1 - (1 - 1/cells)^balls).
        let (total, mean) = moments(&hits(50, 70, 99));
        close(total, 1.0);
        close(mean, 70.0 * (1.0 - (98.0_f64 / 99.0).powi(50)));
    }

    /// Twelve-digit control of the constant in the target, in about a minute.
    #[test]
    #[ignore = "takes a minute"]
    fn push_pull_among_ten_thousand() {
        let exact = mean_rounds(10_000, Direction::PushPull);
        assert!((exact - super::super::spread::PUSH_PULL_TEN_THOUSAND).abs() < 5e-5, "{exact}");
    }
}
