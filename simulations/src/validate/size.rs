//! Exact final sizes of rumours whose nodes do not listen, from a walk over the senders.
//!
//! Whom a node calls does not depend on what it hears, so the order of calls does not matter: informed
//! nodes are taken one after the other. The state is (informed, done); a call of one of `m` informed nodes
//! reaches an uninformed one with probability `(n - m) / (n - 1)`.

use super::chain::ratio;

/// Probabilities of the final number of informed nodes, by that number, when a node calls until a coin with
/// probability `1 / mean_calls` says stop, after each call (Demers et al. 1987, blind and coin).
#[must_use]
pub fn blind_coin(nodes: usize, mean_calls: u32) -> Vec<f64> {
    let stop = 1.0 / f64::from(mean_calls);
    let mut ends = vec![0.0; nodes + 1];
    // By done nodes, for the number of informed ones at hand.
    let mut row = vec![0.0; nodes + 2];
    row[0] = 1.0;
    for informed in 1..=nodes {
        let reach = ratio(nodes - informed, nodes - 1);
        let mut next = vec![0.0; nodes + 2];
        for done in 0..informed {
            // Calls that reach nobody and do not stop leave the state as it is.
            let leaves = 1.0 - (1.0 - reach) * (1.0 - stop);
            let weight = row[done] / leaves;
            row[done + 1] += weight * (1.0 - reach) * stop;
            next[done + 1] += weight * reach * stop;
            next[done] += weight * reach * (1.0 - stop);
        }
        ends[informed] = row[informed];
        row = next;
    }
    ends
}

/// The same when a node calls `fanout` different others once.
#[must_use]
pub fn infect_and_die(nodes: usize, fanout: usize) -> Vec<f64> {
    let mut ends = vec![0.0; nodes + 1];
    // By informed nodes, for the number of done ones at hand.
    let mut row = vec![0.0; nodes + 1];
    row[1] = 1.0;
    for done in 0..nodes {
        ends[done] = std::mem::take(&mut row[done]);
        let mut next = vec![0.0; nodes + 1];
        for informed in done + 1..=nodes {
            let reached = new_among(nodes - informed, informed - 1, fanout);
            for (new, chance) in reached.iter().enumerate().filter(|(_, chance)| **chance > 0.0) {
                next[informed + new] += row[informed] * chance;
            }
        }
        row = next;
    }
    ends[nodes] += row[nodes];
    ends
}

/// Chances that `drawn` different ones of `new` and `old` have so many new ones (hypergeometric), one
/// draw after the other.
fn new_among(new: usize, old: usize, drawn: usize) -> Vec<f64> {
    let mut chances = vec![0.0; drawn + 1];
    chances[0] = 1.0;
    for draw in 0..drawn {
        let left = new + old - draw;
        for got in (0..=draw).rev() {
            let hit = ratio(new.saturating_sub(got), left);
            chances[got + 1] += chances[got] * hit;
            chances[got] *= 1.0 - hit;
        }
    }
    chances
}

/// Mean share that stays uninformed.
#[must_use]
pub fn residue(ends: &[f64]) -> f64 {
    let nodes = ends.len() - 1;
    ends.iter().enumerate().map(|(informed, chance)| chance * ratio(nodes - informed, nodes)).sum()
}

/// The share `x` that an endless population ends with: the greatest root of `x = 1 - exp(-fanout x)`
/// (Kermack and McKendrick 1927).
#[must_use]
pub fn fixed_point(fanout: f64) -> f64 {
    (0..200).fold(1.0, |x: f64, _| 1.0 - (-fanout * x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_sum_to_one_and_small_cases_are_right_by_hand() {
        for ends in [blind_coin(60, 3), infect_and_die(60, 2)] {
            assert!((ends.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        // Three nodes that call once: the second always hears; it calls the third with 1/2.
        let ends = blind_coin(3, 1);
        assert!((ends[2] - 0.5).abs() < 1e-12 && (ends[3] - 0.5).abs() < 1e-12);
        assert_eq!(ends, infect_and_die(3, 1));
        // Two calls each reach everybody of three.
        assert!((infect_and_die(3, 2)[3] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_large_population_ends_at_the_fixed_point() {
        for (fanout, share) in [(2, 0.7968), (3, 0.9405), (4, 0.9802), (6, 0.9975), (8, 0.99966)] {
            let fixed = fixed_point(f64::from(fanout));
            assert!((fixed - share).abs() < 5e-5, "{fanout}: {fixed}");
            let finite = 1.0 - residue(&infect_and_die(1_000, fanout as usize));
            assert!((finite - fixed).abs() < 2e-3, "{fanout}: {finite} {fixed}");
        }
    }

    /// Demers et al. 1987, table 2, prints these for a thousand nodes.
    #[test]
    fn blind_coins_leave_what_was_published() {
        for (k, published, last_digit) in [
            (1, 0.96, 0.01),
            (2, 0.20, 0.01),
            (3, 0.060, 0.001),
            (4, 0.021, 0.001),
            (5, 0.008, 0.001),
        ] {
            let exact = residue(&blind_coin(1_000, k));
            assert!((exact - published).abs() < last_digit, "{k}: {exact}");
        }
    }
}
