//! From work to released keys: what of one organisation's work passes the privacy door, over many draws
//! of its noise.
#![allow(clippy::unwrap_used)]

mod room;

use std::collections::BTreeSet;

use lore_lab::FamilyId;
use lore_privacy::release::{LessonsSpec, release_lessons};
use lore_privacy::{Budget, LessonContribution, LocalSecret, Private, Schedule, SeededNoise};
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{Bundle, LessonKey};
use lore_protocol::payload::{Lessons, Payload, Unit, Window};
use room::{Room, mined};

/// Of an organisation with 160 users and four families.
const USERS_A_FAMILY: usize = 40;
const RUNS: usize = 500;
const STARTED: u64 = 1_700_000_000;

#[test]
fn four_families_of_five_are_released_with_a_topic_word_in_99_runs_of_100() {
    let spec = spec();
    let secret = LocalSecret::from_bytes([7; 32]);
    for seed in [201, 202] {
        let room = Room::new(seed);
        let families = &FamilyId::quirks();
        let worked = room.work(families, USERS_A_FAMILY * families.len(), None);
        let contributions: Vec<_> = mined(&worked)
            .into_values()
            .map(|bundles| Private::new(contributions(&secret, bundles)))
            .collect();
        let mut noise = SeededNoise::new(&u64::to_le_bytes(seed));
        let enough = (0..RUNS)
            .filter(|_| {
                let titled = contributions.iter().filter(|from| {
                    let made = release_lessons(&spec, from, &secret, &mut noise).unwrap();
                    let Payload::Lessons(lessons) = made.into_inner() else { panic!("no lessons") };
                    titled(&lessons)
                });
                titled.count() * 5 >= 4 * families.len()
            })
            .count();
        assert!(enough * 100 >= 99 * RUNS, "seed {seed}: {enough} of {RUNS}");
    }
}

/// The one lesson release of a period at epsilon 4 and delta 1e-6, half of its rho.
fn spec() -> LessonsSpec {
    let budget = Budget::new(Unit::User, 4_000_000, 1_000_000_000_000, 90).unwrap();
    let schedule = Schedule { outcomes: 1, votes: 0, ..Schedule::default() };
    let mechanism = budget.plan(schedule).unwrap().lessons.unwrap();
    let window = Window { start_seconds: STARTED, end_seconds: STARTED + 86_400 };
    let spec = LessonsSpec::new(Hash::ZERO, mechanism, window, 16 << 10);
    LessonsSpec { topic_words: 2, ..spec }
}

fn contributions(secret: &LocalSecret, bundles: Vec<Option<Bundle>>) -> Vec<LessonContribution> {
    let of_user = |(user, bundle): (usize, Option<Bundle>)| {
        let bundle = bundle?;
        Some(LessonContribution {
            unit: secret.user(&format!("user-{user}")),
            start_seconds: STARTED,
            primary: bundle.primary,
            topics: bundle.topics,
        })
    };
    bundles.into_iter().enumerate().filter_map(of_user).collect()
}

/// Returns true when a lesson was released together with a word for it.
fn titled(lessons: &Lessons) -> bool {
    let primary: BTreeSet<_> = lessons
        .entries
        .iter()
        .filter_map(|entry| match &entry.key {
            LessonKey::Primary(lesson) => Some(lesson.id()),
            LessonKey::Topic { .. } => None,
        })
        .collect();
    lessons.entries.iter().any(
        |entry| matches!(&entry.key, LessonKey::Topic { lesson, .. } if primary.contains(lesson)),
    )
}
