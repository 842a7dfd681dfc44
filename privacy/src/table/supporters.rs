//! How many users must know a lesson before it is released.

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;
use lore_protocol::payload::{Noise, Unit};
use opendp::domains::{AtomDomain, MapDomain};
use opendp::measurements::{MakeNoiseThreshold, ZExpFamily};
use opendp::measures::{Approximate, MaxDivergence};
use opendp::metrics::{AbsoluteDistance, L01InfDistance};
use serde::Serialize;

use super::{DELTA_E18, EPSILONS_MICROS};
use crate::audit::law::Law;
use crate::mechanism::scaled_up;
use crate::preset::{self, SURE};
use crate::{Bounds, Budget, PrivacyError};

/// Adaptive releases over which the budget is spread.
const RELEASES: [u32; 4] = [1, 4, 12, 52];
/// Keys of one user.
const L0: [u16; 2] = [1, 3];

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Supporters {
    /// Epsilon of the period.
    pub epsilon: f64,
    /// Delta of the period. Laplace noise spends all of it on thresholds; Gaussian noise spends half
    /// there, and rho is converted at the other half.
    pub delta: f64,
    /// Keys of one user.
    pub l0: u16,
    /// Law of the noise: Laplace is charged by pure composition, Gaussian in rho.
    pub mechanism: Noise,
    /// Adaptive releases in the period; the whole budget goes to them.
    pub releases: u32,
    /// Scale of the noise: b or sigma.
    pub scale: f64,
    /// Least threshold whose charge (opendp's map for T - 1) fits.
    pub threshold: u32,
    /// Users for a chance of 95 % that a lesson is released, at that threshold.
    pub needed_95: u32,
    /// Least threshold whose true tail fits.
    pub threshold_exact: u32,
    /// Users for a chance of 95 %, at that one.
    pub needed_95_exact: u32,
}

/// All settings.
///
/// # Errors
/// When opendp refuses a parameter.
pub fn supporters() -> Result<Vec<Supporters>, PrivacyError> {
    let mut rows = Vec::new();
    for noise in [Noise::Laplace, Noise::Gaussian] {
        for l0 in L0 {
            for releases in RELEASES {
                for epsilon_micros in EPSILONS_MICROS {
                    rows.push(row(noise, l0, releases, epsilon_micros)?);
                }
            }
        }
    }
    Ok(rows)
}

fn row(
    noise: Noise,
    l0: u16,
    releases: u32,
    epsilon_micros: u64,
) -> Result<Supporters, PrivacyError> {
    let each = u64::from(releases);
    let (scale_micros, threshold, delta) = match noise {
        Noise::Laplace => {
            // Pure composition: each release has its part of epsilon, and l1 = l0.
            let l1 = u64::from(l0) * each;
            let scale_micros = (l1 * 1_000_000_000_000).div_ceil(epsilon_micros);
            let delta = DELTA_E18 / each;
            (scale_micros, laplace_threshold(l0, scale_micros, delta)?, delta)
        }
        Noise::Gaussian => {
            let budget = Budget::new(Unit::User, epsilon_micros, DELTA_E18, 90)?;
            let delta = budget.delta_thr_e18 / each;
            let bounds = Bounds { l0, linf: 1 };
            let rho = budget.rho_nano / each;
            let made = preset::threshold_mechanism(Unit::User, bounds, rho, delta)?;
            (made.scale_micros, made.threshold, delta)
        }
    };
    let law = Law { noise, scale: scale_micros as f64 / 1e6 };
    let exact = exact_threshold(law, l0, delta as f64 / 1e18, threshold);
    Ok(Supporters {
        epsilon: epsilon_micros as f64 / 1e6,
        delta: DELTA_E18 as f64 / 1e18,
        l0,
        mechanism: noise,
        releases,
        scale: law.scale,
        threshold,
        needed_95: law.supporters(SURE, threshold),
        threshold_exact: exact,
        needed_95_exact: law.supporters(SURE, exact),
    })
}

/// Least threshold whose true delta, the chance that one of `l0` keys of a lonely user passes, fits; it
/// is not above the charged one.
fn exact_threshold(law: Law, l0: u16, delta: f64, charged: u32) -> u32 {
    let fits = |threshold: u32| {
        let single = law.tail(i64::from(threshold) - 1);
        // 1 - (1 - x)^l0 without losing the digits of a small x.
        -(f64::from(l0) * (-single).ln_1p()).exp_m1() <= delta
    };
    let (mut below, mut enough) = (1, charged);
    while enough - below > 1 {
        let middle = below + (enough - below) / 2;
        if fits(middle) { enough = middle } else { below = middle }
    }
    enough
}

/// Least threshold whose charge, by opendp's map for one less, is at most `delta_e18`.
fn laplace_threshold(l0: u16, scale_micros: u64, delta_e18: u64) -> Result<u32, PrivacyError> {
    let (mut below, mut enough) = (1, 1 << 24);
    while enough - below > 1 {
        let middle = below + (enough - below) / 2;
        if laplace_delta(l0, scale_micros, middle)? <= delta_e18 {
            enough = middle;
        } else {
            below = middle;
        }
    }
    Ok(enough)
}

fn laplace_delta(l0: u16, scale_micros: u64, threshold: u32) -> Result<u64, PrivacyError> {
    let noise = |error: opendp::error::Error| PrivacyError::Noise(error.to_string());
    let family = ZExpFamily::<1> {
        scale: RBig::from_parts(IBig::from(scale_micros), UBig::from(1_000_000_u32)),
    };
    let domain = MapDomain::new(AtomDomain::<u32>::default(), AtomDomain::<IBig>::default());
    let space = (domain, L01InfDistance::<AbsoluteDistance<RBig>>::default());
    let twin: opendp::core::Measurement<_, _, Approximate<MaxDivergence>, _> =
        family.make_noise_threshold(space, IBig::from(threshold - 1)).map_err(noise)?;
    let (_, delta) = twin.map(&(u32::from(l0), RBig::from(l0), RBig::from(1))).map_err(noise)?;
    scaled_up(delta, 18)
}
