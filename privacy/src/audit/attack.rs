//! The two-sample attack: tell two neighbouring databases apart by what is seen of a release.
//!
//! The attacker knows both databases and the mechanism. From training runs it learns by how much each
//! visible number moves and how much it varies, and fixes a statistic, the log likelihood ratio of two
//! Gaussians, clipped. Fresh runs of both databases then certify how much privacy is lost at least.
//! Since the statistic is learnt from the path itself, it finds also what nobody thought of: one cell
//! too many, other users who moved, cells without noise, a second draw.

use super::statistics::{certified_epsilon, certified_rho};
use super::{Certified, Epsilon, Observer};
use crate::{PrivacyError, preset};

/// Runs a side that the statistic is learnt from.
const TRAINING: usize = 4_000;
/// Delta at which the epsilon of a rho is shown.
const DELTA_E18: u64 = 1_000_000_000_000_000;
/// Least variance of a visible number: one that hardly ever moves gets no endless weight.
const LEAST_VARIANCE: f64 = 1e-2;

/// Everything that the network sees of one release over the database with the victim, or without.
pub(crate) type Path<'a> = dyn FnMut(bool) -> Result<Vec<f64>, PrivacyError> + 'a;

/// Claim of a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) rho: f64,
    pub(crate) delta: f64,
}

impl Claim {
    /// Range in which the log likelihood ratio of a mechanism that keeps its claim mostly lies.
    pub(crate) fn bounds(self) -> (f64, f64) {
        let spread = (2.0 * self.rho).sqrt();
        (-self.rho - 3.0 * spread, self.rho + 2.0 * spread)
    }
}

struct Statistic {
    middle: Vec<f64>,
    weight: Vec<f64>,
    low: f64,
    high: f64,
}

impl Statistic {
    fn learn(path: &mut Path<'_>, claim: Claim) -> Result<Self, PrivacyError> {
        let with = moments(path, true)?;
        let without = moments(path, false)?;
        let cells = with.iter().zip(&without);
        let middle = cells.clone().map(|(p, q)| f64::midpoint(p.0, q.0)).collect();
        let weight =
            cells.map(|(p, q)| (p.0 - q.0) / f64::midpoint(p.1, q.1).max(LEAST_VARIANCE)).collect();
        let (low, high) = claim.bounds();
        Ok(Self { middle, weight, low, high })
    }

    fn of(&self, seen: &[f64]) -> f64 {
        let terms = seen.iter().zip(&self.middle).zip(&self.weight);
        let ratio: f64 = terms.map(|((x, middle), weight)| weight * (x - middle)).sum();
        ratio.clamp(self.low, self.high)
    }
}

/// Mean and variance of each visible number.
fn moments(path: &mut Path<'_>, victim: bool) -> Result<Vec<(f64, f64)>, PrivacyError> {
    let mut sums: Vec<(f64, f64)> = Vec::new();
    for _ in 0..TRAINING {
        let seen = path(victim)?;
        sums.resize(seen.len(), (0.0, 0.0));
        for (sum, x) in sums.iter_mut().zip(seen) {
            *sum = (sum.0 + x, x.mul_add(x, sum.1));
        }
    }
    let n = TRAINING as f64;
    Ok(sums.into_iter().map(|(s, squares)| (s / n, squares / n - s / n * s / n)).collect())
}

/// Runs the attack with `runs` a side and certifies rho, and epsilon at a fixed delta.
pub(crate) fn attack(
    name: &'static str,
    path: &mut Path<'_>,
    claim: Claim,
    runs: u64,
    observer: &mut dyn Observer,
) -> Result<Certified, PrivacyError> {
    let statistic = Statistic::learn(path, claim)?;
    let mut ratio = |victim| Ok(statistic.of(&path(victim)?));
    certify(name, &mut ratio, 1.0, claim, runs, observer)
}

/// Certifies rho, and epsilon at a fixed delta, with `runs` a side of a log likelihood ratio that was fixed
/// before and lies within the claim's bounds. Rho is certified from `part` of it: less than the whole costs
/// the square of what is missing and varies less.
pub(crate) fn certify(
    name: &'static str,
    ratio: &mut dyn FnMut(bool) -> Result<f64, PrivacyError>,
    part: f64,
    claim: Claim,
    runs: u64,
    observer: &mut dyn Observer,
) -> Result<Certified, PrivacyError> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for done in 0..runs {
        with.push(ratio(true)?);
        without.push(ratio(false)?);
        if done % 1_000 == 0 {
            observer.progress(name, done, runs);
        }
    }
    // Far in the tail of the victim's side, where epsilon shows; fixed by the claim alone.
    let event = 1.5_f64.mul_add((2.0 * claim.rho).sqrt(), claim.rho);
    let hits = |side: &[f64]| (side.iter().filter(|f| **f > event).count() as u64, runs);
    let delta = DELTA_E18 as f64 / 1e18;
    let rho_nano = (claim.rho * 1e9).ceil() as u64;
    let (low, high) = claim.bounds();
    let scaled = |side: &[f64]| side.iter().map(|f| part * f).collect::<Vec<_>>();
    let bounds = (part * low, part * high);
    Ok(Certified {
        claimed: claim.rho,
        certified: certified_rho(&scaled(&with), &scaled(&without), bounds, claim.delta),
        samples: 2 * runs,
        epsilon: Some(Epsilon {
            delta: delta + claim.delta,
            claimed: preset::epsilon_micros(rho_nano, DELTA_E18)? as f64 / 1e6,
            certified: certified_epsilon(hits(&with), hits(&without), delta + claim.delta),
        }),
    })
}
