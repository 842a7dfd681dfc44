//! Budgets of a member in a new federation: a user's, for a period of ninety days, at the delta of a ceiling.

use lore_engine::Terms;
use lore_privacy::{Budget, Plan, PrivacyError, Schedule};
use lore_protocol::payload::{Unit, Window};

/// Length of a budget's period, in days.
const PERIOD_DAYS: u32 = 90;

/// Delta of a period, in 1e-18.
pub(crate) const DELTA_E18: u64 = Terms::DELTA_E18;

/// A week, which releases draw on, from the start of time on.
pub(crate) const WEEK: Window = Window { start_seconds: 0, end_seconds: 604_800 };

/// The budget of so many millionths of epsilon a period.
///
/// # Errors
/// Fails when epsilon is out of its range.
pub(crate) fn of_micros(epsilon_micros: u64) -> Result<Budget, PrivacyError> {
    Budget::new(Unit::User, epsilon_micros, DELTA_E18, PERIOD_DAYS)
}

/// An epsilon in millionths.
pub(crate) fn micros(epsilon: f64) -> u64 {
    (epsilon * 1e6).round() as u64
}

/// The plan of a default schedule at an epsilon of a period.
///
/// # Errors
/// Fails when epsilon is out of its range.
pub(crate) fn plan(epsilon: f64) -> Result<Plan, PrivacyError> {
    of_micros(micros(epsilon))?.plan(Schedule::default())
}
