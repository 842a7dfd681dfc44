//! A sponsor and everybody below it are one voice: a member gains nothing from the keys it vouches for,
//! wherever members are counted.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::ids::MemberId;
use lore_protocol::log::Log;
use lore_protocol::payload::{ItemId, Leave, Payload, Revision, RevokeTarget};
use proptest::prelude::*;
use world::{World, authored, lesson, refold, shuffle, sound};

const FOUNDER: usize = 0;
const ALICE: usize = 1;
const BOB: usize = 2;
/// An invitee of the founder who turns hostile.
const MALLORY: usize = 3;
/// Keys that Mallory holds and vouched for, one below the other.
const KEYS: [usize; 3] = [4, 5, 6];

/// A founder, its three invitees, and a chain of three keys below the last one. Two must revoke.
fn subtree() -> World {
    let mut world = World::with_members(3);
    for (sponsor, key) in [MALLORY, KEYS[0], KEYS[1]].into_iter().zip([10, 11, 12]) {
        world.admit_by(sponsor, key, 8, 100);
        world.checkpoint();
    }
    assert!(KEYS.into_iter().all(|key| world.is_on_roster(key)));
    world
}

fn member(world: &World, who: usize) -> RevokeTarget {
    RevokeTarget::Member(world.members[who])
}

#[test]
fn a_member_and_the_keys_below_it_evict_nobody() {
    let mut world = subtree();
    for victim in [ALICE, BOB] {
        let target = member(&world, victim);
        world.revoke(&[MALLORY, KEYS[0], KEYS[1], KEYS[2]], target);
    }
    world.checkpoint();
    assert!(world.is_on_roster(ALICE) && world.is_on_roster(BOB));
    let target = member(&world, BOB);
    world.revoke(&[ALICE], target);
    world.checkpoint();
    assert!(!world.is_on_roster(BOB), "with another voice they are two");
    assert!(world.is_on_roster(ALICE));
}

#[test]
fn members_with_different_sponsors_evict_together() {
    let mut world = subtree();
    let target = member(&world, MALLORY);
    world.revoke(&[ALICE, BOB], target);
    world.checkpoint();
    assert!(!world.is_on_roster(MALLORY), "two invitees of the founder are two voices");

    let mut world = World::with_members(3);
    for (sponsor, key) in [(ALICE, 10), (BOB, 11)] {
        world.admit_by(sponsor, key, 8, 100);
    }
    world.checkpoint();
    let target = member(&world, MALLORY);
    world.revoke(&[4, 5], target);
    world.checkpoint();
    assert!(!world.is_on_roster(MALLORY), "so are members that different invitees vouched for");
}

#[test]
fn a_founder_alone_is_one_voice_and_with_an_invitee_two() {
    let mut world = subtree();
    let target = member(&world, MALLORY);
    world.revoke(&[FOUNDER, FOUNDER], target);
    world.checkpoint();
    assert!(world.is_on_roster(MALLORY));
    world.revoke(&[ALICE], target);
    world.checkpoint();
    assert!(!world.is_on_roster(MALLORY));
    for key in KEYS {
        assert!(world.is_on_roster(key), "who was vouched for stays until it is revoked itself");
    }
}

#[test]
fn a_sponsor_that_goes_does_not_split_its_voice() {
    for leaves in [true, false] {
        let mut world = subtree();
        // The middle of the chain goes: what is above and below it stays one voice.
        if leaves {
            world.publish(KEYS[0], &Payload::Leave(Leave { reason: String::new() }));
        } else {
            let target = member(&world, KEYS[0]);
            world.revoke(&[ALICE, BOB], target);
        }
        world.checkpoint();
        assert!(!world.is_on_roster(KEYS[0]));
        let target = member(&world, ALICE);
        world.revoke(&[MALLORY, KEYS[1], KEYS[2]], target);
        world.checkpoint();
        assert!(world.is_on_roster(ALICE));
        // And one admitted afterwards, by what is left of the chain, joins the same voice.
        world.admit_by(KEYS[2], 13, 8, 100);
        world.checkpoint();
        world.revoke(&[7], target);
        world.checkpoint();
        assert!(world.is_on_roster(ALICE));
    }
}

#[test]
fn a_forked_sponsor_does_not_split_its_voice() {
    let mut world = subtree();
    let last = world.publish(MALLORY, &world::void());
    world.fork(MALLORY, last, &authored(lesson("curl", "curl -x")));
    world.checkpoint();
    assert!(!world.is_on_roster(MALLORY), "a fork excludes its author");
    let target = member(&world, ALICE);
    world.revoke(&KEYS, target);
    world.checkpoint();
    assert!(world.is_on_roster(ALICE));
}

#[test]
fn lessons_and_revisions_are_revoked_by_voices_too() {
    let mut world = subtree();
    let found = lesson("curl", "curl -s <arg>");
    world.publish(ALICE, &authored(found.clone()));
    let revision = Revision {
        skill: None,
        name: "good".into(),
        description: String::new(),
        parents: Vec::new(),
        files: Vec::new(),
    };
    let id = revision.id();
    world.publish(ALICE, &Payload::Revision(revision));
    world.checkpoint();
    let targets = [RevokeTarget::Lesson(found.id()), RevokeTarget::Revision(id)];
    for target in targets {
        world.revoke(&[MALLORY, KEYS[0], KEYS[1], KEYS[2]], target);
        assert!(!world.library().is_revoked(target));
        world.checkpoint();
        assert!(!world.library().is_revoked(target), "sealed or not");
        world.revoke(&[BOB], target);
        assert!(world.library().is_revoked(target));
    }
}

#[test]
fn evidence_votes_and_costs_of_a_voice_are_held_like_those_of_one_member() {
    let rate = |liars: &[usize], rest: &[usize]| {
        let mut world = subtree();
        world.publish(ALICE, &authored(lesson("curl", "curl -s <arg>")));
        world.checkpoint();
        let library = world.library();
        let item = library.active_items(1)[0];
        let vote = ItemId::Lesson(*library.lessons.keys().next().unwrap());
        for who in rest {
            world.outcomes(*who, &[(item, 160, 40)]);
            world.votes(*who, &[(vote, 30)]);
            world.costs(*who, &[(item, 50)]);
        }
        for who in liars {
            world.outcomes(*who, &[(item, 0, 1_000_000)]);
            world.votes(*who, &[(vote, 1_000_000)]);
            world.costs(*who, &[(item, 1_000_000)]);
        }
        let charter = world.log.charter().clone();
        let library = world.library();
        let cost = library.cost(&charter, item, 0, 0).unwrap();
        (library.estimate(&charter, item, 0).unwrap(), library.votes(vote).unwrap(), cost)
    };
    let honest = [FOUNDER, ALICE, BOB];
    let (one, votes, cost) = rate(&[MALLORY], &honest);
    let (four, more_votes, more_cost) = rate(&[MALLORY, KEYS[0], KEYS[1], KEYS[2]], &honest);
    assert_eq!((one.voices, four.voices), (4, 4));
    assert_eq!((votes.voices, more_votes.voices), (4, 4));
    let moved = one.rate_micros.abs_diff(four.rate_micros);
    assert!(moved < 5_000, "only the noise that it declares differs: {moved}");
    assert!(more_votes.votes_micros <= votes.votes_micros, "more declared noise weighs less");
    // Three times 100 of slack is all that four members' declared noise adds to one's.
    assert!(more_cost.sum <= cost.sum + 300, "{} {}", more_cost.sum, cost.sum);
}

/// Vouchers of each member, as places among the members before.
fn tree() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<prop::sample::Index>(), 1..10).prop_map(|picks| {
        picks.iter().enumerate().map(|(place, pick)| pick.index(place + 1)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// In any tree of vouches, in any order of arrival, a member is removed exactly when members below
    /// enough different invitees of the founder, or the founder itself, revoked it.
    #[test]
    fn a_quorum_is_of_voices(
        sponsors in tree(), pick: prop::sample::Index, revoking: u16, gone: u16, seed: u64,
    ) {
        let mut world = World::found();
        let mut voice = vec![0_usize];
        for (place, sponsor) in sponsors.iter().enumerate() {
            world.admit_by(*sponsor, 20 + u8::try_from(place).unwrap(), 50, 100);
            world.checkpoint();
            voice.push(if *sponsor == 0 { place + 1 } else { voice[*sponsor] });
        }
        let target = 1 + pick.index(sponsors.len());
        let among = |bits: u16, who: usize| who != target && bits >> who & 1 == 1;
        // Some leave before the others revoke: that changes nobody's voice.
        let leaving: Vec<usize> = (1..=sponsors.len()).filter(|who| among(gone, *who)).collect();
        for who in &leaving {
            world.publish(*who, &Payload::Leave(Leave { reason: String::new() }));
        }
        world.checkpoint();
        let revoking: Vec<usize> = (0..=sponsors.len())
            .filter(|who| among(revoking, *who) && !leaving.contains(who))
            .collect();
        let removes = member(&world, target);
        world.revoke(&revoking, removes);
        world.checkpoint();
        let mut voices: Vec<usize> = revoking.iter().map(|who| voice[*who]).collect();
        voices.sort_unstable();
        voices.dedup();
        prop_assert_eq!(world.is_on_roster(target), voices.len() < 2, "{:?}", voices);

        let mut order: Vec<usize> = (0..world.deltas.len()).collect();
        shuffle(&mut order, seed);
        let mut other: Log = world.empty();
        for at in order {
            let _ = other.ingest(sound(&world.deltas[at]));
        }
        prop_assert_eq!(other.tip().id, world.log.tip().id);
        prop_assert_eq!(&other.tip().voices, &world.log.tip().voices);
        prop_assert_eq!(refold(&other).root(), refold(&world.log).root());
        let named = other.tip().voices.of(world.members[target]);
        prop_assert_eq!(named, MemberId(world.members[voice[target]].0));
    }
}
