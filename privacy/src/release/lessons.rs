//! Lesson release: which keys of the closed grammar have enough supporters, by thresholded partition
//! selection.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{Lesson, LessonKey, Word};
use lore_protocol::payload::{
    LessonEntry, Lessons, MAX_PAYLOAD_BYTES, Mechanism, Origin, Payload, Unit, Window,
};

use super::{Law, check, check_ones, check_unit, within};
use crate::{LocalSecret, NoiseSource, PrivacyError, Private, Released, UnitId};

/// What one session teaches: a lesson, and words of the task that go with it.
#[derive(Clone)]
pub struct LessonContribution {
    /// Whose session.
    pub unit: UnitId,
    /// When it started, in seconds since the Unix epoch.
    pub start_seconds: u64,
    /// The lesson.
    pub primary: Lesson,
    /// Words for it, the best first.
    pub topics: Vec<Word>,
}

/// Public parameters of a lesson release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonsSpec {
    /// The scheduled release.
    pub release: Hash,
    /// Noise, threshold and bounds.
    pub mechanism: Mechanism,
    /// Sessions that may feed it.
    pub window: Window,
    /// Most keys that are sent.
    pub max_keys: u32,
    /// Length of the encoded payload, in bytes, whatever passes; at most 64 KiB.
    pub padded_bytes: u32,
}

impl LessonsSpec {
    /// Hash of the parameters, for the reservation.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let bytes = codec_bytes(self);
        Hash::derive("commonlore/lessons-spec/v1", &[&bytes])
    }
}

/// Makes a lesson release.
///
/// Each unit supports one lesson of one of its sessions of the window, with up to `l0 - 1` of that
/// session's words; a key is kept when its noisy number of units reaches the threshold. If more pass
/// than fit, the highest noisy counts stay, ties by key: both are post-processing.
///
/// # Errors
/// When parameters disagree, a unit is of the wrong kind, or randomness fails.
pub fn release_lessons<N: NoiseSource>(
    spec: &LessonsSpec,
    contributions: &Private<Vec<LessonContribution>>,
    secret: &LocalSecret,
    noise: &mut N,
) -> Result<Released<Payload, N>, PrivacyError> {
    check(&spec.mechanism, spec.window, Law::Thresholded)?;
    check_ones(&spec.mechanism)?;
    if spec.mechanism.unit == Unit::Personal {
        return Err(PrivacyError::Unsupported("a lesson release of a personal node"));
    }
    let target = spec.padded_bytes as usize;
    if target > MAX_PAYLOAD_BYTES || padding(spec, &[]).is_none() {
        return Err(PrivacyError::Parameter {
            what: "padded_bytes",
            why: format!("{target} is not a length that a lesson payload can be padded to"),
        });
    }
    let bounded = bound(spec, contributions.get(), secret)?;
    let mut supporters: BTreeMap<&LessonKey, i64> = BTreeMap::new();
    for key in bounded.values().flatten() {
        *supporters.entry(key).or_default() += 1;
    }
    let counts: Vec<i64> = supporters.values().copied().collect();
    let kept = noise.keep_above(&counts, spec.mechanism.scale_micros, spec.mechanism.threshold)?;
    let keys: Vec<&LessonKey> = supporters.into_keys().collect();
    let passed = kept
        .into_iter()
        .filter_map(|(index, support)| {
            keys.get(index).map(|key| LessonEntry { key: (*key).clone(), support })
        })
        .collect();
    let payload = Payload::Lessons(fit(spec, passed));
    Ok(Released::by_mechanism(payload))
}

/// What each unit supports: at most `l0` keys, from one session of its own.
pub(super) fn bound(
    spec: &LessonsSpec,
    contributions: &[LessonContribution],
    secret: &LocalSecret,
) -> Result<BTreeMap<UnitId, BTreeSet<LessonKey>>, PrivacyError> {
    let mut chosen: BTreeMap<UnitId, ([u8; 32], &LessonContribution)> = BTreeMap::new();
    for contribution in contributions {
        check_unit(&contribution.unit, &spec.mechanism)?;
        if !within(spec.window, contribution.start_seconds) {
            continue;
        }
        let draw = secret.draw(
            "draw/lessons",
            &contribution.unit,
            &[
                spec.release.as_bytes(),
                &contribution.start_seconds.to_le_bytes(),
                &codec::encode(&contribution.primary),
                &codec::encode(&contribution.topics),
            ],
        );
        // The least draw of the unit's own sessions: independent of their order.
        match chosen.get(&contribution.unit) {
            Some((least, _)) if *least <= draw => {}
            _ => {
                chosen.insert(contribution.unit, (draw, contribution));
            }
        }
    }
    let words = usize::from(spec.mechanism.l0) - 1;
    Ok(chosen
        .into_iter()
        .map(|(unit, (_, contribution))| (unit, keys_of(contribution, words)))
        .collect())
}

fn keys_of(contribution: &LessonContribution, words: usize) -> BTreeSet<LessonKey> {
    let lesson = contribution.primary.id();
    let mut keys = BTreeSet::new();
    for word in &contribution.topics {
        if keys.len() == words {
            break;
        }
        keys.insert(LessonKey::Topic { lesson, word: word.clone() });
    }
    keys.insert(LessonKey::Primary(contribution.primary.clone()));
    keys
}

/// Keeps the highest noisy counts that fit, and pads to the fixed length.
fn fit(spec: &LessonsSpec, mut passed: Vec<LessonEntry>) -> Lessons {
    passed.sort_by(|a, b| b.support.cmp(&a.support).then_with(|| a.key.cmp(&b.key)));
    passed.truncate(spec.max_keys as usize);
    let (entries, padding) = loop {
        match padding(spec, &passed) {
            Some(padding) => break (passed, padding),
            // An empty payload can be padded, which was checked, so this ends.
            None if passed.pop().is_some() => {}
            None => break (passed, 0),
        }
    };
    lessons(spec, entries, padding)
}

fn lessons(spec: &LessonsSpec, mut entries: Vec<LessonEntry>, padding: usize) -> Lessons {
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Lessons {
        origin: Origin::Mechanism(spec.mechanism),
        window: Some(spec.window),
        entries,
        padding: vec![0; padding],
    }
}

/// Zero bytes that bring the payload to its fixed length; none when it is too long already, or when the
/// length of the length makes just this total impossible.
fn padding(spec: &LessonsSpec, entries: &[LessonEntry]) -> Option<usize> {
    let length = |padding| {
        let payload = Payload::Lessons(lessons(spec, entries.to_vec(), padding));
        codec::encode(&payload).len()
    };
    let target = spec.padded_bytes as usize;
    let missing = target.checked_sub(length(0))?;
    // A length prefix takes 1, 3 or 5 bytes: try the totals that can match.
    [0, 2, 4]
        .iter()
        .filter_map(|prefix| missing.checked_sub(*prefix))
        .find(|padding| length(*padding) == target)
}

fn codec_bytes(spec: &LessonsSpec) -> Vec<u8> {
    codec::encode(&(spec.release, spec.mechanism, spec.window, spec.max_keys, spec.padded_bytes))
}
