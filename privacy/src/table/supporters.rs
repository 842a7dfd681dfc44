//! Number of people that must know a lesson before it is released.

use lore_protocol::payload::Unit;
use serde::Serialize;

use super::DELTA_E18;
use crate::preset;
use crate::{Budget, PrivacyError, Schedule};

/// Epsilons of the lesson tables, in millionths.
pub(super) const EPSILONS_MICROS: [u64; 4] = [1_000_000, 2_000_000, 4_000_000, 8_000_000];
/// Lesson releases in a period.
const RELEASES: [u32; 3] = [1, 4, 12];
/// Lessons that each of them has in the window.
const KEYS: [u16; 5] = [1, 2, 4, 9, 16];

/// One setting: a default plan, in which lessons have half of rho and half of delta pays for thresholds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Supporters {
    /// Epsilon of the period.
    pub epsilon: f64,
    /// Delta of the period.
    pub delta: f64,
    /// Lesson releases in the period.
    pub releases: u32,
    /// Lessons that each of those who know this one has in the window.
    pub keys: u16,
    /// Sigma of the noise, in people who know one lesson.
    pub sigma: f64,
    /// Threshold, in people who know one lesson.
    pub threshold: f64,
    /// People for a chance of 95 % that a lesson is released.
    pub needed_95: u32,
}

/// All settings.
///
/// # Errors
/// Fails when opendp refuses a parameter.
pub fn supporters() -> Result<Vec<Supporters>, PrivacyError> {
    let mut rows = Vec::new();
    for epsilon_micros in EPSILONS_MICROS {
        for releases in RELEASES {
            let budget = Budget::new(Unit::User, epsilon_micros, DELTA_E18, 90)?;
            let plan = budget.plan(Schedule { lessons: releases, ..Schedule::default() })?;
            let Some(lessons) = plan.lessons else { continue };
            let whole = f64::from(lessons.linf);
            rows.extend(KEYS.map(|keys| Supporters {
                epsilon: epsilon_micros as f64 / 1e6,
                delta: DELTA_E18 as f64 / 1e18,
                releases,
                keys,
                sigma: lessons.scale_micros as f64 / 1e6 / whole,
                threshold: f64::from(lessons.threshold) / whole,
                needed_95: preset::supporters_with(&lessons, keys),
            }));
        }
    }
    Ok(rows)
}
