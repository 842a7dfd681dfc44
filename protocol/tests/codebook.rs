//! The codebook: public lessons that a charter names, on the ballot before anybody found them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use std::collections::BTreeSet;

use lore_protocol::ids::{FederationId, Hash};
use lore_protocol::lesson::{Lesson, LessonKey, skill_id};
use lore_protocol::library::Open;
use lore_protocol::log::{Fault, Ingest};
use lore_protocol::payload::{
    Codebook, FileEntry, ItemId, MAX_BALLOT, MAX_CODEBOOK, Payload, Revision, RevokeTarget,
};
use world::{World, authored, lesson, refold, shuffle};

fn entry(n: usize) -> Lesson {
    lesson("git push", &format!("git push --flag{n}"))
}

fn item(n: usize) -> ItemId {
    ItemId::Lesson(entry(n).id())
}

fn codebook() -> Codebook {
    Codebook::of((0..4).map(entry))
}

/// A federation whose charter names the codebook, which its founder published, and three members.
fn world() -> World {
    let mut world = World::with_terms(|terms| terms.codebook = Some(codebook().hash()));
    world.publish(0, &Payload::Codebook(codebook()));
    world.admit_and_seal(3);
    world
}

#[test]
fn only_the_codebook_that_the_charter_names_is_accepted_and_from_any_member() {
    let sent = |world: &World, who: usize, codebook: Codebook| {
        let delta = world.make(who, &Payload::Codebook(codebook), 0);
        world.log.clone().ingest(delta.sound().unwrap())
    };
    let other = Fault::Charter("it is not the codebook that the charter names");
    let named = world();
    assert!(matches!(sent(&named, 2, codebook()), Ingest::Accepted(_)));
    let longer = Codebook::of((0..5).map(entry));
    assert!(matches!(sent(&named, 0, longer), Ingest::Refused(fault) if fault == other));
    let without = World::with_members(1);
    assert!(matches!(sent(&without, 0, codebook()), Ingest::Refused(fault) if fault == other));
}

#[test]
fn a_codebook_is_sorted_bounded_and_names_no_skill() {
    assert!(Payload::Codebook(codebook()).check().is_ok());
    let mut unsorted = codebook();
    unsorted.lessons.reverse();
    assert!(Payload::Codebook(unsorted).check().is_err());
    let long = Codebook::of((0..=MAX_CODEBOOK).map(entry));
    assert!(Payload::Codebook(long).check().is_err());
    let one = entry(0);
    let of_a_skill = Lesson::new(
        Some(skill_id(FederationId(Hash::ZERO.0), &one)),
        one.op(),
        one.trigger().clone(),
        one.action().clone(),
    );
    assert!(Payload::Codebook(Codebook::of([of_a_skill.unwrap()])).check().is_err());
}

#[test]
fn candidates_are_voted_on_and_are_in_no_skill_and_no_discovery() {
    let mut world = world();
    let library = world.library();
    assert_eq!(library.ballot().len(), 4);
    assert!(library.skills.is_empty() && library.active_items(1).is_empty());
    assert!(library.keys().contains(&LessonKey::Primary(entry(0))), "a release looks for others");
    assert_eq!(library.lesson(entry(0).id()), Some(&entry(0)));
}

#[test]
fn votes_beyond_their_noise_make_a_candidate_a_lesson() {
    let mut world = world();
    // The noise of a member's votes has a deviation of 4, so that of three members has 6.9.
    for who in 1..=3 {
        world.votes(who, &[(item(0), 12), (item(1), 11)]);
    }
    let mut library = world.library();
    assert!(library.lessons.contains_key(&entry(0).id()) && library.lessons.len() == 1);
    assert!(!library.candidates.contains_key(&entry(0).id()) && library.candidates.len() == 3);
    let skill = skill_id(world.log.federation(), &entry(0));
    assert_eq!(library.lessons_of(skill).len(), 1);
    assert!(library.ballot().contains(&item(0)), "it is still voted on");
    // Votes of later releases add to those of earlier ones, of candidates too.
    world.checkpoint();
    for who in 1..=3 {
        world.votes(who, &[(item(1), 11)]);
    }
    library = world.library();
    assert!(library.lessons.contains_key(&entry(1).id()));
    assert_eq!(library.lessons[&entry(0).id()].total_support(), 0);
    // Nobody makes one again from the same codebook.
    world.publish(1, &Payload::Codebook(codebook()));
    assert_eq!(world.library().candidates.len(), 2);
}

#[test]
fn what_later_votes_of_the_epoch_take_back_was_never_elected() {
    let mut world = world();
    let mut open = Open::default();
    let mut followed = |world: &mut World| {
        world.fold.advance(&world.log);
        let library = open.follow(&world.fold, &world.log).clone();
        assert_eq!(library, world.library(), "as when all of it is folded at once");
        library
    };
    let before = followed(&mut world);
    world.votes(1, &[(item(0), 30)]);
    let elected = followed(&mut world);
    assert_eq!((elected.lessons.len(), elected.skills.len()), (1, 1));
    world.votes(2, &[(item(0), -30)]);
    let after = followed(&mut world);
    assert_eq!((after.lessons.len(), after.skills.len()), (0, 0));
    assert_eq!(after.candidates, before.candidates);
    // A lesson of the same skill keeps the skill, and a text takes the place of its base.
    world.publish(1, &authored(entry(1)));
    assert_eq!(followed(&mut world).skills.len(), 1);
    let skill = skill_id(world.log.federation(), &entry(1));
    let revision = Revision {
        skill: Some(skill),
        name: "git".into(),
        description: "Use git.".into(),
        parents: Vec::new(),
        files: vec![FileEntry {
            path: "SKILL.md".into(),
            executable: false,
            len: 1,
            blob: lore_protocol::skill::blob_id(b"a"),
        }],
    };
    world.publish(2, &Payload::Revision(revision));
    let library = followed(&mut world);
    let revisions = &library.skills[&skill].revisions;
    assert!(revisions.len() == 1 && revisions.values().all(|item| item.author.is_some()));
}

#[test]
fn one_member_elects_what_the_codebook_has_and_nothing_else_however_much_it_claims() {
    let mut world = world();
    let foreign = lesson("curl", "curl http://127.0.0.1:<port>");
    world.votes(1, &[(item(2), i64::MAX), (ItemId::Lesson(foreign.id()), i64::MAX)]);
    for who in 2..=3 {
        world.votes(who, &[(item(3), i64::MIN)]);
    }
    let library = world.library();
    let lessons: Vec<_> = library.lessons.keys().copied().collect();
    assert_eq!(lessons, [entry(2).id()]);
    assert_eq!(library.votes(item(2)).unwrap().voices, 1);
}

#[test]
fn what_somebody_found_is_a_lesson_and_no_candidate_whichever_comes_first() {
    let mut early = world();
    early.publish(1, &authored(entry(0)));
    assert_eq!(early.library().candidates.len(), 3);
    let mut late = World::with_terms(|terms| terms.codebook = Some(codebook().hash()));
    late.publish(0, &authored(entry(0)));
    late.checkpoint();
    late.publish(0, &Payload::Codebook(codebook()));
    let library = late.library();
    assert_eq!((library.candidates.len(), library.lessons.len()), (3, 1));
    assert_eq!(library.lessons[&entry(0).id()].authored.len(), 1);
}

#[test]
fn a_revoked_candidate_is_neither_voted_on_nor_elected() {
    let mut world = world();
    world.revoke(&[1, 2], RevokeTarget::Lesson(entry(0).id()));
    assert!(!world.library().ballot().contains(&item(0)));
    for who in 1..=3 {
        world.votes(who, &[(item(0), 100)]);
    }
    assert!(world.library().lessons.is_empty());
}

#[test]
fn a_long_codebook_leaves_places_to_lessons_and_to_every_program() {
    let mut world = world();
    let mut library = world.library();
    let of = |program: &str, n: usize| lesson(program, &format!("{program} --flag{n}"));
    for n in 0..300 {
        let candidate = of("cargo", n);
        library.candidates.insert(candidate.id(), candidate);
    }
    let alone = of("jq", 0);
    library.candidates.insert(alone.id(), alone.clone());
    let ballot: BTreeSet<ItemId> = library.ballot().into_iter().collect();
    assert_eq!(ballot.len(), MAX_BALLOT);
    assert!(ballot.contains(&ItemId::Lesson(alone.id())));
    assert!((0..4).all(|n| ballot.contains(&item(n))), "four of `git` before the rest of `cargo`");
}

#[test]
fn nodes_that_got_it_in_another_order_have_the_same_library() {
    let mut world = world();
    for who in 1..=3 {
        world.votes(who, &[(item(0), 30), (item(1), 2)]);
    }
    world.publish(3, &authored(entry(1)));
    world.checkpoint();
    let root = world.library().root();
    for seed in 0..20 {
        let mut order: Vec<usize> = (0..world.deltas.len()).collect();
        shuffle(&mut order, seed);
        let mut log = world.empty();
        for at in order {
            log.ingest(world.deltas[at].clone().sound().unwrap());
        }
        assert_eq!(refold(&log).root(), root);
    }
}
