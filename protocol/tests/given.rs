//! Outcomes of lessons apart by what sessions had been given.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::ids::BlobId;
use lore_protocol::ids::RevisionId;
use lore_protocol::payload::FileEntry;
use lore_protocol::payload::{ItemId, MAX_CELLS, Payload, Revision};
use world::{World, authored, pitfall, refold};

#[test]
fn what_a_lesson_is_worth_where_it_was_given_is_told_from_the_rest() {
    let mut world = World::with_members(2);
    let lesson = pitfall("git push", "-u");
    world.publish(1, &authored(lesson.clone()));
    world.checkpoint();
    let (all, given) = (ItemId::Lesson(lesson.id()), ItemId::Given(lesson.id()));
    let active = world.library().active_items(1);
    assert!(active.contains(&all) && active.contains(&given));
    for who in [1, 2] {
        // Of 400 sessions that tried the remedy 100 had been given it.
        world.outcomes(who, &[(all, 250, 150), (given, 90, 10)]);
    }
    world.checkpoint();
    let library = refold(&world.log);
    let effect = library.effect(world.log.charter(), lesson.id(), 0);
    let near = |estimate: Option<lore_protocol::library::Estimate>, rate: u64| {
        estimate.is_some_and(|one| one.rate_micros.abs_diff(rate) < 10_000)
    };
    assert!(near(effect.given, 900_000), "{effect:?}");
    assert!(near(effect.without, 533_333), "{effect:?}");
    let (with, without) = (effect.given.unwrap(), effect.without.unwrap());
    assert_eq!((with.sessions, without.sessions), (200, 600));
    // A difference has the noise of both.
    let counted = library.estimate(world.log.charter(), all, 0).unwrap();
    assert!(
        near(Some(counted), 625_000),
        "given sessions count for the lesson itself too: {counted:?}"
    );
}

#[test]
fn nobody_votes_on_what_was_given() {
    let mut world = World::with_members(2);
    let lesson = pitfall("git push", "-u");
    world.publish(1, &authored(lesson.clone()));
    world.checkpoint();
    let given = ItemId::Given(lesson.id());
    assert!(!world.library().ballot().contains(&given));
    world.votes(1, &[(given, 30)]);
    assert!(world.library().votes(given).is_none());
}

#[test]
fn what_outcomes_are_counted_for_fits_a_payload_in_every_number_of_contexts() {
    let mut world = World::with_limits(|limits| limits.deltas_per_epoch = u32::MAX);
    let lesson = pitfall("git push", "-u");
    world.publish(0, &authored(lesson.clone()));
    for n in 0..MAX_CELLS {
        let mut blob = [0; 32];
        blob[..8].copy_from_slice(&(n as u64).to_le_bytes());
        let files = vec![FileEntry {
            path: "SKILL.md".into(),
            executable: false,
            len: 10,
            blob: BlobId(blob),
        }];
        world.publish(
            0,
            &Payload::Revision(Revision {
                skill: None,
                name: format!("skill-{n}"),
                description: "How to do it.".into(),
                parents: Vec::new(),
                files,
            }),
        );
    }
    world.checkpoint();
    let library = world.library();
    for contexts in [1, 2, 64] {
        let items = library.active_items(contexts);
        assert!(items.len() * usize::from(contexts) <= MAX_CELLS && items.is_sorted());
        assert!(items.contains(&ItemId::Given(lesson.id())), "pitfalls come first");
        assert!(items.iter().any(|item| matches!(item, ItemId::Revision(RevisionId(_)))));
    }
}
