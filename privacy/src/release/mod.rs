//! The releases: bound each unit's contribution, count, add noise, stamp.
//!
//! Bounding looks at one unit at a time. What a unit contributes is a function of that unit's records,
//! the public parameters and the local secret, so that removing another unit changes nothing here. That
//! is what makes the sensitivity the declared one.

mod costs;
mod lessons;
mod outcomes;
mod participation;
mod support;
mod votes;

pub use costs::{CostContribution, CostsSpec, release_costs};
pub use lessons::{LessonContribution, LessonsSpec, release_lessons};
pub use outcomes::{OutcomeContribution, OutcomesSpec, release_outcomes};
pub use participation::{Fed, Participation};
pub use support::{Support, support};
pub use votes::{VoteContribution, VotesSpec, release_votes};

use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::payload::{Mechanism, Noise, PayloadKind, Window};

use crate::{PrivacyError, UnitId, mechanism};

/// The id of a scheduled release: the `index`-th of its kind in a member's period. Public.
#[must_use]
pub fn release_id(
    federation: FederationId,
    member: MemberId,
    kind: PayloadKind,
    period: u32,
    index: u32,
) -> Hash {
    let kind = lore_protocol::codec::encode(&kind);
    Hash::derive(
        "commonlore/release/v1",
        &[
            federation.as_bytes(),
            member.as_bytes(),
            &kind,
            &period.to_le_bytes(),
            &index.to_le_bytes(),
        ],
    )
}

/// Noise law that a release asks of its mechanism.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Law {
    /// Gaussian noise with a threshold.
    Thresholded,
    /// Gaussian noise on cells.
    Gaussian,
    /// Gaussian or Laplace noise on cells.
    Any,
}

/// Checks what all releases need of their parameters.
fn check(mechanism: &Mechanism, window: Window, law: Law) -> Result<(), PrivacyError> {
    let bad = |what, why: &str| Err(PrivacyError::Parameter { what, why: why.into() });
    if (mechanism.threshold > 0) != (law == Law::Thresholded) {
        return bad("threshold", "lessons need one, the other releases have none");
    }
    if law != Law::Any && mechanism.noise != Noise::Gaussian {
        return bad("noise", "only votes have Laplace noise");
    }
    if window.start_seconds >= window.end_seconds {
        return bad("window", "ends before it starts");
    }
    mechanism::verify(mechanism)
}

/// Checks that one unit changes a count by one at most.
fn check_ones(mechanism: &Mechanism) -> Result<(), PrivacyError> {
    if mechanism.linf == 1 {
        return Ok(());
    }
    let why = "one unit changes a count by one at most".into();
    Err(PrivacyError::Parameter { what: "linf", why })
}

/// Returns true when a session that started then belongs to the window (half-open).
const fn within(window: Window, start_seconds: u64) -> bool {
    window.start_seconds <= start_seconds && start_seconds < window.end_seconds
}

/// Checks that a contribution's unit is what the mechanism protects.
fn check_unit(unit: &UnitId, mechanism: &Mechanism) -> Result<(), PrivacyError> {
    if unit.kind() == mechanism.unit {
        return Ok(());
    }
    Err(PrivacyError::Parameter {
        what: "unit",
        why: "contributions and mechanism name different units".into(),
    })
}

#[cfg(test)]
pub(crate) use lessons::bound as lessons_bound;

#[cfg(test)]
mod sensitivity_tests;
#[cfg(test)]
mod tests;
