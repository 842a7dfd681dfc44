//! The owner's view of what sessions support now: the numbers that a lesson release would add noise to.

use std::collections::BTreeMap;

use lore_protocol::lesson::LessonKey;

use super::lessons::{LessonContribution, LessonsSpec, bound, sums};
use crate::{LocalSecret, PrivacyError, Private};

/// Support of a node's lessons, without noise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// Units with a lesson.
    pub units: u64,
    /// Different lessons.
    pub lessons: u64,
    /// Units that share the lesson with the most support.
    pub most_shared_by: u64,
    /// Its sum of weights.
    pub most: u64,
    /// Lessons with a sum of weights of at least what was asked for.
    pub enough: u64,
}

/// The support of lessons under a release's bounds, and how many have at least `needed`. It is private: for the
/// owner's own screen, and nothing that is sent or decided may depend on it.
///
/// # Errors
/// Fails when a unit is of the wrong kind.
pub fn support(
    spec: &LessonsSpec,
    contributions: &Private<Vec<LessonContribution>>,
    secret: &LocalSecret,
    needed: u64,
) -> Result<Private<Support>, PrivacyError> {
    let mut bounded = bound(spec, contributions.get(), secret)?;
    bounded.retain(|_, keys| !keys.is_empty());
    let mut sharing: BTreeMap<&LessonKey, u64> = BTreeMap::new();
    for key in bounded.values().flatten() {
        *sharing.entry(key).or_default() += 1;
    }
    let mut found =
        Support { units: bounded.len() as u64, lessons: 0, most_shared_by: 0, most: 0, enough: 0 };
    for (key, sum) in sums(&spec.mechanism, &bounded) {
        if matches!(key, LessonKey::Topic { .. }) {
            continue;
        }
        let sum = u64::try_from(sum).unwrap_or(0);
        found.lessons += 1;
        found.enough += u64::from(sum >= needed);
        if sum > found.most {
            found.most = sum;
            found.most_shared_by = sharing.get(key).copied().unwrap_or(0);
        }
    }
    Ok(Private::new(found))
}
