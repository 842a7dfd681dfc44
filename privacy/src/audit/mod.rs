//! Audits: attempts to catch the mechanisms losing more privacy than they claim.
//!
//! An audit is a function of a mechanism and a claim. It certifies, from samples and for any
//! distribution, a lower bound on what is really lost; a mechanism whose bound lies above its claim is
//! broken. An audit that cannot see anything would pass too, hence the control: the same mechanism with
//! a claim that is a quarter too small, which must be caught by the same samples.
//!
//! Passing is no proof. The proofs are the sensitivity of [`release`](crate::release) and opendp's
//! privacy maps; audits find mistakes in what connects them.
//!
//! # False alarms
//! Each bound is wrong with chance [`ALPHA`](statistics::ALPHA), 1e-5, at most. A run makes seventeen of
//! them (six fits, one rate, four attacks with a rho and an epsilon each, two on votes), so that a
//! correct crate fails less than once in five thousand runs. The bounds on rho and epsilon hold for any
//! distribution and are not attained by ours: in practice only the fits can fail, once in 16,000 runs.
//!
//! | audit | finds |
//! |---|---|
//! | `gaussian_sampler`, `laplace_sampler` | noise of another law or scale |
//! | `singleton_release` | thresholds that let through more than the charged delta |
//! | `outcomes_attack` | anything in bounding, noise, crash recovery that tells one user apart |
//! | `costs_attack` | the same for sums of costs |
//! | `lessons_attack` | the same for supporters of lessons |
//! | `vote_attack`, `personal_vote_attack` | votes, under removal and under replacement |
//! | `period_attack` | a period that loses more than the ledger says, over all its releases |

mod attack;
mod costs;
pub(crate) mod law;
mod lessons;
mod outcomes;
mod period;
mod rig;
mod samplers;
pub mod statistics;
mod votes;

use lore_protocol::payload::{Noise, Unit};
use serde::Serialize;

use law::Law;

use crate::mechanism::Bounds;
use crate::{NoiseSource, PrivacyError, SystemNoise, mechanism};

/// Number of samples taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 50,000 runs a side: five to ten minutes, of which whole periods take half.
    Default,
    /// 300,000 runs a side.
    Deep,
}

/// Needs of an audit from outside: time, and a receiver of its progress.
pub trait Observer {
    /// Seconds since some fixed moment.
    fn seconds(&mut self) -> f64;
    /// Reports the progress of an audit.
    fn progress(&mut self, audit: &'static str, done: u64, total: u64);
}

/// The result of one audit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// Its name.
    pub name: &'static str,
    /// Quantity claimed and certified: `rho`, `epsilon`, `delta`, or `chi_square`, a statistic over its
    /// critical value.
    pub quantity: &'static str,
    /// Most that the mechanism claims to lose.
    pub claimed: f64,
    /// Least that it certainly loses.
    pub certified: f64,
    /// For zero-concentrated DP, the same in epsilon.
    pub epsilon: Option<Epsilon>,
    /// Samples taken.
    pub samples: u64,
    /// Seconds that it took.
    pub seconds: f64,
    /// True when the claim holds up.
    pub passed: bool,
    /// True when a claim that is a quarter too small does not.
    pub control_caught: bool,
}

/// Claimed and certified epsilon at a delta. The conversion from rho is not tight and an event far in
/// the tail is seldom seen, so these lie further apart than the rhos.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Epsilon {
    /// The delta.
    pub delta: f64,
    /// Epsilon that the claimed rho converts to.
    pub claimed: f64,
    /// Epsilon that samples certify.
    pub certified: f64,
}

/// All audits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// True when every claim holds up and every control was caught.
    pub passed: bool,
    /// Chance that one bound is wrong.
    pub alpha: f64,
    /// Each audit.
    pub audits: Vec<Audit>,
}

/// Result of the samples, before it is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Certified {
    pub(crate) claimed: f64,
    pub(crate) certified: f64,
    pub(crate) samples: u64,
    pub(crate) epsilon: Option<Epsilon>,
}

impl Certified {
    pub(crate) fn holds(&self) -> bool {
        self.certified <= self.claimed
            && self.epsilon.is_none_or(|epsilon| epsilon.certified <= epsilon.claimed)
    }
}

impl Report {
    fn of(audits: Vec<Audit>) -> Self {
        let passed = audits.iter().all(|audit| audit.passed && audit.control_caught);
        Self { passed, alpha: statistics::ALPHA, audits }
    }
}

/// Number of samples in one run of the audits, and how small a claim its control has.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Releases over each of the two databases of an attack.
    runs: u64,
    /// Whole periods over each of the two databases of `period_attack`.
    periods: u64,
    /// Users of `singleton_release`, three keys each.
    users: u64,
    /// The control's claim, as a part of what is true. Fewer samples need a smaller one.
    control: f64,
}

impl Depth {
    const fn effort(self) -> Effort {
        match self {
            // Three keys a user: a million keys.
            Self::Default => {
                Effort { runs: 50_000, periods: 50_000, users: 333_000, control: CONTROL }
            }
            Self::Deep => {
                Effort { runs: 300_000, periods: 300_000, users: 2_000_000, control: CONTROL }
            }
        }
    }
}

/// Names of the audits, in the order in which they run.
pub const NAMES: [&str; 9] = [
    "gaussian_sampler",
    "laplace_sampler",
    "singleton_release",
    "outcomes_attack",
    "costs_attack",
    "lessons_attack",
    "vote_attack",
    "personal_vote_attack",
    "period_attack",
];

/// Runs all audits of what this crate ships.
///
/// # Errors
/// Fails when a mechanism cannot be built or randomness fails.
pub fn run(depth: Depth, observer: &mut dyn Observer) -> Result<Report, PrivacyError> {
    let audits = NAMES.iter().map(|name| one(name, depth, observer));
    let audits = audits.collect::<Result<Vec<_>, _>>()?;
    Ok(Report::of(audits))
}

/// Runs one audit by its name.
///
/// # Errors
/// Fails when there is none of that name, a mechanism cannot be built or randomness fails.
pub fn one(name: &str, depth: Depth, observer: &mut dyn Observer) -> Result<Audit, PrivacyError> {
    one_with(name, depth.effort(), observer)
}

fn one_with(
    name: &str,
    effort: Effort,
    observer: &mut dyn Observer,
) -> Result<Audit, PrivacyError> {
    let Effort { runs, control, .. } = effort;
    let unknown = || PrivacyError::Parameter {
        what: "audit",
        why: format!("there is no audit `{name}`; there are {}", NAMES.join(", ")),
    };
    let name = *NAMES.iter().find(|known| **known == name).ok_or_else(unknown)?;
    let started = observer.seconds();
    let (quantity, found, control_caught) = match name {
        "gaussian_sampler" => gaussian_sampler(name, observer)?,
        "laplace_sampler" => laplace_sampler(name, observer)?,
        "singleton_release" => singleton_release(name, effort, observer)?,
        "outcomes_attack" => {
            let path = outcomes::Outcomes::new()?;
            let mut see = |victim| path.see(victim, outcomes::shipped);
            judge("rho", attack::attack(name, &mut see, path.claim(), runs, observer)?, control)
        }
        "costs_attack" => {
            let path = costs::Costs::new()?;
            let mut see = |victim| path.see(victim, costs::shipped);
            judge("rho", attack::attack(name, &mut see, path.claim(), runs, observer)?, control)
        }
        "lessons_attack" => {
            let path = lessons::Lessons::new()?;
            let mut see = |victim| path.see(victim, lessons::shipped);
            judge("rho", attack::attack(name, &mut see, path.claim(), runs, observer)?, control)
        }
        "vote_attack" => {
            let (path, claimed) =
                (votes::Votes::removed(VOTE_MICROS)?, votes::epsilon(VOTE_MICROS, 1)?);
            judge("epsilon", path.attack(name, claimed, runs, observer)?, control)
        }
        "personal_vote_attack" => {
            let (path, claimed) =
                (votes::Votes::replaced(2 * VOTE_MICROS)?, votes::epsilon(2 * VOTE_MICROS, 2)?);
            judge("epsilon", path.attack(name, claimed, runs, observer)?, control)
        }
        _ => {
            let found = period::attack(name, period::shipped, effort.periods, observer)?;
            let (quantity, found, caught) = judge("rho", found, control);
            // Of epsilon, where the conversion of a whole period is nearly tight, at least half is seen.
            let least = EPSILON_SEEN * control;
            let seen = found.epsilon.is_some_and(|e| e.certified >= least * e.claimed);
            (quantity, found, caught && seen)
        }
    };
    Ok(Audit {
        name,
        quantity,
        claimed: found.claimed,
        certified: found.certified,
        epsilon: found.epsilon,
        samples: found.samples,
        seconds: observer.seconds() - started,
        passed: found.holds(),
        control_caught,
    })
}

type Judged = (&'static str, Certified, bool);

/// A quarter less than what is true.
const CONTROL: f64 = 0.75;

/// Part of the control's claim up to which `period_attack` has to certify epsilon: half of what is claimed
/// in `./x audit`.
const EPSILON_SEEN: f64 = 2.0 / 3.0;

fn judge(quantity: &'static str, found: Certified, control: f64) -> Judged {
    (quantity, found, found.certified > control * found.claimed)
}

/// The scales that the default preset uses, and one with a fraction.
const GAUSSIAN_MICROS: [u64; 3] = [1_234_567, 3_182_867, 14_234_000];
const LAPLACE_MICROS: [u64; 3] = [500_000, 1_234_567, 4_000_000];

fn gaussian_sampler(
    name: &'static str,
    observer: &mut dyn Observer,
) -> Result<Judged, PrivacyError> {
    let mut draw = |zeros: &[i64], micros| SystemNoise.add(zeros, micros);
    // A rho that is a quarter smaller would take a sigma larger by this factor.
    let factor = CONTROL.sqrt().recip();
    let (found, control) =
        samplers::fit(name, &mut draw, Noise::Gaussian, &GAUSSIAN_MICROS, factor, observer)?;
    Ok(("chi_square", found, !control.holds()))
}

fn laplace_sampler(
    name: &'static str,
    observer: &mut dyn Observer,
) -> Result<Judged, PrivacyError> {
    let (noise, factor) = (Noise::Laplace, CONTROL.recip());
    let (found, control) =
        samplers::fit(name, &mut mechanism::add_laplace, noise, &LAPLACE_MICROS, factor, observer)?;
    Ok(("chi_square", found, !control.holds()))
}

fn singleton_release(
    name: &'static str,
    effort: Effort,
    observer: &mut dyn Observer,
) -> Result<Judged, PrivacyError> {
    let (scale_micros, threshold) = lessons::SINGLETONS;
    let mechanism = mechanism::gaussian(Unit::User, Bounds::cells(3, 1), scale_micros, threshold)?;
    let found = lessons::singletons(name, lessons::shipped, mechanism, effort.users, observer)?;
    // The charge has slack (it bounds the tail of T - 1), so the control is measured from the truth.
    let law = Law { noise: Noise::Gaussian, scale: scale_micros as f64 / 1e6 };
    let truth = 1.0 - (1.0 - law.tail(i64::from(threshold) - 1)).powi(3);
    Ok(("delta", found, found.certified > effort.control * truth))
}

/// Scale of the audited votes: epsilon 1 for one vote.
const VOTE_MICROS: u64 = 1_000_000;

#[cfg(test)]
mod mutations;
#[cfg(test)]
mod tests;
