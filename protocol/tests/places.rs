//! A skill has few places for lessons. What one member claims, in support, votes or topic words, takes
//! none from what several members found.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::ids::{LessonId, SkillId};
use lore_protocol::lesson::{Lesson, LessonKey, Word};
use lore_protocol::library::{MAX_PLACES_PER_VOICE, MAX_SHOWN};
use lore_protocol::payload::{ItemId, WEIGHT};
use proptest::prelude::*;
use world::{World, lesson};

/// A lesson for the one skill of these tests.
fn curl(n: usize) -> Lesson {
    lesson("curl", &format!("curl --flag{n} http://127.0.0.1:<port>/v1"))
}

/// Lessons with the support that is claimed for each.
fn claim(lessons: impl IntoIterator<Item = usize>, support: i64) -> Vec<(LessonKey, i64)> {
    lessons.into_iter().map(|n| (LessonKey::Primary(curl(n)), support)).collect()
}

/// The lessons that are shown, best first, by their number.
fn shown(world: &mut World) -> Vec<usize> {
    let library = world.library();
    let skill = skill(world);
    let of: std::collections::BTreeMap<LessonId, usize> =
        (0..100).map(|n| (curl(n).id(), n)).collect();
    library.lessons_of(skill).into_iter().take(MAX_SHOWN).map(|(id, _)| of[&id]).collect()
}

fn skill(world: &World) -> SkillId {
    lore_protocol::lesson::skill_id(world.log.federation(), &curl(0))
}

#[test]
fn a_claim_of_1000_does_not_push_out_what_others_found() {
    let mut world = World::with_members(4);
    world.lessons(1, &claim(0..12, 1_000));
    world.lessons(2, &claim([50, 51], 12));
    world.lessons(3, &claim([50, 52, 53, 54], 11));
    world.lessons(4, &claim([55], 10));
    let shown = shown(&mut world);
    assert_eq!(shown[0], 50, "two members found it: {shown:?}");
    let mut honest: Vec<usize> = shown.iter().copied().filter(|n| *n >= 50).collect();
    honest.sort_unstable();
    // Of member 3's three own lessons two have places while others compete; the last place goes to the
    // best supported of what is left.
    assert!(honest.len() >= 5 && honest.contains(&51) && honest.contains(&55), "{shown:?}");
    let claimed = shown.iter().take(7).filter(|n| **n < 50).count();
    assert_eq!(claimed, MAX_PLACES_PER_VOICE);
}

#[test]
fn nor_do_claims_of_keys_below_one_member() {
    let mut world = World::with_members(3);
    for key in [20, 21, 22, 23] {
        world.admit_by(1, key, 8, 100);
    }
    world.checkpoint();
    for liar in [1, 4, 5, 6, 7] {
        world.lessons(liar, &claim(0..12, 1_000));
    }
    world.lessons(2, &claim([50, 51], 12));
    world.lessons(3, &claim([50], 12));
    let library = world.library();
    let item = &library.lessons[&curl(0).id()];
    assert_eq!(item.support.len(), 5);
    assert_eq!(item.total_support(), 1_000 * i64::from(WEIGHT), "five keys claim no more than one");
    let shown = shown(&mut world);
    assert_eq!(shown[0], 50);
    assert!(shown[..4].contains(&51), "{shown:?}");
}

#[test]
fn a_voice_fills_the_places_that_nobody_else_wants() {
    let mut world = World::with_members(2);
    world.lessons(1, &claim(0..12, 20));
    assert_eq!(shown(&mut world).len(), MAX_SHOWN);
    world.lessons(2, &claim([50], 10));
    let shown = shown(&mut world);
    assert_eq!(shown.len(), MAX_SHOWN);
    assert_eq!(shown[MAX_PLACES_PER_VOICE], 50);
}

#[test]
fn one_members_votes_count_as_one_voice() {
    let mut world = World::with_members(4);
    world.lessons(1, &claim(0..10, 1_000));
    world.lessons(2, &claim([50, 51], 10));
    world.checkpoint();
    let vote = |n: usize| ItemId::Lesson(curl(n).id());
    let own: Vec<(ItemId, i64)> = (0..10).map(|n| (vote(n), 1_000_000)).collect();
    world.votes(1, &own);
    // Noise has a deviation of 4: 13 votes are sure, 12 are not.
    world.votes(3, &[(vote(50), 12), (vote(51), 13)]);
    let shown = shown(&mut world);
    assert_eq!(shown[0], 51, "found by one and voted for by another: {shown:?}");
    let library = world.library();
    let behind = |n: usize| library.voices_behind(curl(n).id(), &library.lessons[&curl(n).id()]);
    assert_eq!([behind(0).len(), behind(50).len(), behind(51).len()], [1, 1, 2]);
}

#[test]
fn topic_words_are_ordered_by_voices() {
    let mut world = World::with_members(3);
    let topic = |word: &str, support| {
        let word = Word::new(word).unwrap();
        (LessonKey::Topic { lesson: curl(0).id(), word }, support)
    };
    let with =
        |topics: &[(LessonKey, i64)], support| [claim([0], support), topics.to_vec()].concat();
    world.lessons(1, &with(&[topic("invoice", 1_000_000), topic("archive", 1_000_000)], 1_000));
    world.lessons(2, &with(&[topic("report", 10)], 10));
    world.lessons(3, &with(&[topic("report", 10)], 10));
    let library = world.library();
    let words: Vec<&str> = library.topics_of(curl(0).id()).into_iter().map(Word::as_str).collect();
    assert_eq!(words, ["report", "archive", "invoice"]);
    let most: i64 =
        library.topics[&curl(0).id()].values().flat_map(|by| by.values()).copied().max().unwrap();
    assert_eq!(most, 1_000 * i64::from(WEIGHT), "a claim is held at the charter's cap");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A lesson that two voices found is shown, whatever one voice claims.
    #[test]
    fn what_two_voices_found_is_shown(
        claimed in 0..12_usize, support in 10..i64::MAX, found in 1..=MAX_SHOWN, votes: i64,
    ) {
        let mut world = World::with_members(3);
        world.lessons(1, &claim(0..claimed, support));
        for who in [2, 3] {
            world.lessons(who, &claim(50..50 + found, 10));
        }
        world.checkpoint();
        let ballot = world.library().ballot();
        let own: Vec<(ItemId, i64)> = ballot.into_iter().map(|item| (item, votes)).collect();
        world.votes(1, &own);
        let shown = shown(&mut world);
        prop_assert!((50..50 + found).all(|n| shown.contains(&n)), "{:?}", shown);
    }
}
