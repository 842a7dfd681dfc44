//! The attack on lesson releases: on the counts of keys that others support too, and on keys that only
//! the victim knows.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger, Word};
use lore_protocol::payload::{Mechanism, Payload, PayloadKind, Unit};

use super::attack::Claim;
use super::rig::{NOW, Rig, WINDOW, secret};
use super::statistics::{ALPHA, at_least};
use super::{Certified, Observer};
use crate::mechanism::Bounds;
use crate::release::{LessonsSpec, release_lessons};
use crate::{
    LessonContribution, LocalSecret, PrivacyError, Private, Released, SystemNoise, mechanism,
};

/// Sigma at which a unit's weight costs rho 1/2.
const SCALE_MICROS: u64 = 10_000_000_000;
/// Seventeen sigma above one weight: delta is far below what samples can show.
const THRESHOLD: u32 = 180_000;
/// Supporters of each key besides the victim, with nothing else: it passes nearly always, on both sides.
const OTHERS: usize = 22;
/// Most keys of a unit, and keys that the victim knows.
const KEYS: (u16, u64) = (4, 6);

/// Function that makes a lesson release; the shipped one is [`release_lessons`].
pub(crate) type Release = fn(
    &LessonsSpec,
    &Private<Vec<LessonContribution>>,
    &LocalSecret,
) -> Result<Released<Payload>, PrivacyError>;

pub(crate) fn shipped(
    spec: &LessonsSpec,
    contributions: &Private<Vec<LessonContribution>>,
    secret: &LocalSecret,
) -> Result<Released<Payload>, PrivacyError> {
    release_lessons(spec, contributions, secret, &mut SystemNoise)
}

pub(crate) fn lesson(number: u64) -> Result<Lesson, PrivacyError> {
    let bad = |_| PrivacyError::Unsupported("the audit's lesson");
    let token = |text: String| Token::new(text).map_err(bad);
    let trigger = Trigger { tool: token("curl".into())?, error: ErrorClass::Other, subject: None };
    let action = Action::Example(token(format!("curl --port {number}"))?);
    Lesson::new(None, Op::Fix, trigger, action)
        .map_err(|_| PrivacyError::Unsupported("the audit's lesson"))
}

fn words(words: &[&str]) -> Result<Vec<Word>, PrivacyError> {
    let word = |text: &&str| Word::new(*text);
    let words: Result<_, _> = words.iter().map(word).collect();
    words.map_err(|_| PrivacyError::Unsupported("the audit's words"))
}

fn spec(mechanism: Mechanism, padded_bytes: u32) -> LessonsSpec {
    let spec = LessonsSpec::new(Hash::ZERO, mechanism, WINDOW, padded_bytes);
    LessonsSpec { topic_words: 2, ..spec }
}

/// Two databases that differ by one user who supports known keys.
pub(crate) struct Lessons {
    spec: LessonsSpec,
    rig: Rig,
    keys: Vec<LessonKey>,
    with: Private<Vec<LessonContribution>>,
    without: Private<Vec<LessonContribution>>,
}

fn known() -> Result<Vec<Lesson>, PrivacyError> {
    (0..KEYS.1).map(lesson).collect()
}

fn taught(user: &str, start_seconds: u64, primary: &Lesson) -> LessonContribution {
    let (unit, topics) = (secret().user(user), Vec::new());
    LessonContribution { unit, start_seconds, primary: primary.clone(), topics }
}

/// Users other than the victim: each knows one lesson.
pub(crate) fn others() -> Result<Vec<LessonContribution>, PrivacyError> {
    let knows = |(place, known): (usize, &Lesson)| -> Vec<LessonContribution> {
        (0..OTHERS).map(|n| taught(&format!("{place} {n}"), NOW - 9, known)).collect()
    };
    Ok(known()?.iter().enumerate().flat_map(knows).collect())
}

/// The victim knows more than it may speak for, each from one session under every name that is given.
pub(crate) fn victim(names: &[&str]) -> Result<Vec<LessonContribution>, PrivacyError> {
    let lessons = known()?;
    let knows = |name| lessons.iter().map(move |known| taught(name, NOW - 8, known));
    Ok(names.iter().flat_map(|name| knows(name)).collect())
}

impl Lessons {
    pub(crate) fn new() -> Result<Self, PrivacyError> {
        Self::over([others()?, victim(&["ada", "ada"])?].concat(), others()?)
    }

    /// With databases of the caller's.
    pub(crate) fn over(
        with: Vec<LessonContribution>,
        without: Vec<LessonContribution>,
    ) -> Result<Self, PrivacyError> {
        let bounds = Bounds::shared(KEYS.0);
        let mechanism = mechanism::gaussian(Unit::User, bounds, SCALE_MICROS, THRESHOLD)?;
        Ok(Self {
            spec: spec(mechanism, 1_024),
            rig: Rig::new(PayloadKind::Lessons, mechanism)?,
            keys: known()?.into_iter().map(LessonKey::Primary).collect(),
            with: Private::new(with),
            without: Private::new(without),
        })
    }

    /// Claim of the release: what its mechanism was charged.
    pub(crate) fn claim(&self) -> Claim {
        let mechanism = &self.spec.mechanism;
        Claim { rho: mechanism.rho_nano as f64 / 1e9, delta: mechanism.delta_e18 as f64 / 1e18 }
    }

    /// One release with a crash after its noise was drawn: the support of each known key that was sent, one
    /// below the threshold where a key is missing, and what is no count: the payloads' number and length, and
    /// the end of the signed window.
    pub(crate) fn see(&self, victim: bool, release: Release) -> Result<Vec<f64>, PrivacyError> {
        let database = if victim { &self.with } else { &self.without };
        let made = || release(&self.spec, database, &secret());
        let sent = Rig::recover(self.rig.sample_and_die(made)?)?;
        let mut seen = vec![sent.len() as f64];
        for payload in &sent {
            let found: BTreeMap<&LessonKey, i64> = entries(payload).collect();
            let missing = i64::from(self.spec.mechanism.threshold) - 1;
            let support = |key| found.get(key).copied().unwrap_or(missing) as f64;
            seen.extend(self.keys.iter().map(support));
            seen.push(codec::encode(payload).len() as f64);
            let window = match payload {
                Payload::Lessons(lessons) => lessons.window,
                _ => None,
            };
            seen.push(window.map_or(0.0, |window| window.end_seconds as f64 - NOW as f64));
        }
        Ok(seen)
    }
}

pub(crate) fn entries(payload: &Payload) -> impl Iterator<Item = (&LessonKey, i64)> {
    let entries = match payload {
        Payload::Lessons(lessons) => lessons.entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|entry| (&entry.key, entry.support))
}

/// Sigma and threshold at which delta is about one hundredth for three keys.
pub(crate) const SINGLETONS: (u64, u32) = (2_000_000, 7);
/// Users of one release, each with three keys of their own.
const USERS: u64 = 3_000;

/// Samples how often a user whose keys nobody else supports is seen at all: at most delta of the time.
pub(crate) fn singletons(
    name: &'static str,
    release: Release,
    mechanism: Mechanism,
    users: u64,
    observer: &mut dyn Observer,
) -> Result<Certified, PrivacyError> {
    let spec = spec(mechanism, 60_000);
    let topics = words(&["report", "release"])?;
    let mut owner = BTreeMap::new();
    let mut database = Vec::new();
    for user in 0..USERS {
        let primary = lesson(user)?;
        owner.insert(primary.id(), user);
        database.push(LessonContribution {
            unit: secret().user(&user.to_string()),
            start_seconds: NOW - 9,
            primary,
            topics: topics.clone(),
        });
    }
    let database = Private::new(database);
    let (mut seen, mut asked) = (0, 0);
    while asked < users {
        let made = release(&spec, &database, &secret())?;
        let whose = entries(made.get()).filter_map(|(key, _)| match key {
            LessonKey::Primary(lesson) => owner.get(&lesson.id()),
            LessonKey::Topic { lesson, .. } => owner.get(lesson),
        });
        seen += whose.collect::<BTreeSet<_>>().len() as u64;
        asked += USERS;
        observer.progress(name, asked, users);
    }
    Ok(Certified {
        claimed: mechanism.delta_e18 as f64 / 1e18,
        certified: at_least(seen, asked, ALPHA),
        samples: asked,
        epsilon: None,
    })
}
