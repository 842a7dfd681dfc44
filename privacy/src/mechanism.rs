//! The mechanisms as opendp builds them, and what its privacy maps charge.
//!
//! Nothing else in the workspace names opendp's measurements. Scales are exact rationals: the number
//! declared in millionths is the number sampled with, without a detour through a float.
//!
//! # A guard against an upstream defect
//! opendp 0.16.0 keeps a key whose noisy count is *at least* the threshold T but charges the chance of
//! being *above* it, so that the delta of `make_gaussian_threshold` and `make_laplace_threshold` is
//! understated. We run with T and charge what opendp's own map says for T - 1. A test measures how often
//! a key with one supporter is released and fails when the charge is below the measurement.
//!
//! opendp bounds the tail of the discrete Gaussian by the continuous one (Canonne, Kamath and Steinke
//! 2020, Proposition 25). Together with the guard this can cost one more in T than the exact tail.

use std::collections::HashMap;

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;
use lore_protocol::payload::{Mechanism, Noise, Unit};
use opendp::combinators::make_pureDP_to_zCDP;
use opendp::core::Measurement;
use opendp::domains::{AtomDomain, MapDomain, VectorDomain};
use opendp::measurements::{MakeNoise, MakeNoiseThreshold, ZExpFamily};
use opendp::measures::{Approximate, MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{AbsoluteDistance, L1Distance, L2Distance, L02InfDistance};

use crate::{Cost, PrivacyError};

type Counts = MapDomain<AtomDomain<u32>, AtomDomain<IBig>>;
type CountsMetric = L02InfDistance<AbsoluteDistance<RBig>>;
type Threshold =
    Measurement<Counts, CountsMetric, Approximate<ZeroConcentratedDivergence>, HashMap<u32, IBig>>;
type Cells = VectorDomain<AtomDomain<IBig>>;
type Vector = Measurement<Cells, L2Distance<RBig>, ZeroConcentratedDivergence, Vec<IBig>>;
type Pure = Measurement<Cells, L1Distance<RBig>, ZeroConcentratedDivergence, Vec<IBig>>;

/// One millionth, the step of declared scales.
const MICRO: u32 = 1_000_000;
/// Smallest threshold: a key that nobody supports has no count, and T - 1 must stay at least the bound.
const MIN_THRESHOLD: u32 = 2;

/// What opendp's map charges for noisy cells: integer discrete Gaussian on a vector of which one unit
/// changes at most `l0` cells by at most `linf` each. `rho = l0 * linf^2 / (2 * sigma^2)`, rounded up.
///
/// # Errors
/// When a parameter is zero or opendp refuses it.
pub fn cells_cost(l0: u16, linf: u16, scale_micros: u64) -> Result<Cost, PrivacyError> {
    let l2 = check_bounds(l0, linf, scale_micros)?;
    let rho = vector(scale_micros)?.map(&l2).map_err(noise)?;
    Ok(Cost { rho_nano: scaled_up(rho, 9)?, delta_e18: 0 })
}

/// What opendp's maps charge for noisy cells with integer discrete Laplace noise: the release is pure
/// `epsilon = l0 * linf / b`, which is counted as `rho = epsilon^2 / 2` (Bun and Steinke 2016,
/// Proposition 1.4), rounded up.
///
/// # Errors
/// When a parameter is zero or opendp refuses it.
pub fn laplace_cost(l0: u16, linf: u16, scale_micros: u64) -> Result<Cost, PrivacyError> {
    check_bounds(l0, linf, scale_micros)?;
    let l1 = RBig::from(u32::from(l0) * u32::from(linf));
    let rho = pure(scale_micros)?.map(&l1).map_err(noise)?;
    Ok(Cost { rho_nano: scaled_up(rho, 9)?, delta_e18: 0 })
}

/// What opendp's map charges for thresholded counts of an open set of keys, of which one unit changes
/// at most `l0` by at most `linf` each; delta is the map's for `threshold - 1` (see the module's text).
///
/// # Errors
/// When a parameter is zero or opendp refuses it.
pub fn threshold_cost(
    l0: u16,
    linf: u16,
    scale_micros: u64,
    threshold: u32,
) -> Result<Cost, PrivacyError> {
    let l2 = check_bounds(l0, linf, scale_micros)?;
    let least = MIN_THRESHOLD.max(u32::from(linf) + 1);
    if threshold < least {
        return Err(PrivacyError::Parameter {
            what: "threshold",
            why: format!("{threshold} is below the least one, {least}"),
        });
    }
    let charge = |threshold| -> Result<(f64, f64), PrivacyError> {
        thresholded(scale_micros, threshold)?
            .map(&(u32::from(l0), l2.clone(), RBig::from(linf)))
            .map_err(noise)
    };
    let (rho, _) = charge(threshold)?;
    let (_, delta) = charge(threshold - 1)?;
    Ok(Cost { rho_nano: scaled_up(rho, 9)?, delta_e18: scaled_up(delta, 18)? })
}

/// The charge for a declared mechanism, re-derived from its parameters.
///
/// # Errors
/// When the mechanism is not one of ours or its parameters are impossible.
pub fn cost_of(mechanism: &Mechanism) -> Result<Cost, PrivacyError> {
    if !mechanism.l0.is_multiple_of(mechanism.unit.cells_changed()) {
        return Err(PrivacyError::Parameter {
            what: "l0",
            why: "replacing a person changes an even number of cells".into(),
        });
    }
    let (l0, linf, scale) = (mechanism.l0, mechanism.linf, mechanism.scale_micros);
    match (mechanism.noise, mechanism.threshold) {
        (Noise::Gaussian, 0) => cells_cost(l0, linf, scale),
        (Noise::Gaussian, threshold) => threshold_cost(l0, linf, scale, threshold),
        (Noise::Laplace, 0) => laplace_cost(l0, linf, scale),
        (Noise::Laplace, _) => {
            Err(PrivacyError::Unsupported("Laplace noise in a thresholded release"))
        }
    }
}

/// Checks that a mechanism declares at least what its map charges.
///
/// # Errors
/// [`PrivacyError::Undercharged`] when it declares less, and the errors of [`cost_of`].
pub fn verify(mechanism: &Mechanism) -> Result<(), PrivacyError> {
    let charged = cost_of(mechanism)?;
    if mechanism.rho_nano >= charged.rho_nano && mechanism.delta_e18 >= charged.delta_e18 {
        return Ok(());
    }
    Err(PrivacyError::Undercharged {
        declared_rho_nano: mechanism.rho_nano,
        declared_delta_e18: mechanism.delta_e18,
        charged_rho_nano: charged.rho_nano,
        charged_delta_e18: charged.delta_e18,
    })
}

/// A Gaussian mechanism with its charge filled in; threshold 0 means noisy cells.
///
/// # Errors
/// When the parameters are impossible.
pub fn gaussian(
    unit: Unit,
    l0: u16,
    linf: u16,
    scale_micros: u64,
    threshold: u32,
) -> Result<Mechanism, PrivacyError> {
    charged(Mechanism {
        unit,
        noise: Noise::Gaussian,
        scale_micros,
        l0,
        linf,
        threshold,
        rho_nano: 0,
        delta_e18: 0,
    })
}

/// A Laplace mechanism on cells with its charge filled in.
///
/// # Errors
/// When the parameters are impossible.
pub fn laplace(
    unit: Unit,
    l0: u16,
    linf: u16,
    scale_micros: u64,
) -> Result<Mechanism, PrivacyError> {
    charged(Mechanism {
        unit,
        noise: Noise::Laplace,
        scale_micros,
        l0,
        linf,
        threshold: 0,
        rho_nano: 0,
        delta_e18: 0,
    })
}

fn charged(mechanism: Mechanism) -> Result<Mechanism, PrivacyError> {
    let Cost { rho_nano, delta_e18 } = cost_of(&mechanism)?;
    Ok(Mechanism { rho_nano, delta_e18, ..mechanism })
}

/// Adds discrete Gaussian noise to every cell, by opendp with the system's randomness.
pub(crate) fn add_noise(cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError> {
    let cells: Vec<IBig> = cells.iter().map(|cell| IBig::from(*cell)).collect();
    let noisy = vector(scale_micros)?.invoke(&cells).map_err(noise)?;
    Ok(noisy.into_iter().map(narrow).collect())
}

/// Adds discrete Laplace noise to every cell, by opendp with the system's randomness.
pub(crate) fn add_laplace(cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError> {
    let cells: Vec<IBig> = cells.iter().map(|cell| IBig::from(*cell)).collect();
    let noisy = pure(scale_micros)?.invoke(&cells).map_err(noise)?;
    Ok(noisy.into_iter().map(narrow).collect())
}

/// Adds discrete Gaussian noise to every count and keeps those at or above the threshold, by opendp with
/// the system's randomness. Returns (index, noisy count), by index.
pub(crate) fn keep_above(
    counts: &[i64],
    scale_micros: u64,
    threshold: u32,
) -> Result<Vec<(usize, i64)>, PrivacyError> {
    let counts: HashMap<u32, IBig> = (0_u32..).zip(counts.iter().map(|c| IBig::from(*c))).collect();
    let kept = thresholded(scale_micros, threshold)?.invoke(&counts).map_err(noise)?;
    let mut kept: Vec<_> =
        kept.into_iter().map(|(index, count)| (index as usize, narrow(count))).collect();
    kept.sort_unstable();
    Ok(kept)
}

fn vector(scale_micros: u64) -> Result<Vector, PrivacyError> {
    let family = ZExpFamily::<2> { scale: scale(scale_micros) };
    family
        .make_noise((VectorDomain::new(AtomDomain::<IBig>::default()), L2Distance::default()))
        .map_err(noise)
}

fn pure(scale_micros: u64) -> Result<Pure, PrivacyError> {
    type Space = (Cells, L1Distance<RBig>);
    let family = ZExpFamily::<1> { scale: scale(scale_micros) };
    let space: Space = (VectorDomain::new(AtomDomain::<IBig>::default()), L1Distance::default());
    let pure: Measurement<Cells, L1Distance<RBig>, MaxDivergence, Vec<IBig>> =
        family.make_noise(space).map_err(noise)?;
    make_pureDP_to_zCDP(pure).map_err(noise)
}

fn thresholded(scale_micros: u64, threshold: u32) -> Result<Threshold, PrivacyError> {
    let family = ZExpFamily::<2> { scale: scale(scale_micros) };
    let domain = MapDomain::new(AtomDomain::<u32>::default(), AtomDomain::<IBig>::default());
    family
        .make_noise_threshold((domain, CountsMetric::default()), IBig::from(threshold))
        .map_err(noise)
}

fn scale(micros: u64) -> RBig {
    RBig::from_parts(IBig::from(micros), UBig::from(MICRO))
}

/// The l2 bound `linf * sqrt(l0)` as a rational that is not below it.
fn check_bounds(l0: u16, linf: u16, scale_micros: u64) -> Result<RBig, PrivacyError> {
    for (what, value) in [("l0", u64::from(l0)), ("linf", u64::from(linf)), ("scale", scale_micros)]
    {
        if value == 0 {
            return Err(PrivacyError::Parameter { what, why: "must not be zero".into() });
        }
    }
    // Twelve decimals of the root, rounded up: l0 * linf^2 is below 2^48, times 10^24 below 2^128.
    const ROOT: u128 = 1_000_000_000_000;
    let square = u128::from(l0) * u128::from(linf) * u128::from(linf);
    let root = (square * ROOT * ROOT).isqrt();
    let exact = root * root == square * ROOT * ROOT;
    let up = if exact { root } else { root + 1 };
    Ok(RBig::from_parts(IBig::from(up), UBig::from(ROOT)))
}

/// A float of a privacy map times a power of ten, rounded up in exact arithmetic.
pub(crate) fn scaled_up(value: f64, decimals: u32) -> Result<u64, PrivacyError> {
    let too_much = || PrivacyError::Noise(format!("a cost of {value} cannot be counted"));
    let exact = RBig::try_from(value).map_err(|_| too_much())?;
    let units = (exact * RBig::from(10_u64.pow(decimals))).ceil();
    u64::try_from(units).map_err(|_| too_much())
}

/// A noisy count as i64; noise beyond its range saturates, as opendp's own cast does.
fn narrow(count: IBig) -> i64 {
    let limit = if count > IBig::ZERO { i64::MAX } else { i64::MIN };
    i64::try_from(count).unwrap_or(limit)
}

fn noise(error: opendp::error::Error) -> PrivacyError {
    PrivacyError::Noise(error.to_string())
}

#[cfg(test)]
mod tests;
