#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use super::*;
use crate::{NoiseSource, SeededNoise, SystemNoise};

const DRAWS: usize = 100_000;

/// Critical value of chi-square at confidence 1 - 1e-5 (Wilson and Hilferty 1931).
fn critical(freedom: f64) -> f64 {
    const Z: f64 = 4.265;
    let spread = 2.0 / (9.0 * freedom);
    freedom * Z.mul_add(spread.sqrt(), 1.0 - spread).powi(3)
}

/// Chi-square statistic of draws against weights, tails pooled so that every bin expects 10 or more,
/// with its degrees of freedom.
fn chi_square(draws: &[i64], weight: impl Fn(f64) -> f64, reach: i64) -> (f64, f64) {
    let total: f64 = (-reach..=reach).map(|x| weight(x as f64)).sum();
    let mut seen = BTreeMap::new();
    for draw in draws {
        *seen.entry(*draw).or_insert(0_u32) += 1;
    }
    let n = draws.len() as f64;
    let inner = (0..reach)
        .take_while(|x| n * weight(*x as f64) / total >= 10.0)
        .last()
        .unwrap();
    let tail: f64 = (inner + 1..=reach)
        .map(|x| n * weight(x as f64) / total)
        .sum();
    let mut bins = vec![(0.0, tail), (0.0, tail)];
    for (x, count) in &seen {
        if x.abs() > inner {
            bins[usize::from(*x > 0)].0 += f64::from(*count);
        }
    }
    for x in -inner..=inner {
        let count = f64::from(seen.get(&x).copied().unwrap_or(0));
        bins.push((count, n * weight(x as f64) / total));
    }
    let statistic = bins.iter().map(|(o, e)| (o - e) * (o - e) / e).sum();
    (statistic, bins.len() as f64 - 1.0)
}

fn gaussian_weight(sigma: f64) -> impl Fn(f64) -> f64 {
    move |x| (-(x * x) / (2.0 * sigma * sigma)).exp()
}

fn fits(draws: &[i64], sigma: f64) -> bool {
    let (statistic, freedom) = chi_square(draws, gaussian_weight(sigma), 60 * sigma as i64 + 60);
    statistic < critical(freedom)
}

fn draw(source: &mut impl NoiseSource, scale_micros: u64) -> Vec<i64> {
    source.add(&vec![0; DRAWS], scale_micros).unwrap()
}

#[test]
fn the_system_noise_follows_the_declared_law_and_not_a_smaller_one() {
    for micros in [1_234_567_u64, 3_182_867, 14_234_000] {
        let draws = draw(&mut SystemNoise, micros);
        let sigma = micros as f64 / 1e6;
        assert!(fits(&draws, sigma), "sigma {sigma}");
        assert!(
            !fits(&draws, sigma / 0.75),
            "the test cannot tell sigma from 3/4 of it"
        );
    }
}

#[test]
fn the_seeded_noise_follows_the_same_law() {
    for micros in [300_000_u64, 1_234_567, 3_182_867, 14_234_000] {
        let draws = draw(&mut SeededNoise::new(b"goodness of fit"), micros);
        let sigma = micros as f64 / 1e6;
        assert!(fits(&draws, sigma), "sigma {sigma}");
        assert!(
            !fits(&draws, sigma / 0.75),
            "the test cannot tell sigma from 3/4 of it"
        );
    }
}

#[test]
fn the_seeded_laplace_follows_its_law() {
    for (num, den) in [(1, 1), (7, 2), (20, 1)] {
        let mut bits = SeededBits::new(b"laplace");
        let draws: Vec<i64> = (0..DRAWS)
            .map(|_| bits.laplace(Ratio { num, den }) as i64)
            .collect();
        let scale = num as f64 / den as f64;
        let (statistic, freedom) = chi_square(&draws, |x| (-x.abs() / scale).exp(), 1_000);
        assert!(
            statistic < critical(freedom),
            "scale {scale}: {statistic} of {freedom}"
        );
    }
}

#[test]
fn a_seed_gives_the_same_noise_and_another_seed_another() {
    let draw = |seed: &[u8]| SeededNoise::new(seed).add(&[0; 50], 5_000_000).unwrap();
    assert_eq!(draw(b"a"), draw(b"a"));
    assert_ne!(draw(b"a"), draw(b"b"));
}

#[test]
fn a_scale_beyond_the_seeded_sampler_is_an_error() {
    assert!(SeededNoise::new(b"a").add(&[0], 0).is_err());
    assert!(SeededNoise::new(b"a").add(&[0], 1_000_000_001).is_err());
    assert!(SeededNoise::new(b"a").add(&[0], 1_000_000_000).is_ok());
}
