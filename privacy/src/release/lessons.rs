//! Lesson release: which keys of the closed grammar have enough support, by thresholded partition
//! selection.
//!
//! Each unit speaks for all keys of all its sessions of the window, up to a bound, and shares one weight
//! among them, so that one unit changes the counts by one Euclidean length however much it knows.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{Lesson, LessonKey, Word};
use lore_protocol::payload::{
    LessonEntry, Lessons, MAX_PAYLOAD_BYTES, Mechanism, Origin, Payload, Unit, Window,
};

use super::{Law, check, check_unit, within};
use crate::mechanism::Bounds;
use crate::{LocalSecret, NoiseSource, PrivacyError, Private, Released, UnitId};

/// Lesson of one session, and words of the task that go with it.
#[derive(Clone)]
pub struct LessonContribution {
    /// Unit of the session.
    pub unit: UnitId,
    /// Start of the session, in seconds since the Unix epoch.
    pub start_seconds: u64,
    /// The lesson.
    pub primary: Lesson,
    /// Words of its task that may go with it, the best first.
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
    /// Most topic words that a lesson brings.
    pub topic_words: u16,
    /// State root of the checkpoint whose library is left out.
    pub items_root: Hash,
    /// Keys that this library holds: they are voted on, not found again.
    pub known: BTreeSet<LessonKey>,
    /// Most keys that are sent.
    pub max_keys: u32,
    /// Length of the encoded payload, in bytes, whatever passes; at most 64 KiB.
    pub padded_bytes: u32,
}

impl LessonsSpec {
    /// A release of a federation whose library is empty, without topic words and with all keys that fit into
    /// `padded_bytes`.
    #[must_use]
    pub const fn new(
        release: Hash,
        mechanism: Mechanism,
        window: Window,
        padded_bytes: u32,
    ) -> Self {
        Self {
            release,
            mechanism,
            window,
            topic_words: 0,
            items_root: Hash::ZERO,
            known: BTreeSet::new(),
            max_keys: u32::MAX,
            padded_bytes,
        }
    }

    /// Hash of the parameters, for the reservation.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let bytes = codec_bytes(self);
        Hash::derive("commonlore/lessons-spec/v1", &[&bytes])
    }
}

/// Makes a lesson release.
///
/// Each unit speaks for up to `l0` keys of its sessions of the window, with a weight that its keys share; a
/// key is kept when its noisy sum of weights reaches the threshold. If more pass than fit, the highest noisy
/// sums stay, ties by key: both are post-processing.
///
/// # Errors
/// Fails when parameters disagree, a unit is of the wrong kind, or randomness fails.
pub fn release_lessons<N: NoiseSource>(
    spec: &LessonsSpec,
    contributions: &Private<Vec<LessonContribution>>,
    secret: &LocalSecret,
    noise: &mut N,
) -> Result<Released<Payload, N>, PrivacyError> {
    check(&spec.mechanism, spec.window, Law::Thresholded)?;
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
    let supporters = sums(&spec.mechanism, &bounded);
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

/// Weights by key: every unit adds to each of its keys what its number of keys leaves for one.
pub(super) fn sums<'a>(
    mechanism: &Mechanism,
    bounded: &'a BTreeMap<UnitId, BTreeSet<LessonKey>>,
) -> BTreeMap<&'a LessonKey, i64> {
    let bounds = Bounds::of(mechanism);
    let mut sums: BTreeMap<&LessonKey, i64> = BTreeMap::new();
    for keys in bounded.values() {
        let count = u16::try_from(keys.len()).unwrap_or(u16::MAX);
        let each = i64::try_from(bounds.each(count)).unwrap_or(i64::MAX);
        for key in keys {
            let sum = sums.entry(key).or_default();
            *sum = sum.saturating_add(each);
        }
    }
    sums
}

/// The keys that each unit speaks for: at most `l0`, from all its sessions of the window. Of more, lessons come
/// before topic words, and within each those with the least keyed draw: a function of the unit's own keys,
/// whatever the order and number of the sessions that hold them.
pub(crate) fn bound(
    spec: &LessonsSpec,
    contributions: &[LessonContribution],
    secret: &LocalSecret,
) -> Result<BTreeMap<UnitId, BTreeSet<LessonKey>>, PrivacyError> {
    let mut found: BTreeMap<UnitId, BTreeSet<LessonKey>> = BTreeMap::new();
    for contribution in contributions {
        check_unit(&contribution.unit, &spec.mechanism)?;
        if within(spec.window, contribution.start_seconds) {
            let keys = keys_of(contribution, spec.topic_words.into());
            let keys = keys.filter(|key| !spec.known.contains(key));
            found.entry(contribution.unit).or_default().extend(keys);
        }
    }
    let most = usize::from(spec.mechanism.l0);
    for (unit, keys) in found.iter_mut().filter(|(_, keys)| keys.len() > most) {
        let draw = |key: &LessonKey| {
            let parts: [&[u8]; 2] = [spec.release.as_bytes(), &codec::encode(key)];
            secret.draw("draw/lessons", unit, &parts)
        };
        let mut ranked: Vec<LessonKey> = std::mem::take(keys).into_iter().collect();
        ranked.sort_by_cached_key(|key| (matches!(key, LessonKey::Topic { .. }), draw(key)));
        keys.extend(ranked.into_iter().take(most));
    }
    Ok(found)
}

/// The keys of one session: its lesson, then up to `words` topic words of it.
fn keys_of(contribution: &LessonContribution, words: usize) -> impl Iterator<Item = LessonKey> {
    let lesson = contribution.primary.id();
    let topic = move |word: &Word| LessonKey::Topic { lesson, word: word.clone() };
    let primary = LessonKey::Primary(contribution.primary.clone());
    std::iter::once(primary).chain(contribution.topics.iter().take(words).map(topic))
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
    let sessions = (spec.release, spec.mechanism, spec.window, spec.topic_words, spec.items_root);
    codec::encode(&(sessions, spec.max_keys, spec.padded_bytes))
}
