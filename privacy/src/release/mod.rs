//! The releases: bound each unit's contribution, count, add noise, stamp.
//!
//! Bounding looks at one unit at a time. What a unit contributes is a function of that unit's records,
//! the public parameters and the local secret, so that removing another unit changes nothing here. That
//! is what makes the sensitivity the declared one.

mod lessons;
mod outcomes;

pub use lessons::{LessonContribution, LessonsSpec, release_lessons};
pub use outcomes::{OutcomeContribution, OutcomesSpec, release_outcomes};

use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::payload::{Mechanism, PayloadKind, Window};

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

/// Checks what both releases need of their parameters.
fn check(mechanism: &Mechanism, window: Window, thresholded: bool) -> Result<(), PrivacyError> {
    let bad = |what, why: &str| {
        Err(PrivacyError::Parameter {
            what,
            why: why.into(),
        })
    };
    if mechanism.linf != 1 {
        return bad("linf", "one unit changes a count by one at most");
    }
    if (mechanism.threshold > 0) != thresholded {
        return bad("threshold", "lessons need one, outcomes have none");
    }
    if window.start_seconds >= window.end_seconds {
        return bad("window", "ends before it starts");
    }
    mechanism::verify(mechanism)
}

/// Whether a session that started then belongs to the window (half-open).
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
mod tests;
