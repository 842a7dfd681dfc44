//! The law of the log and the fold: any order, duplication and split of one set of deltas gives one
//! library.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::ids::{DeltaId, SkillId};
use lore_protocol::library::{Fold, Open};
use lore_protocol::log::Log;
use lore_protocol::payload::{
    Codebook, FileEntry, ItemId, Leave, Payload, Revision, Revoke, RevokeTarget,
};
use lore_protocol::sync;
use proptest::prelude::*;
use world::{World, authored, lesson, pitfall, pull, refold, shuffle, sound};

#[derive(Debug, Clone)]
enum Act {
    Lesson { who: usize, tool: u8, command: u8 },
    Outcomes { who: usize, successes: i64, failures: i64 },
    Votes { who: usize, votes: i64 },
    Revision { who: usize, skill: usize, text: u8 },
    Codebook { who: usize },
    Revoke { who: usize, lesson: u8 },
    RevokeRevision { who: usize, skill: usize },
    RevokeMember { who: usize, target: usize },
    Leave { who: usize },
    Fork { who: usize, back: usize },
    Depend { who: usize, on: usize },
    Rival { claim: u8 },
    Admit,
    Checkpoint,
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..4_usize;
    prop_oneof![
        4 => (who.clone(), 0..3_u8, 0..4_u8)
            .prop_map(|(who, tool, command)| Act::Lesson { who, tool, command }),
        3 => (who.clone(), -5..40_i64, -5..40_i64)
            .prop_map(|(who, successes, failures)| Act::Outcomes { who, successes, failures }),
        3 => (who.clone(), -9..40_i64).prop_map(|(who, votes)| Act::Votes { who, votes }),
        2 => (who.clone(), 0..4_usize, 0..3_u8)
            .prop_map(|(who, skill, text)| Act::Revision { who, skill, text }),
        1 => who.clone().prop_map(|who| Act::Codebook { who }),
        1 => (who.clone(), 0..4_u8).prop_map(|(who, lesson)| Act::Revoke { who, lesson }),
        1 => (who.clone(), 0..4_usize)
            .prop_map(|(who, skill)| Act::RevokeRevision { who, skill }),
        1 => (who.clone(), 1..4_usize).prop_map(|(who, target)| Act::RevokeMember { who, target }),
        1 => (1..4_usize).prop_map(|who| Act::Leave { who }),
        1 => (1..4_usize, 0..3_usize).prop_map(|(who, back)| Act::Fork { who, back }),
        1 => (1..4_usize, 0..4_usize).prop_map(|(who, on)| Act::Depend { who, on }),
        1 => any::<u8>().prop_map(|claim| Act::Rival { claim }),
        1 => Just(Act::Admit),
        3 => Just(Act::Checkpoint),
    ]
}

fn some_lesson(tool: u8, command: u8) -> lore_protocol::lesson::Lesson {
    if tool == 1 {
        return pitfall("tool1", &format!("--flag{command}"));
    }
    lesson(&format!("tool{tool}"), &format!("tool{tool} --flag{command} <arg>"))
}

/// Lessons that others may find too.
fn codebook() -> Codebook {
    Codebook::of((0..4).map(|command| some_lesson(1, command)))
}

/// Plays the acts that are possible when they come.
fn play(acts: &[Act]) -> World {
    let mut world = World::with_terms(|terms| terms.codebook = Some(codebook().hash()));
    world.admit_and_seal(3);
    let mut joined = 10;
    let mut released = std::collections::BTreeSet::new();
    let mut voted = std::collections::BTreeSet::new();
    for act in acts {
        let able = |who: usize| {
            let spend = world.log.spend(world.members[who]);
            world.log.draft(world.members[who], spend).is_ok()
        };
        match *act {
            Act::Lesson { who, tool, command } if able(who) => {
                world.publish(who, &authored(some_lesson(tool, command)));
            }
            Act::Outcomes { who, successes, failures } if able(who) => {
                let items = world.library().active_items(1);
                let epoch = world.log.open_epoch();
                let spent = world.log.spend(world.members[who]).rho_nano;
                let cap = world.log.charter().privacy.rho_nano;
                if spent + world::RHO_NANO <= cap && released.insert((who, epoch)) {
                    let cells: Vec<(ItemId, i64, i64)> =
                        items.into_iter().map(|item| (item, successes, failures)).collect();
                    world.outcomes(who, &cells);
                }
            }
            Act::Votes { who, votes } if able(who) => {
                let epoch = world.log.open_epoch();
                let spent = world.log.spend(world.members[who]).rho_nano;
                let cap = world.log.charter().privacy.rho_nano;
                let cost = world::VOTE_RHO_NANO + world::COST_RHO_NANO;
                if spent + cost <= cap && voted.insert((who, epoch)) {
                    let ballot = world.fold.sealed().ballot().into_iter();
                    let votes: Vec<(ItemId, i64)> = ballot.zip(votes..).collect();
                    world.votes(who, &votes);
                    world.costs(who, &votes);
                }
            }
            Act::Revision { who, skill, text } if able(who) => {
                let library = world.library();
                let onto = library.skills.iter().nth(skill);
                let parents = onto.map(|(_, skill)| skill.revisions.keys().take(1).copied());
                let revision = Revision {
                    skill: onto.map(|(id, _)| *id),
                    parents: parents.into_iter().flatten().collect(),
                    ..text_of(&format!("text {text}"))
                };
                world.publish(who, &Payload::Revision(revision));
            }
            Act::Codebook { who } if able(who) => {
                world.publish(who, &Payload::Codebook(codebook()));
            }
            Act::RevokeRevision { who, skill } if able(who) => {
                let library = world.library();
                let revisions = library.skills.values().nth(skill).map(|skill| &skill.revisions);
                if let Some(id) = revisions.and_then(|revisions| revisions.keys().next()) {
                    let target = RevokeTarget::Revision(*id);
                    world.publish(who, &Payload::Revoke(Revoke { target, reason: String::new() }));
                }
            }
            Act::Revoke { who, lesson } if able(who) => {
                let target = RevokeTarget::Lesson(some_lesson(0, lesson).id());
                world.publish(who, &Payload::Revoke(Revoke { target, reason: String::new() }));
            }
            Act::RevokeMember { who, target } if able(who) => {
                let target = RevokeTarget::Member(world.members[target]);
                world.publish(who, &Payload::Revoke(Revoke { target, reason: String::new() }));
            }
            Act::Leave { who } if able(who) => {
                world.publish(who, &Payload::Leave(Leave { reason: String::new() }));
            }
            Act::Fork { who, back } if able(who) => {
                let mut id = world.log.head(world.members[who]).unwrap().1;
                for _ in 0..back {
                    let header = world.log.get(&id).unwrap().header();
                    if header.seq <= 1 {
                        break;
                    }
                    id = header.prev.unwrap();
                }
                if world.log.get(&id).unwrap().header().seq > 0 {
                    world.fork(who, id, &authored(some_lesson(9, 9)));
                }
            }
            Act::Depend { who, on } if able(who) => {
                let (height, dep) = world.log.head(world.members[on]).unwrap();
                if height == 0 {
                    continue;
                }
                world.publish_on(who, dep, &authored(some_lesson(3, who as u8)));
            }
            Act::Rival { claim } => world.rival(claim),
            Act::Admit if able(0) => {
                world.admit(joined, 5, 6);
                joined += 1;
            }
            Act::Checkpoint if able(0) => {
                world.checkpoint();
            }
            _ => {}
        }
    }
    world
}

fn feed(log: &mut Log, world: &World, order: &[usize]) {
    for &at in order {
        let _ = log.ingest(sound(&world.deltas[at % world.deltas.len()]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_order_and_duplication_gives_the_same_root(
        acts in prop::collection::vec(act(), 1..40),
        seed in any::<u64>(),
    ) {
        let mut world = play(&acts);
        let root = world.library().root();
        let mut order: Vec<usize> = (0..world.deltas.len()).collect();
        order.extend((0..world.deltas.len()).filter(|n| n % 3 == 0));
        shuffle(&mut order, seed);
        let mut log = world.empty();
        let (mut fold, mut open) = (Fold::default(), Open::default());
        for at in &order {
            feed(&mut log, &world, &[*at]);
            fold.advance(&log);
            let (whole, one_by_one) = (fold.library(&log), open.follow(&fold, &log));
            prop_assert_eq!(one_by_one, &whole);
            prop_assert_eq!(one_by_one.root(), whole.root());
        }
        // What a fork excludes is not kept, and comes back once a checkpoint or a dep turns out to rest
        // on it: one round with anybody who has it. Without a fork the set alone decides.
        if world.forked {
            let (_, asks) = pull(&mut log, &world.log);
            prop_assert!(asks <= 3 + 3 * world.log.tip().epoch() as usize, "{} asks", asks);
        }
        prop_assert_eq!(log.digest(), world.log.digest());
        prop_assert_eq!(log.tip().id, world.log.tip().id);
        prop_assert_eq!(refold(&log).root(), root);
        prop_assert_eq!(refold(&world.log).root(), root, "incremental and fresh folds agree");
    }

    #[test]
    fn two_halves_that_sync_agree(
        acts in prop::collection::vec(act(), 1..40),
        seed in any::<u64>(),
    ) {
        let mut world = play(&acts);
        let root = world.library().root();
        let mut order: Vec<usize> = (0..world.deltas.len()).collect();
        shuffle(&mut order, seed);
        let (left, right) = order.split_at(order.len() / 2);
        let (mut a, mut b) = (world.empty(), world.empty());
        feed(&mut a, &world, left);
        feed(&mut b, &world, right);
        prop_assert_eq!(a.digest() == b.digest(), a.frontiers() == b.frontiers());
        // What waits for an epoch to end is on offer only afterwards, so that every epoch may take a
        // pull in each direction.
        for _ in 0..=world.log.open_epoch() {
            pull(&mut a, &b);
            pull(&mut b, &a);
        }
        prop_assert_eq!(a.digest(), b.digest());
        prop_assert_eq!(refold(&a).root(), refold(&b).root());
        // A half may have dropped what a fork excludes before it saw the checkpoint that covers it;
        // whoever sealed that checkpoint has it.
        pull(&mut a, &world.log);
        pull(&mut b, &a);
        prop_assert_eq!(a.digest(), world.log.digest());
        prop_assert_eq!(refold(&a).root(), root);
        prop_assert_eq!(refold(&b).root(), root);
    }

    #[test]
    fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = lore_protocol::delta::Delta::parse(&bytes);
        let _ = sync::Ask::parse(&bytes);
        let _ = lore_protocol::codec::decode::<sync::Answer>(&bytes);
        let _ = lore_protocol::codec::decode::<lore_protocol::payload::Payload>(&bytes);
    }
}

#[test]
fn a_hostile_length_prefix_is_refused_without_allocating() {
    // A list of 2^62 elements, of which none follow.
    let mut bytes = vec![0xfd];
    bytes.extend(&(1_u64 << 62).to_le_bytes());
    assert!(lore_protocol::codec::decode::<Vec<DeltaId>>(&bytes).is_err());
    assert!(lore_protocol::codec::decode::<Vec<u8>>(&bytes).is_err());
    assert!(lore_protocol::codec::decode::<String>(&bytes).is_err());
}

#[test]
fn a_value_has_one_encoding() {
    let encoded = lore_protocol::codec::encode(&5_u64);
    assert_eq!(encoded, [5]);
    let long_form = [0xfb, 5, 0];
    assert!(lore_protocol::codec::decode::<u64>(&long_form).is_err());
    assert!(lore_protocol::codec::decode::<u64>(&[5, 0]).is_err());
}

#[test]
fn rivals_are_settled_by_evidence() {
    let mut world = World::with_members(3);
    let first = revision(&mut world, "one", vec![]);
    world.checkpoint();
    let second = revision(&mut world, "two", vec![first]);
    world.checkpoint();
    let skill = SkillId(first.0);
    assert_eq!(world.library().skills[&skill].heads[&0], first);
    for who in 1..4 {
        let (old, new) = (ItemId::Revision(first), ItemId::Revision(second));
        world.outcomes(who, &[(old, 20, 40), (new, 55, 5)]);
    }
    assert_eq!(world.library().skills[&skill].heads[&0], second);
}

/// The first revision of a skill with this text.
fn text_of(text: &str) -> Revision {
    let blob = lore_protocol::skill::blob_id(text.as_bytes());
    let len = text.len() as u64;
    let files = vec![FileEntry { path: "SKILL.md".into(), executable: false, len, blob }];
    let (name, description) = ("some-skill".into(), text.into());
    Revision { skill: None, name, description, parents: Vec::new(), files }
}

fn revision(
    world: &mut World,
    text: &str,
    parents: Vec<lore_protocol::ids::RevisionId>,
) -> lore_protocol::ids::RevisionId {
    let skill = parents.first().map(|first| SkillId(first.0));
    let revision = Revision { skill, parents, ..text_of(text) };
    let id = revision.id();
    world.publish(1, &Payload::Revision(revision));
    id
}
