#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use lore_protocol::codec;
use lore_protocol::ids::{LessonId, RevisionId};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger, Word};
use lore_protocol::payload::{ItemId, LessonEntry, Payload, Unit};
use proptest::prelude::*;

use super::*;
use crate::{Bounds, LocalSecret, Private, SeededNoise, SystemNoise};

const WINDOW: Window = Window { start_seconds: 1_000, end_seconds: 2_000 };

fn secret() -> LocalSecret {
    LocalSecret::from_bytes([7; 32])
}

fn lesson(number: u64) -> Lesson {
    let trigger =
        Trigger { tool: Token::new("curl").unwrap(), error: ErrorClass::Other, subject: None };
    let action = Action::Example(Token::new(format!("curl --port {number}")).unwrap());
    Lesson::new(None, Op::Fix, trigger, action).unwrap()
}

fn words(words: &[&str]) -> Vec<Word> {
    words.iter().map(|word| Word::new(*word).unwrap()).collect()
}

fn taught(user: &str, start_seconds: u64, number: u64, topics: &[&str]) -> LessonContribution {
    LessonContribution {
        unit: secret().user(user),
        start_seconds,
        primary: lesson(number),
        topics: words(topics),
    }
}

/// Noise so small that counts come out as they are, for tests of everything but the noise.
fn quiet(threshold: u32) -> LessonsSpec {
    let bounds = Bounds::cells(3, 1);
    let mechanism = mechanism::gaussian(Unit::User, bounds, 50_000, threshold).unwrap();
    let spec = LessonsSpec::new(Hash::ZERO, mechanism, WINDOW, 4_096);
    LessonsSpec { topic_words: 2, max_keys: 100, ..spec }
}

fn entries(spec: &LessonsSpec, contributions: Vec<LessonContribution>) -> Vec<LessonEntry> {
    let contributions = Private::new(contributions);
    let made = release_lessons(spec, &contributions, &secret(), &mut SystemNoise).unwrap();
    assert_eq!(codec::encode(made.get()).len(), spec.padded_bytes as usize);
    let Payload::Lessons(lessons) = made.get().clone() else {
        panic!("not lessons");
    };
    lessons.entries
}

fn supporters(count: u64, number: u64) -> Vec<LessonContribution> {
    let one = |user| taught(&format!("{number}/{user}"), 1_500, number, &["report", "release"]);
    (0..count).map(one).collect()
}

#[test]
fn a_key_is_released_when_enough_units_support_it_and_not_below() {
    let spec = quiet(5);
    let mut contributions = supporters(5, 1);
    contributions.extend(supporters(4, 2));
    let released = entries(&spec, contributions);
    let (one, id) = (lesson(1), lesson(1).id());
    let expected: BTreeSet<LessonKey> = words(&["release", "report"])
        .into_iter()
        .map(|word| LessonKey::Topic { lesson: id, word })
        .chain([LessonKey::Primary(one)])
        .collect();
    assert_eq!(released.iter().map(|e| e.key.clone()).collect::<BTreeSet<_>>(), expected);
    assert!(released.iter().all(|entry| entry.support == 5));
    assert!(released.is_sorted_by(|a, b| a.key < b.key));
}

#[test]
fn one_user_counts_once_however_many_sessions_they_had() {
    let contributions = (0..50).map(|i| taught("ada", 1_000 + i, 1, &["report"])).collect();
    assert!(entries(&quiet(2), contributions).is_empty());
}

/// Sums of weights as they come out of a release with next to no noise, by the number of the lesson.
fn shared(l0: u16, contributions: Vec<LessonContribution>) -> Vec<(LessonId, i64)> {
    let mechanism = mechanism::gaussian(Unit::User, Bounds::shared(l0), 200_000, 10_001).unwrap();
    let found = entries(&LessonsSpec { mechanism, topic_words: 0, ..quiet(5) }, contributions);
    let id = |key: &LessonKey| match key {
        LessonKey::Primary(lesson) => lesson.id(),
        LessonKey::Topic { lesson, .. } => *lesson,
    };
    found.iter().map(|entry| (id(&entry.key), entry.support)).collect()
}

#[test]
fn every_lesson_of_a_unit_counts_and_they_share_one_weight() {
    // Twenty users: each knows lesson 1, and four more that all others know too.
    let all = |user: u64| (1..=4).map(move |n| taught(&user.to_string(), 1_500 + n, n, &[]));
    let four = shared(32, (0..20).flat_map(all).collect());
    assert_eq!(four.len(), 4);
    assert!(four.iter().all(|(_, support)| *support == 20 * 5_000), "{four:?}");
    let one = shared(32, (0..20).flat_map(|user| all(user).take(1)).collect());
    assert_eq!(one, vec![(lesson(1).id(), 20 * 10_000)]);
    // The same lesson in many sessions is one key.
    let again = |user: u64| (0..9).map(move |n| taught(&user.to_string(), 1_500 + n, 1, &[]));
    assert_eq!(shared(32, (0..20).flat_map(again).collect()), one);
}

#[test]
fn of_too_many_keys_a_unit_speaks_for_some_that_no_other_unit_decides() {
    let many = |user: &str| (0..9).map(|n| taught(user, 1_500 + n, n, &[])).collect::<Vec<_>>();
    let spec = LessonsSpec {
        mechanism: mechanism::gaussian(Unit::User, Bounds::shared(4), 200_000, 10_001).unwrap(),
        ..quiet(5)
    };
    let alone = lessons::bound(&spec, &many("ada"), &secret()).unwrap();
    assert_eq!(alone.values().map(BTreeSet::len).collect::<Vec<_>>(), vec![4]);
    let both = [many("ada"), many("bob")].concat();
    let both = lessons::bound(&spec, &both, &secret()).unwrap();
    let ada = secret().user("ada");
    assert!(both.get(&ada) == alone.get(&ada));
    assert!(both.get(&ada) != both.get(&secret().user("bob")), "the draw is keyed by the unit");
    // Lessons come before words.
    let worded = many("ada")
        .into_iter()
        .map(|one| LessonContribution { topics: words(&["report", "release"]), ..one });
    let worded = lessons::bound(&spec, &worded.collect::<Vec<_>>(), &secret()).unwrap();
    assert!(worded == alone);
}

#[test]
fn what_the_library_holds_takes_no_part_of_the_weight() {
    let known = BTreeSet::from([LessonKey::Primary(lesson(1))]);
    let mechanism = mechanism::gaussian(Unit::User, Bounds::shared(4), 200_000, 10_001).unwrap();
    let spec = LessonsSpec { mechanism, known, topic_words: 0, ..quiet(5) };
    let both = |user: u64| (1..=2).map(move |n| taught(&user.to_string(), 1_500, n, &[]));
    let found = entries(&spec, (0..9).flat_map(both).collect());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key, LessonKey::Primary(lesson(2)));
    assert_eq!(found[0].support, 9 * 10_000);
}

#[test]
fn the_window_is_half_open() {
    let at = |start: u64| -> Vec<_> {
        (0..9).map(|user| taught(&user.to_string(), start, 1, &[])).collect()
    };
    let spec = quiet(5);
    for (start, released) in [(999, 0), (1_000, 1), (1_999, 1), (2_000, 0)] {
        assert_eq!(entries(&spec, at(start)).len(), released, "start {start}");
    }
}

#[test]
fn of_too_many_keys_the_best_supported_stay_and_the_length_never_changes() {
    let contributions: Vec<_> = (0..40).flat_map(|n| supporters(5 + n, n)).collect();
    let few = LessonsSpec { max_keys: 6, ..quiet(5) };
    let released = entries(&few, contributions.clone());
    assert_eq!(released.len(), 6);
    assert!(released.iter().all(|entry| entry.support >= 43));
    for padded_bytes in [60, 300, 301, 302, 303, 304, 305, 306, 307, 308, 309, 310, 1_000] {
        let small = LessonsSpec { padded_bytes, ..quiet(5) };
        entries(&small, contributions.clone());
        entries(&small, Vec::new());
    }
}

#[test]
fn parameters_that_cannot_be_kept_are_refused() {
    let none = Private::new(Vec::new());
    let refused =
        |spec: LessonsSpec| release_lessons(&spec, &none, &secret(), &mut SystemNoise).is_err();
    assert!(refused(LessonsSpec { padded_bytes: 10, ..quiet(5) }));
    assert!(refused(LessonsSpec { padded_bytes: 70_000, ..quiet(5) }));
    let mut undercharged = quiet(5);
    undercharged.mechanism.rho_nano /= 2;
    assert!(refused(undercharged));
    let mut backwards = quiet(5);
    backwards.window.end_seconds = 0;
    assert!(refused(backwards));
    let session =
        LessonContribution { unit: secret().session("s"), ..taught("ada", 1_500, 1, &[]) };
    let wrong = Private::new(vec![session]);
    assert!(release_lessons(&quiet(5), &wrong, &secret(), &mut SystemNoise).is_err());
}

#[test]
fn simulated_releases_follow_their_seed() {
    let spec = LessonsSpec {
        mechanism: mechanism::gaussian(Unit::User, Bounds::cells(3, 1), 3_182_867, 19).unwrap(),
        ..quiet(5)
    };
    let contributions = Private::new(supporters(40, 1));
    let make = |seed: &[u8]| {
        let mut noise = SeededNoise::new(seed);
        release_lessons(&spec, &contributions, &secret(), &mut noise).unwrap().into_inner()
    };
    assert_eq!(make(b"a"), make(b"a"));
    assert_ne!(make(b"a"), make(b"b"));
}

/// The audit of the whole release path: how often a key with one supporter comes out, against the delta
/// that is charged. The control charges what the library would without the guard, and must be caught.
#[test]
fn a_lonely_key_comes_out_no_more_often_than_its_delta_says() {
    const ROUNDS: u64 = 8;
    const KEYS: u64 = 10_000;
    // One-sided normal quantile for confidence 1 - 1e-5.
    const Z: f64 = 4.265;
    let (scale_micros, threshold) = (2_000_000, 6);
    let spec = LessonsSpec {
        mechanism: mechanism::gaussian(Unit::User, Bounds::cells(1, 1), scale_micros, threshold)
            .unwrap(),
        max_keys: u32::MAX,
        padded_bytes: 60_000,
        ..quiet(5)
    };
    let lonely: Vec<_> = (0..KEYS).map(|n| taught(&n.to_string(), 1_500, n, &[])).collect();
    let released: usize = (0..ROUNDS).map(|_| entries(&spec, lonely.clone()).len()).sum();
    let trials = (ROUNDS * KEYS) as f64;
    let rate = released as f64 / trials;
    let certified = Z.mul_add(-(rate * (1.0 - rate) / trials).sqrt(), rate);
    let claimed = spec.mechanism.delta_e18 as f64 / 1e18;
    assert!(certified <= claimed, "claimed {claimed}, certified {certified}");
    let unguarded =
        mechanism::threshold_cost(Bounds::cells(1, 1), scale_micros, threshold + 1).unwrap();
    let control = unguarded.delta_e18 as f64 / 1e18;
    assert!(certified > control, "the audit has too few samples: {certified} of {control}");
}

fn item(number: u8) -> ItemId {
    if number.is_multiple_of(2) {
        ItemId::Lesson(LessonId([number; 32]))
    } else {
        ItemId::Revision(RevisionId([number; 32]))
    }
}

fn outcomes_spec(scale_micros: u64) -> OutcomesSpec {
    OutcomesSpec {
        release: Hash::ZERO,
        mechanism: mechanism::gaussian(Unit::User, Bounds::cells(3, 1), scale_micros, 0).unwrap(),
        window: WINDOW,
        items_root: Hash::ZERO,
        cells: (0..8).flat_map(|n| [(item(n), 0), (item(n), 1)]).collect(),
    }
}

fn used(user: &str, number: u8, context: u16, success: bool, start: u64) -> OutcomeContribution {
    OutcomeContribution {
        unit: secret().user(user),
        item: item(number),
        context,
        success,
        start_seconds: start,
    }
}

fn cells(spec: &OutcomesSpec, contributions: Vec<OutcomeContribution>) -> Vec<(i64, i64)> {
    let contributions = Private::new(contributions);
    let made = release_outcomes(spec, &contributions, &secret(), &mut SystemNoise).unwrap();
    let Payload::Outcomes(outcomes) = made.get() else {
        panic!("not outcomes");
    };
    let listed: BTreeSet<_> = outcomes.cells.iter().map(|c| (c.item, c.context)).collect();
    assert_eq!(listed, spec.cells, "every item of the list has its cell, used or not");
    assert!(outcomes.cells.is_sorted_by_key(|c| (c.item, c.context)));
    outcomes.cells.iter().map(|c| (c.successes, c.failures)).collect()
}

#[test]
fn outcomes_count_one_session_of_at_most_three_items_for_each_unit() {
    let all: Vec<_> =
        (0..8).flat_map(|n| (0..5).map(move |i| used("ada", n, 0, true, 1_000 + i))).collect();
    let counted = cells(&outcomes_spec(50_000), all);
    assert_eq!(counted.iter().map(|(s, f)| s + f).sum::<i64>(), 3);
    assert!(counted.iter().all(|(s, f)| s + f <= 1));
}

#[test]
fn outcomes_are_one_hot_and_ignore_what_is_not_listed() {
    let contributions = vec![
        used("ada", 1, 0, true, 1_000),
        used("bob", 1, 0, false, 1_999),
        used("eve", 1, 0, true, 2_000),
        used("eve", 1, 7, true, 1_500),
        used("eve", 200, 0, true, 1_500),
    ];
    let counted = cells(&outcomes_spec(50_000), contributions);
    let sum = counted.iter().fold((0, 0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1));
    assert_eq!(sum, (1, 1));
}

#[test]
fn noisy_outcomes_are_not_clamped_and_unbiased() {
    let spec = outcomes_spec(14_234_000);
    let noisy: Vec<i64> =
        (0..300).flat_map(|_| cells(&spec, Vec::new())).flat_map(|(s, f)| [s, f]).collect();
    assert!(noisy.iter().any(|count| *count < 0));
    let mean = noisy.iter().sum::<i64>() as f64 / noisy.len() as f64;
    // Five standard errors of a mean of 9,600 draws of sigma 14.2.
    assert!(mean.abs() < 5.0 * 14.234 / (noisy.len() as f64).sqrt(), "{mean}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// No coupling: without one user, and in any order, every other user contributes the same.
    #[test]
    fn removing_a_user_changes_no_other_users_lessons(
        sessions in proptest::collection::vec((0_u8..6, 900_u64..2_100, 0_u64..4), 0..60),
        removed in 0_u8..6,
    ) {
        let all: Vec<_> = sessions
            .iter()
            .map(|(user, start, n)| taught(&user.to_string(), *start, *n, &["report", "release", "different"]))
            .collect();
        let gone = secret().user(&removed.to_string());
        let mut without: Vec<_> = all.iter().filter(|c| c.unit != gone).cloned().collect();
        without.reverse();
        let mut before = lessons::bound(&quiet(5), &all, &secret()).unwrap();
        let after = lessons::bound(&quiet(5), &without, &secret()).unwrap();
        prop_assert!(before.values().all(|keys| keys.len() <= 3));
        before.remove(&gone);
        prop_assert!(before == after);
    }

    #[test]
    fn removing_a_user_changes_no_other_users_outcomes(
        sessions in proptest::collection::vec(
            (0_u8..6, 0_u8..9, 0_u16..3, any::<bool>(), 900_u64..2_100), 0..60),
        removed in 0_u8..6,
    ) {
        let all: Vec<_> = sessions
            .iter()
            .map(|(user, n, context, ok, start)| used(&user.to_string(), *n, *context, *ok, *start))
            .collect();
        let gone = secret().user(&removed.to_string());
        let mut without: Vec<_> = all.iter().filter(|c| c.unit != gone).cloned().collect();
        without.reverse();
        let spec = outcomes_spec(50_000);
        let mut before = outcomes::bound(&spec, &all, &secret()).unwrap();
        let after = outcomes::bound(&spec, &without, &secret()).unwrap();
        prop_assert!(before.values().all(|votes| votes.len() <= 3));
        before.remove(&gone);
        prop_assert!(before == after);
    }

    /// The true counts of neighbouring databases differ by what the mechanism declares, no more.
    #[test]
    fn one_user_moves_the_counts_by_the_declared_sensitivity(
        sessions in proptest::collection::vec((0_u8..4, 1_000_u64..2_000, 0_u64..4), 1..40),
    ) {
        let all: Vec<_> = sessions
            .iter()
            .map(|(user, start, n)| taught(&user.to_string(), *start, *n, &["report", "release", "different"]))
            .collect();
        let gone = all[0].unit;
        let without: Vec<_> = all.iter().filter(|c| c.unit != gone).cloned().collect();
        let count = |contributions: &[LessonContribution]| {
            let mut counts = std::collections::BTreeMap::<LessonKey, i64>::new();
            for key in lessons::bound(&quiet(5), contributions, &secret()).unwrap().into_values() {
                for key in key {
                    *counts.entry(key).or_default() += 1;
                }
            }
            counts
        };
        let (with, without) = (count(&all), count(&without));
        let changed: Vec<i64> = with
            .iter()
            .map(|(key, count)| count - without.get(key).copied().unwrap_or(0))
            .filter(|change| *change != 0)
            .collect();
        prop_assert!(without.keys().all(|key| with.contains_key(key)));
        prop_assert!(changed.len() <= 3 && changed.iter().all(|change| *change == 1));
    }
}
