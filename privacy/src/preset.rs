//! From (epsilon, delta, period) to mechanisms: how a budget is split and what each release may cost.

use lore_protocol::codec::{Decode, Encode};
use lore_protocol::payload::{Mechanism, Noise, Unit};
use opendp::combinators::ConcentratedMeasure;
use opendp::measures::ZeroConcentratedDivergence;

use crate::mechanism::{self, Bounds};
use crate::memo::Memo;
use crate::{Caps, PrivacyError, utility};

/// Most vote releases of a period that have Laplace noise on a personal node. Each is then pure epsilon-DP, and
/// the person's votes of the whole period are too, without a delta: their epsilons add. For the same charge its
/// variance is twice that of a Gaussian, and a unit speaks for one candidate alone, which is why all other
/// votes have Gaussian noise.
pub const FEW_VOTES: u32 = 2;
/// Chance of release that "supporters needed" refers to.
pub const SURE: f64 = 0.95;
/// Largest threshold that a plan considers; beyond it no node has enough users.
const MAX_THRESHOLD: u32 = u32::MAX / 4;
/// Keys of one unit in a release, where nothing else is said.
pub const KEYS_PER_UNIT: u16 = 32;
/// Largest epsilon, in millionths: beyond it the word privacy would mislead.
const MAX_EPSILON_MICROS: u64 = 20_000_000;

/// Budget that the owner allows per period, with its conversion to rho.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Budget {
    /// Unit whose removal is protected.
    pub unit: Unit,
    /// Epsilon, in 1e-6.
    pub epsilon_micros: u64,
    /// Part of delta at which rho is converted, in 1e-18.
    pub delta_conv_e18: u64,
    /// Part of delta that thresholds may spend, in 1e-18.
    pub delta_thr_e18: u64,
    /// The rho whose conversion at `delta_conv` is at most epsilon, in 1e-9, rounded down.
    pub rho_nano: u64,
    /// Length of a period, in days.
    pub period_days: u32,
}

/// Number of releases of each kind in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Schedule {
    /// Lesson releases.
    pub lessons: u32,
    /// Outcome releases.
    pub outcomes: u32,
    /// Vote releases.
    pub votes: u32,
    /// Cost releases; none: costs are not released, and leave their share to outcomes.
    pub costs: Option<CostSchedule>,
    /// Most keys of one unit in a lesson release, and most candidates that it votes for. At least 1.
    pub keys_per_unit: u16,
}

/// Cost releases of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct CostSchedule {
    /// Number of releases.
    pub releases: u32,
    /// Kinds of cost.
    pub kinds: u16,
    /// Most that a session adds to a sum.
    pub bound: u16,
}

/// Shares of rho, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Shares {
    /// Lessons.
    pub lessons: u64,
    /// Outcomes.
    pub outcomes: u64,
    /// Votes.
    pub votes: u64,
    /// Costs.
    pub costs: u64,
}

impl Shares {
    /// The shares for a unit. A personal node releases no lessons, so that the rest has twice its share.
    #[must_use]
    pub const fn of(unit: Unit, with_costs: bool) -> Self {
        let (outcomes, votes, costs) = if with_costs { (15, 25, 10) } else { (20, 30, 0) };
        match unit {
            Unit::User | Unit::Session => Self { lessons: 50, outcomes, votes, costs },
            Unit::Personal => {
                Self { lessons: 0, outcomes: 2 * outcomes, votes: 2 * votes, costs: 2 * costs }
            }
        }
    }
}

/// The mechanisms of a period; none where the schedule has no release of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// For each lesson release.
    pub lessons: Option<Mechanism>,
    /// For each outcome release.
    pub outcomes: Option<Mechanism>,
    /// For each vote release.
    pub votes: Option<Mechanism>,
    /// For each cost release.
    pub costs: Option<Mechanism>,
}

impl Default for Schedule {
    /// One lesson and one vote release a period (rare releases need fewer supporters), outcomes weekly.
    fn default() -> Self {
        Self { lessons: 1, outcomes: 12, votes: 1, costs: None, keys_per_unit: KEYS_PER_UNIT }
    }
}

impl Bounds {
    /// Items of one unit in an outcome release.
    const ITEMS: u16 = 3;
    /// Three items, one session each, for each unit.
    pub const OUTCOMES: Self = Self::cells(Self::ITEMS, 1);

    /// Votes of a unit. Gaussian noise is charged by l2, which all its votes share; Laplace noise by l1, so
    /// that there is one vote of full weight.
    #[must_use]
    pub const fn votes(noise: Noise, keys_per_unit: u16) -> Self {
        match noise {
            Noise::Gaussian => Self::shared(keys_per_unit),
            Noise::Laplace => Self::shared(1),
        }
    }

    /// Sums of `kinds` costs up to `bound` each, for the items of [`Bounds::OUTCOMES`]: with c = 1 session
    /// of L0 items, `l2 = bound * c * sqrt(L0 * kinds)`.
    #[must_use]
    pub const fn costs(kinds: u16, bound: u16) -> Self {
        Self::cells(Self::ITEMS.saturating_mul(kinds), bound)
    }
}

impl Budget {
    /// A budget of `epsilon_micros` and `delta_e18` in all; half of delta converts rho, half pays for
    /// thresholds.
    ///
    /// # Errors
    /// Fails when epsilon is zero or above 20, delta is zero or a thousandth and more, or the period is zero.
    pub fn new(
        unit: Unit,
        epsilon_micros: u64,
        delta_e18: u64,
        period_days: u32,
    ) -> Result<Self, PrivacyError> {
        let bad = |what, why: &str| PrivacyError::Parameter { what, why: why.into() };
        if epsilon_micros == 0 || epsilon_micros > MAX_EPSILON_MICROS {
            return Err(bad("epsilon", "must be above 0 and at most 20"));
        }
        if !(2..=1_000_000_000_000_000).contains(&delta_e18) {
            return Err(bad("delta", "must be above 0 and at most 0.001"));
        }
        if period_days == 0 {
            return Err(bad("period", "must be at least one day"));
        }
        let delta_thr_e18 = delta_e18 / 2;
        let delta_conv_e18 = delta_e18 - delta_thr_e18;
        Ok(Self {
            unit,
            epsilon_micros,
            delta_conv_e18,
            delta_thr_e18,
            rho_nano: rho_nano(epsilon_micros, delta_conv_e18)?,
            period_days,
        })
    }

    /// The caps of a period.
    #[must_use]
    pub const fn caps(&self) -> Caps {
        Caps { rho_nano: self.rho_nano, delta_e18: self.delta_thr_e18 }
    }

    /// Length of a period, in seconds.
    #[must_use]
    pub fn period_seconds(&self) -> u64 {
        u64::from(self.period_days.max(1)) * 86_400
    }

    /// The mechanisms that use this budget up over a period's schedule.
    ///
    /// # Errors
    /// Fails when the budget is too small for any threshold to be reached.
    pub fn plan(&self, schedule: Schedule) -> Result<Plan, PrivacyError> {
        static PLANS: Memo<Vec<u8>, Plan> = Memo::new();
        let key = lore_protocol::codec::encode(&(*self, schedule));
        PLANS.get(key, || self.make_plan(schedule))
    }

    fn make_plan(&self, schedule: Schedule) -> Result<Plan, PrivacyError> {
        let shares = Shares::of(self.unit, schedule.costs.is_some());
        let share = |percent: u64, releases: u32| {
            let of = u128::from(self.rho_nano) * u128::from(percent) / 100;
            let each = of / u128::from(releases.max(1));
            (releases > 0 && percent > 0).then(|| u64::try_from(each).unwrap_or(u64::MAX))
        };
        let cells = |noise: Noise, rho: Option<u64>, bounds: Bounds| {
            rho.map(|rho| cells_mechanism(self.unit, noise, bounds, rho)).transpose()
        };
        let lessons = share(shares.lessons, schedule.lessons)
            .map(|rho| {
                let delta = self.delta_thr_e18 / u64::from(schedule.lessons);
                threshold_mechanism(self.unit, Bounds::shared(schedule.keys_per_unit), rho, delta)
            })
            .transpose()?;
        let costs = match schedule.costs {
            Some(CostSchedule { releases, kinds, bound }) => {
                let bounds = Bounds::costs(kinds, bound);
                cells(Noise::Gaussian, share(shares.costs, releases), bounds)?
            }
            None => None,
        };
        let outcomes = share(shares.outcomes, schedule.outcomes);
        let votes = share(shares.votes, schedule.votes);
        let law = vote_noise(self.unit, schedule.votes);
        Ok(Plan {
            lessons,
            outcomes: cells(Noise::Gaussian, outcomes, Bounds::OUTCOMES)?,
            votes: cells(law, votes, Bounds::votes(law, schedule.keys_per_unit))?,
            costs,
        })
    }

    /// Supporters that a lesson needs to be released with a chance of 95 %, under this schedule.
    ///
    /// # Errors
    /// As [`plan`](Self::plan); and when the schedule has no lesson release.
    pub fn supporters_needed(&self, schedule: Schedule) -> Result<u32, PrivacyError> {
        let lessons = self.plan(schedule)?.lessons;
        let lessons = lessons.ok_or_else(|| PrivacyError::Parameter {
            what: "schedule",
            why: "has no lesson release".into(),
        })?;
        Ok(supporters_needed(&lessons))
    }
}

/// The noise law of votes, chosen once for a period from the unit and its public number of vote releases.
#[must_use]
pub const fn vote_noise(unit: Unit, releases: u32) -> Noise {
    match unit {
        Unit::Personal if releases <= FEW_VOTES => Noise::Laplace,
        _ => Noise::Gaussian,
    }
}

/// Supporters that a key needs to pass a thresholded mechanism with a chance of 95 %, when each of them
/// has this key alone.
#[must_use]
pub fn supporters_needed(lessons: &Mechanism) -> u32 {
    supporters_with(lessons, 1)
}

/// Supporters that a key needs to pass a thresholded mechanism with a chance of 95 %, when each of them
/// has `keys` keys in the window.
#[must_use]
pub fn supporters_with(lessons: &Mechanism, keys: u16) -> u32 {
    let each = Bounds::of(lessons).each(keys.min(lessons.l0)).max(1);
    u32::try_from(weight_needed(lessons).div_ceil(each)).unwrap_or(u32::MAX)
}

/// Sum of weights that a key needs to pass a thresholded mechanism with a chance of 95 %.
#[must_use]
pub fn weight_needed(lessons: &Mechanism) -> u64 {
    utility::weight_for(SURE, lessons.scale_micros, lessons.threshold)
}

/// Epsilon of a rho at a delta, by opendp's conversion, in 1e-6 rounded up.
///
/// # Errors
/// Fails when opendp cannot convert.
pub fn epsilon_micros(rho_nano: u64, delta_conv_e18: u64) -> Result<u64, PrivacyError> {
    static EPSILONS: Memo<(u64, u64), u64> = Memo::new();
    if rho_nano == 0 {
        return Ok(0);
    }
    EPSILONS.get((rho_nano, delta_conv_e18), || {
        let epsilon = profile(rho_nano)?
            .epsilon(float_down(delta_conv_e18, 1e18))
            .map_err(|error| PrivacyError::Noise(error.to_string()))?;
        mechanism::scaled_up(epsilon, 6)
    })
}

/// The largest rho, in 1e-9, whose conversion at `delta_conv` stays within epsilon.
///
/// # Errors
/// Fails when opendp cannot convert.
pub fn rho_nano(epsilon_micros: u64, delta_conv_e18: u64) -> Result<u64, PrivacyError> {
    let (epsilon, delta) = (float_down(epsilon_micros, 1e6), float_down(delta_conv_e18, 1e18));
    let fits = |rho_nano: u64| -> Result<bool, PrivacyError> {
        let needed = profile(rho_nano)?
            .delta(epsilon)
            .map_err(|error| PrivacyError::Noise(error.to_string()))?;
        Ok(needed <= delta)
    };
    // rho is below epsilon for every delta below a half, and delta grows with rho.
    let (mut fitting, mut above) = (0, epsilon_micros.saturating_mul(1_000) + 1);
    while above - fitting > 1 {
        let middle = fitting + (above - fitting) / 2;
        if fits(middle)? {
            fitting = middle;
        } else {
            above = middle;
        }
    }
    Ok(fitting)
}

fn profile(rho_nano: u64) -> Result<opendp::measures::PrivacyProfile, PrivacyError> {
    let rho = (rho_nano as f64 / 1e9).next_up();
    ZeroConcentratedDivergence::convert(rho).map_err(|error| PrivacyError::Noise(error.to_string()))
}

/// An integer over a power of ten as a float that is not above it.
fn float_down(units: u64, per: f64) -> f64 {
    (units as f64 / per).next_down().max(0.0)
}

/// Noisy cells of the least noise whose charge is at most `rho_nano`.
fn cells_mechanism(
    unit: Unit,
    noise: Noise,
    bounds: Bounds,
    rho_nano: u64,
) -> Result<Mechanism, PrivacyError> {
    let bounds = bounds.changed(unit);
    let scale = least_scale(noise, bounds, rho_nano)?;
    match noise {
        Noise::Gaussian => mechanism::gaussian(unit, bounds, scale, 0),
        Noise::Laplace => mechanism::laplace(unit, bounds, scale),
    }
}

/// Thresholded counts of the least sigma whose charge is at most `rho_nano`, and the least threshold
/// whose delta is at most `delta_e18`.
pub(crate) fn threshold_mechanism(
    unit: Unit,
    bounds: Bounds,
    rho_nano: u64,
    delta_e18: u64,
) -> Result<Mechanism, PrivacyError> {
    let scale = least_scale(Noise::Gaussian, bounds, rho_nano)?;
    let cost = |threshold| mechanism::threshold_cost(bounds, scale, threshold);
    let least = u32::try_from(bounds.each(1)).unwrap_or(u32::MAX);
    let (mut below, mut enough) = (least, MAX_THRESHOLD);
    if cost(enough)?.delta_e18 > delta_e18 {
        return Err(too_small());
    }
    while enough - below > 1 {
        let middle = below + (enough - below) / 2;
        if cost(middle)?.delta_e18 <= delta_e18 {
            enough = middle;
        } else {
            below = middle;
        }
    }
    mechanism::gaussian(unit, bounds, scale, enough)
}

/// The least scale, in millionths, that opendp's map charges at most `rho_nano` for; fails when there is none.
pub fn least_scale(noise: Noise, bounds: Bounds, rho_nano: u64) -> Result<u64, PrivacyError> {
    if rho_nano == 0 {
        return Err(too_small());
    }
    // sigma^2 = l2^2 / (2 rho) and b^2 = l1^2 / (2 rho), in (1e-6)^2 and 1e-9.
    let scaled = bounds.square(noise).checked_mul(10_u128.pow(21)).ok_or_else(too_small)?;
    let root = (scaled / (2 * u128::from(rho_nano))).isqrt();
    let mut scale = u64::try_from(root).map_err(|_| too_small())?.max(1);
    let charge = |scale| match noise {
        Noise::Gaussian => mechanism::cells_cost(bounds, scale),
        Noise::Laplace => mechanism::laplace_cost(bounds, scale),
    };
    while charge(scale)?.rho_nano > rho_nano {
        scale += 1;
    }
    Ok(scale)
}

fn too_small() -> PrivacyError {
    PrivacyError::Parameter {
        what: "budget",
        why: "is too small for this schedule; raise epsilon or release less often".into(),
    }
}

#[cfg(test)]
mod tests;
