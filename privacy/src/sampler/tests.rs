#![allow(clippy::unwrap_used)]
use lore_protocol::payload::Noise;

use super::*;
use crate::audit::law::Law;
use crate::{NoiseSource, SeededNoise};

const DRAWS: usize = 100_000;

fn follows(draws: &[i64], noise: Noise, scale: f64) -> bool {
    let (statistic, critical) = Law { noise, scale }.chi_square(draws);
    statistic < critical
}

fn fits(draws: &[i64], sigma: f64) -> bool {
    follows(draws, Noise::Gaussian, sigma)
}

fn draw(source: &mut impl NoiseSource, scale_micros: u64) -> Vec<i64> {
    source.add(&vec![0; DRAWS], scale_micros).unwrap()
}

#[test]
fn the_seeded_noise_follows_the_same_law() {
    for micros in [300_000_u64, 1_234_567, 3_182_867, 14_234_000] {
        let draws = draw(&mut SeededNoise::new(b"goodness of fit"), micros);
        let sigma = micros as f64 / 1e6;
        assert!(fits(&draws, sigma), "sigma {sigma}");
        assert!(!fits(&draws, sigma / 0.75), "the test cannot tell sigma from 3/4 of it");
    }
}

#[test]
fn wide_seeded_noise_has_its_variance_and_its_tails() {
    // Too many values for a chi-square: moments, and the share beyond two sigma (0.0455).
    for micros in [1_000_000_001_u64, 18_376_000_000, 100_000_000_000_000] {
        let draws = draw(&mut SeededNoise::new(b"wide"), micros);
        let (n, sigma) = (draws.len() as f64, micros as f64 / 1e6);
        let mean = draws.iter().map(|x| *x as f64).sum::<f64>() / n / sigma;
        let square = draws.iter().map(|x| (*x as f64 / sigma).powi(2)).sum::<f64>() / n;
        let far = draws.iter().filter(|x| (**x as f64).abs() > 2.0 * sigma).count() as f64 / n;
        assert!(mean.abs() < 6.0 / n.sqrt(), "{micros}: {mean}");
        assert!((square - 1.0).abs() < 6.0 * (2.0 / n).sqrt() + 2e-3, "{micros}: {square}");
        assert!((far - 0.0455).abs() < 6.0 * (0.0455 / n).sqrt(), "{micros}: {far}");
    }
}

#[test]
fn the_seeded_laplace_follows_its_law() {
    for (num, den) in [(1, 1), (7, 2), (20, 1)] {
        let mut bits = SeededBits::new(b"laplace");
        let draws: Vec<i64> = (0..DRAWS).map(|_| bits.laplace(Ratio { num, den }) as i64).collect();
        let scale = num as f64 / den as f64;
        assert!(follows(&draws, Noise::Laplace, scale), "scale {scale}");
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
    assert!(SeededNoise::new(b"a").add(&[0], 100_000_000_000_001).is_err());
    assert!(SeededNoise::new(b"a").add(&[0], 100_000_000_000_000).is_ok());
}
