#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::*;
use crate::ids::RevisionId;

#[derive(serde::Deserialize)]
struct Golden {
    oracle: String,
    page_hinkley: Vec<PageHinkleyRun>,
    cusum: Vec<CusumRun>,
}

#[derive(serde::Deserialize)]
struct PageHinkleyRun {
    direction: Direction,
    lambda: f64,
    delta: f64,
    min_observations: u64,
    forgetting: f64,
    values: Vec<f64>,
    alarms: Vec<usize>,
}

#[derive(serde::Deserialize)]
struct CusumRun {
    rate_micros: u32,
    standard_error_micros: u32,
    noise_variance_micros: u64,
    counts: Vec<(i64, i64)>,
    sums: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/drift.json")).unwrap()
}

#[test]
fn page_hinkley_raises_the_alarm_where_river_does() {
    let golden = golden();
    assert_eq!(golden.oracle, "river 0.26.1");
    let mut alarms = 0;
    for run in &golden.page_hinkley {
        let mut test = PageHinkley::new(PageHinkleyConfig {
            lambda: run.lambda,
            delta: run.delta,
            min_observations: run.min_observations,
            forgetting: run.forgetting,
            direction: run.direction,
        });
        let ours: Vec<usize> =
            (0..run.values.len()).filter(|&step| test.observe(run.values[step])).collect();
        assert_eq!(ours, run.alarms);
        alarms += ours.len();
    }
    assert!(golden.page_hinkley.len() >= 40 && alarms >= 40, "{alarms} alarms prove little");
}

#[test]
fn cusum_follows_its_formula_in_exact_arithmetic() {
    for run in &golden().cusum {
        let baseline = Baseline {
            rate_micros: run.rate_micros,
            standard_error_micros: run.standard_error_micros,
        };
        let mut state = Cusum::default();
        for (&(successes, failures), &expected) in run.counts.iter().zip(&run.sums) {
            let noise_variance_micros = run.noise_variance_micros;
            let counts = PooledCounts { successes, failures, noise_variance_micros };
            state = state.step(CusumConfig::default(), baseline, counts).0;
            // Thirty floored steps of a millionth, and the floored square root.
            assert!(
                (state.sum_micros as f64 - expected * 1e6).abs() < 400.0,
                "{state:?} {expected}"
            );
        }
    }
}

#[test]
fn a_broken_skill_raises_the_local_alarm_within_a_dozen_sessions() {
    let mut test = PageHinkley::new(PageHinkleyConfig::default());
    assert!((0..200).all(|_| !test.observe(1.0)));
    let delay = (1..=50).find(|_| test.observe(0.0)).unwrap();
    assert!(delay <= 12, "{delay}");
}

const BASELINE: Baseline = Baseline { rate_micros: 900_000, standard_error_micros: 0 };

/// A sum of twelve uniforms: close to a Gaussian, and without platform-dependent functions.
fn gaussian(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| uniform(rng)).sum::<f64>() - 6.0
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32()) / f64::from(u32::MAX)
}

/// An epoch of 60 sessions at `rate` with noise of sigma 6 on both counts.
fn epoch(rng: &mut ChaCha8Rng, rate: f64) -> PooledCounts {
    let good = (0..60).filter(|_| uniform(rng) < rate).count() as f64;
    let successes = (good + 6.0 * gaussian(rng)).round() as i64;
    let failures = (60.0 - good + 6.0 * gaussian(rng)).round() as i64;
    PooledCounts { successes, failures, noise_variance_micros: 36_000_000 }
}

#[test]
fn false_alarms_are_as_rare_as_the_theory_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut alarms = 0;
    for _ in 0..2_000 {
        let mut state = Cusum::default();
        for _ in 0..50 {
            let (next, signal) = state.step(CusumConfig::default(), BASELINE, epoch(&mut rng, 0.9));
            state = next;
            if signal == Signal::Drifting {
                alarms += 1;
                break;
            }
        }
    }
    // 100,000 epochs at one in 2,570 are 39; the runs are short, so a few less.
    assert!((5..=60).contains(&alarms), "{alarms}");
}

#[test]
fn a_fall_that_the_noise_does_not_hide_is_found_in_a_few_epochs() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut delays = Vec::new();
    for _ in 0..200 {
        let mut state = Cusum::default();
        let delay = (1..100)
            .find(|_| {
                let (next, signal) =
                    state.step(CusumConfig::default(), BASELINE, epoch(&mut rng, 0.4));
                state = next;
                signal == Signal::Drifting
            })
            .unwrap();
        delays.push(delay);
    }
    delays.sort_unstable();
    assert!(delays[0] >= 3 && delays[190] <= 4, "{delays:?}");
}

#[test]
fn one_epoch_never_raises_the_alarm_and_noise_that_is_declared_weakens_it() {
    let all_failed = |variance| PooledCounts {
        successes: 0,
        failures: 1_000_000,
        noise_variance_micros: variance,
    };
    let config = CusumConfig::default();
    let (once, signal) = Cusum::default().step(config, BASELINE, all_failed(0));
    assert_eq!((once.sum_micros, signal), (2_500_000, Signal::Steady));
    let few =
        |variance| PooledCounts { successes: 10, failures: 10, noise_variance_micros: variance };
    let (clear, _) = Cusum::default().step(config, BASELINE, few(0));
    let (hidden, _) = Cusum::default().step(config, BASELINE, few(400_000_000));
    assert!(clear.sum_micros == 2_500_000 && hidden.sum_micros < 100_000, "{clear:?} {hidden:?}");
}

#[test]
fn nothing_known_is_no_drift() {
    let nothing = PooledCounts { successes: 0, failures: 0, noise_variance_micros: 0 };
    let (state, signal) = Cusum::default().step(CusumConfig::default(), BASELINE, nothing);
    assert_eq!((state, signal), (Cusum::default(), Signal::Steady));
}

#[test]
fn the_lineage_of_a_head_is_its_shortest_way_to_a_root() {
    let id = |n: u8| RevisionId([n; 32]);
    let mut parents = BTreeMap::from([
        (id(1), vec![]),
        (id(2), vec![id(1)]),
        (id(3), vec![id(2)]),
        (id(4), vec![id(3), id(1)]),
    ]);
    assert_eq!(lineage_distance(id(1), &parents), Some(0));
    assert_eq!(lineage_distance(id(3), &parents), Some(2));
    assert_eq!(lineage_distance(id(4), &parents), Some(1));
    assert_eq!(lineage_distance(id(9), &parents), Some(0));
    parents.insert(id(5), vec![id(6)]);
    parents.insert(id(6), vec![id(5)]);
    assert_eq!(lineage_distance(id(5), &parents), None);
}

proptest! {
    #[test]
    fn no_counts_overflow_or_make_the_sum_negative(
        sum in 0..=i64::MAX,
        successes: i64,
        failures: i64,
        noise_variance_micros: u64,
        rate_micros: u32,
        standard_error_micros: u32,
    ) {
        let baseline = Baseline { rate_micros, standard_error_micros };
        let counts = PooledCounts { successes, failures, noise_variance_micros };
        let (state, _) = Cusum { sum_micros: sum }.step(CusumConfig::default(), baseline, counts);
        prop_assert!(state.sum_micros >= 0);
    }

    #[test]
    fn more_failures_never_lower_the_sum(
        successes in 0..1_000i64,
        failures in 0..1_000i64,
        more in 0..1_000i64,
        noise_variance_micros in 0..1_000_000_000u64,
    ) {
        let step = |failures| {
            let counts = PooledCounts { successes, failures, noise_variance_micros };
            Cusum { sum_micros: 3_000_000 }.step(CusumConfig::default(), BASELINE, counts).0.sum_micros
        };
        // A rate at or below the baseline only: above it, a larger sample dilutes good news.
        prop_assume!(successes <= 9 * failures);
        prop_assert!(step(failures + more) + 2 >= step(failures));
    }
}
