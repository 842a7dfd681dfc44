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
use lore_protocol::payload::{Mechanism, Noise, Unit, WEIGHT};
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

/// Bounds on what one unit changes: `k <= l0` cells or keys, each by at most
/// `min(linf, floor(sqrt(l2_square / k)))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    l0: u16,
    linf: u16,
    l2_square: u64,
}

impl Bounds {
    /// At most `l0` cells, each by at most `linf`.
    #[must_use]
    pub const fn cells(l0: u16, linf: u16) -> Self {
        Self { l0, linf, l2_square: l0 as u64 * linf as u64 * linf as u64 }
    }

    /// At most `l0` keys, which share [`WEIGHT`] (see there).
    #[must_use]
    pub const fn shared(l0: u16) -> Self {
        Self { l0, linf: WEIGHT, l2_square: WEIGHT as u64 * WEIGHT as u64 }
    }

    /// Bounds on what changes when the unit does: what it fills, or what it and its replacement fill. Counts
    /// are not negative, so that the squares of a replacement's changes sum up to those of both at most.
    #[must_use]
    pub const fn changed(self, unit: Unit) -> Self {
        let cells = unit.cells_changed();
        Self {
            l0: self.l0.saturating_mul(cells),
            linf: self.linf,
            l2_square: self.l2_square.saturating_mul(cells as u64),
        }
    }

    /// The bounds that a mechanism declares.
    #[must_use]
    pub const fn of(mechanism: &Mechanism) -> Self {
        let Mechanism { l0, linf, l2_square, .. } = *mechanism;
        Self { l0, linf, l2_square }
    }

    /// Most cells or keys.
    #[must_use]
    pub const fn l0(&self) -> u16 {
        self.l0
    }

    /// Most that each cell changes by when `keys` of them do.
    #[must_use]
    pub fn each(&self, keys: u16) -> u64 {
        (self.l2_square / u64::from(keys.max(1))).isqrt().min(u64::from(self.linf))
    }

    /// The square of the l1 or l2 bound that a noise law is charged by.
    pub(crate) fn square(self, noise: Noise) -> u128 {
        self.declared(Unit::User, noise, 0, 0).square()
    }

    /// A mechanism with these bounds, without its cost.
    const fn declared(
        self,
        unit: Unit,
        noise: Noise,
        scale_micros: u64,
        threshold: u32,
    ) -> Mechanism {
        let Self { l0, linf, l2_square } = self;
        Mechanism {
            unit,
            noise,
            scale_micros,
            l0,
            linf,
            l2_square,
            threshold,
            rho_nano: 0,
            delta_e18: 0,
        }
    }

    /// The rho of opendp's map in 1e-9, rounded up, and never below the exact one: a map's float may lie under
    /// it by its last digit, which every peer would see.
    fn rho_nano(self, noise: Noise, scale_micros: u64, map: f64) -> Result<u64, PrivacyError> {
        let exact = self.declared(Unit::User, noise, scale_micros, 0).least_rho_nano();
        Ok(scaled_up(map, 9)?.max(u64::try_from(exact).unwrap_or(u64::MAX)))
    }

    /// The l2 bound as a rational that is not below it.
    ///
    /// # Errors
    /// Fails when a bound or the scale is zero, or the bounds contradict each other.
    fn l2(&self, scale_micros: u64) -> Result<RBig, PrivacyError> {
        let bad = |what, why: &str| Err(PrivacyError::Parameter { what, why: why.into() });
        let positive =
            [("l0", u64::from(self.l0)), ("linf", u64::from(self.linf)), ("scale", scale_micros)];
        if let Some((what, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return bad(what, "must not be zero");
        }
        let one = u64::from(self.linf) * u64::from(self.linf);
        if !(one..=u64::from(self.l0) * one).contains(&self.l2_square) {
            return bad("l2_square", "must be linf^2 to l0 * linf^2");
        }
        // Twelve decimals of the root, rounded up: l2_square is below 2^48, times 10^24 below 2^128.
        const ROOT: u128 = 1_000_000_000_000;
        let square = u128::from(self.l2_square);
        let root = (square * ROOT * ROOT).isqrt();
        let exact = root * root == square * ROOT * ROOT;
        let up = if exact { root } else { root + 1 };
        Ok(RBig::from_parts(IBig::from(up), UBig::from(ROOT)))
    }
}

/// Charge of opendp's map for noisy cells: integer discrete Gaussian on a vector that one unit changes
/// within the bounds. `rho = l2_square / (2 * sigma^2)`, rounded up.
///
/// # Errors
/// Fails when a parameter is zero or opendp refuses it.
pub fn cells_cost(bounds: Bounds, scale_micros: u64) -> Result<Cost, PrivacyError> {
    let rho = vector(scale_micros)?.map(&bounds.l2(scale_micros)?).map_err(noise)?;
    Ok(Cost { rho_nano: bounds.rho_nano(Noise::Gaussian, scale_micros, rho)?, delta_e18: 0 })
}

/// Charge of opendp's maps for noisy cells with integer discrete Laplace noise: the release is pure
/// `epsilon = l0 * linf / b`, which is counted as `rho = epsilon^2 / 2` (Bun and Steinke 2016,
/// Proposition 1.4), rounded up.
///
/// # Errors
/// Fails when a parameter is zero or opendp refuses it.
pub fn laplace_cost(bounds: Bounds, scale_micros: u64) -> Result<Cost, PrivacyError> {
    bounds.l2(scale_micros)?;
    let l1 = RBig::from(u32::from(bounds.l0) * u32::from(bounds.linf));
    let rho = pure(scale_micros)?.map(&l1).map_err(noise)?;
    Ok(Cost { rho_nano: bounds.rho_nano(Noise::Laplace, scale_micros, rho)?, delta_e18: 0 })
}

/// Charge of opendp's map for thresholded counts of an open set of keys that one unit changes within the
/// bounds; delta is the map's for `threshold - 1` (see the module's text).
///
/// A unit's keys share its weight equally, so that a unit of many keys is below the threshold by more on
/// each but has more of them that noise can lift. Delta is the largest charge over all numbers of keys.
///
/// # Errors
/// Fails when a parameter is zero or opendp refuses it.
pub fn threshold_cost(
    bounds: Bounds,
    scale_micros: u64,
    threshold: u32,
) -> Result<Cost, PrivacyError> {
    let l2 = bounds.l2(scale_micros)?;
    let least = MIN_THRESHOLD.max(u32::from(bounds.linf) + 1);
    if threshold < least {
        return Err(PrivacyError::Parameter {
            what: "threshold",
            why: format!("{threshold} is below the least one, {least}"),
        });
    }
    let charge = |keys: u16, threshold: &Threshold| -> Result<(f64, f64), PrivacyError> {
        let each = RBig::from(bounds.each(keys));
        threshold.map(&(u32::from(keys), l2.clone(), each)).map_err(noise)
    };
    let (rho, _) = charge(bounds.l0, &thresholded(scale_micros, threshold)?)?;
    let twin = thresholded(scale_micros, threshold - 1)?;
    let mut delta = 0.0_f64;
    for keys in 1..=bounds.l0 {
        // With equal bounds for each, more keys only cost more.
        if keys == bounds.l0 || bounds.each(keys + 1) < bounds.each(keys) {
            delta = delta.max(charge(keys, &twin)?.1);
        }
    }
    let rho_nano = bounds.rho_nano(Noise::Gaussian, scale_micros, rho)?;
    Ok(Cost { rho_nano, delta_e18: scaled_up(delta, 18)? })
}

/// The charge for a declared mechanism, re-derived from its parameters.
///
/// # Errors
/// Fails when the mechanism is not one of ours or its parameters are impossible.
pub fn cost_of(mechanism: &Mechanism) -> Result<Cost, PrivacyError> {
    if !mechanism.l0.is_multiple_of(mechanism.unit.cells_changed()) {
        return Err(PrivacyError::Parameter {
            what: "l0",
            why: "replacing a person changes an even number of cells".into(),
        });
    }
    let (bounds, scale) = (Bounds::of(mechanism), mechanism.scale_micros);
    match (mechanism.noise, mechanism.threshold) {
        (Noise::Gaussian, 0) => cells_cost(bounds, scale),
        (Noise::Gaussian, threshold) => threshold_cost(bounds, scale, threshold),
        (Noise::Laplace, 0) => laplace_cost(bounds, scale),
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
/// Fails when the parameters are impossible.
pub fn gaussian(
    unit: Unit,
    bounds: Bounds,
    scale_micros: u64,
    threshold: u32,
) -> Result<Mechanism, PrivacyError> {
    charged(unit, Noise::Gaussian, bounds, scale_micros, threshold)
}

/// A Laplace mechanism on cells with its charge filled in.
///
/// # Errors
/// Fails when the parameters are impossible.
pub fn laplace(unit: Unit, bounds: Bounds, scale_micros: u64) -> Result<Mechanism, PrivacyError> {
    charged(unit, Noise::Laplace, bounds, scale_micros, 0)
}

fn charged(
    unit: Unit,
    noise: Noise,
    bounds: Bounds,
    scale_micros: u64,
    threshold: u32,
) -> Result<Mechanism, PrivacyError> {
    let mechanism = bounds.declared(unit, noise, scale_micros, threshold);
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
