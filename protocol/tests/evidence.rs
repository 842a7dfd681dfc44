//! Pooled evidence is unbiased, its interval covers the truth, one liar moves it by a bounded amount,
//! and no number overflows.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod draws;

use draws::Draws;
use lore_protocol::library::{Counts, Estimate, Pool};
use proptest::prelude::*;

const CAP: u32 = 1000;

fn pooled(counts: &[Counts]) -> Option<Estimate> {
    let mut pool = Pool::new(CAP);
    counts.iter().for_each(|counts| pool.add([counts]));
    pool.estimate()
}

struct Trial {
    mean: f64,
    error_of_mean: f64,
    covered: f64,
}

fn simulate(authors: usize, sessions: u32, rate: f64, sigma: f64) -> Trial {
    let mut draws = Draws(42);
    let runs = 2_000;
    let (mut sum, mut squares, mut covered) = (0.0, 0.0, 0);
    for _ in 0..runs {
        let counts: Vec<Counts> =
            (0..authors).map(|_| draws.noisy(sessions, rate, sigma)).collect();
        let estimate = pooled(&counts).expect("there are sessions");
        let got = estimate.rate_micros as f64 / 1e6;
        sum += got;
        squares += got * got;
        let (low, high) = estimate.interval_micros();
        covered += u32::from((low..=high).contains(&((rate * 1e6) as u64)));
    }
    let n = f64::from(runs);
    let mean = sum / n;
    let variance = squares / n - mean * mean;
    Trial { mean, error_of_mean: (variance / n).sqrt(), covered: f64::from(covered) / n }
}

#[test]
fn the_estimate_is_unbiased_and_its_interval_covers_the_truth() {
    for (authors, sessions, rate, sigma) in [
        (3, 200, 0.5, 4.0),
        (3, 200, 0.8, 14.2),
        (5, 100, 0.2, 14.2),
        (20, 30, 0.7, 4.0),
        (20, 60, 0.5, 14.2),
        (1, 400, 0.6, 8.0),
    ] {
        let trial = simulate(authors, sessions, rate, sigma);
        let what = format!("{authors} x {sessions} at {rate}, sigma {sigma}");
        // A ratio's denominator is noisy too: bias of order sigma^2 / n^2, under a hundredth here.
        let bias = (trial.mean - rate).abs();
        assert!(bias < 0.005 + 4.0 * trial.error_of_mean, "{what}: mean {}", trial.mean);
        let covered = trial.covered;
        assert!((0.90..=0.98).contains(&covered), "{what}: covered {covered}");
    }
}

#[test]
fn one_liar_of_five_moves_the_estimate_by_a_bounded_amount() {
    let honest: Vec<Counts> = (0..4)
        .map(|_| Counts { successes: 160, failures: 40, variance_micros: 16_000_000 })
        .collect();
    let alone = pooled(&honest).unwrap().rate_micros;
    assert!((790_000..=810_000).contains(&alone));
    let extremes = [i64::MIN, -1_000_000, 0, 1_000_000, i64::MAX];
    for successes in extremes {
        for failures in extremes {
            for variance_micros in [0, 16_000_000, 1 << 40, u64::MAX] {
                let mut counts = honest.clone();
                counts.push(Counts { successes, failures, variance_micros });
                let with = pooled(&counts).unwrap_or_else(|| {
                    panic!("silenced by {successes} {failures} {variance_micros}")
                });
                let moved = with.rate_micros.abs_diff(alone);
                // Huber: the liar pulls with at most 1.345 scales, the scale being sqrt(cap / 2) = 22.4
                // sessions, against four honest slopes of 200 sessions: 30 / 800.
                assert!(moved <= 45_000, "{successes} {failures} {variance_micros}: {moved}");
            }
        }
    }
}

#[test]
fn a_single_authors_estimate_is_its_own_rate() {
    let counts = Counts { successes: 30, failures: 10, variance_micros: 0 };
    assert!(pooled(&[counts]).unwrap().rate_micros.abs_diff(750_000) <= 2);
    assert_eq!(pooled(&[]), None);
    assert_eq!(pooled(&[Counts { successes: -3, failures: 1, variance_micros: 16_000_000 }]), None);
}

#[test]
fn the_integers_are_pinned() {
    let counts = |s, f, v| Counts { successes: s, failures: f, variance_micros: v };
    let pool = [counts(37, 12, 16_000_000), counts(-2, 5, 16_000_000), counts(80, 41, 201_640_000)];
    let got = pooled(&pool).unwrap();
    assert_eq!(
        (got.rate_micros, got.variance_pico, got.sessions, got.voices),
        (664_953, 5_615_864_524, 173, 3),
        "a changed number is a new protocol version"
    );
}

proptest! {
    #[test]
    fn no_number_overflows(
        counts in prop::collection::vec((any::<i64>(), any::<i64>(), any::<u64>()), 0..8),
        cap in 1..=u32::MAX,
    ) {
        let mut pool = Pool::new(cap);
        for (successes, failures, variance_micros) in counts {
            pool.add([&Counts { successes, failures, variance_micros }]);
        }
        if let Some(estimate) = pool.estimate() {
            prop_assert!(estimate.rate_micros <= 1_000_000);
            let (low, high) = estimate.interval_micros();
            prop_assert!(low <= estimate.rate_micros && estimate.rate_micros <= high);
            prop_assert!(!estimate.beats(&estimate, 0));
        }
    }

    #[test]
    fn comparing_never_overflows(a in any::<[u64; 2]>(), b in any::<[u64; 2]>(), margin: u64) {
        let estimate = |[rate_micros, variance_pico]: [u64; 2]| Estimate {
            rate_micros, variance_pico, sessions: 1, voices: 1,
        };
        let (a, b) = (estimate(a), estimate(b));
        prop_assert!(!(a.beats(&b, margin) && b.beats(&a, margin)));
        let _ = a.interval_micros();
    }

    #[test]
    fn the_order_of_authors_does_not_matter(
        counts in prop::collection::vec((-50..300_i64, -50..300_i64), 1..8),
    ) {
        let mut counts: Vec<Counts> = counts
            .into_iter()
            .map(|(successes, failures)| Counts { successes, failures, variance_micros: 16_000_000 })
            .collect();
        let forward = pooled(&counts);
        counts.reverse();
        prop_assert_eq!(forward, pooled(&counts));
    }
}
