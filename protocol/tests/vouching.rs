//! Where a charter wants several vouches, nobody enters by one member's word, and nobody is kept out by one that is silent.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::charter::{CharterError, Vouchers};
use lore_protocol::identity::Signer as _;
use lore_protocol::ids::{DeltaId, InvitationId};
use lore_protocol::payload::{Payload, Vouch};
use lore_protocol::voice::Voices;
use world::{World, charter, key, shuffle, sound};

const FOUNDER: usize = 0;
const ALICE: usize = 1;
const BOB: usize = 2;
/// An invitee of the founder who turns hostile.
const MALLORY: usize = 3;

/// A founder and three invitees, where two voices must vouch.
fn of_four() -> World {
    let mut world = World::with_limits(|limits| limits.vouches = Some(2));
    assert_eq!(world.log.vouches_needed(), 1, "the founder is alone");
    world.admit_and_seal(3);
    assert_eq!(world.log.vouches_needed(), 2);
    world
}

/// A Vouch of `who` for the Join of `joiner`, with another invitation than the Join names.
fn agree(world: &mut World, who: usize, joiner: usize) {
    vouch(world, who, joiner, InvitationId([(16 * joiner + who) as u8; 32]), 1);
}

fn vouch(world: &mut World, who: usize, joiner: usize, invitation: InvitationId, uses: u16) {
    let vouch = Vouch {
        join: DeltaId(world.members[joiner].0),
        key: world.keys[joiner].public_key(),
        invitation,
        uses,
        expires_epoch: 100,
    };
    world.publish(who, &Payload::Vouch(vouch));
}

fn serves(world: &World, who: usize) -> bool {
    let key = world.keys[who].public_key();
    let listed = world.log.vouched_keys().any(|vouched| vouched == key);
    assert_eq!(listed, world.log.serves(&key) && !world.is_on_roster(who));
    world.log.serves(&key)
}

#[test]
fn one_voice_lets_nobody_in_and_its_guest_is_not_served() {
    let mut world = of_four();
    world.admit_by(MALLORY, 10, 8, 100);
    assert!(!serves(&world, 4), "one has vouched, and two must");
    world.checkpoint();
    assert!(!world.is_on_roster(4) && !serves(&world, 4));
    // In a later epoch the word of the one before is not remembered.
    agree(&mut world, ALICE, 4);
    assert!(!serves(&world, 4));
    world.checkpoint();
    assert!(!world.is_on_roster(4));
}

#[test]
fn two_voices_let_in_and_the_one_who_invited_answers() {
    let mut world = of_four();
    world.admit_by(MALLORY, 10, 8, 100);
    agree(&mut world, FOUNDER, 4);
    assert!(serves(&world, 4), "it can read the log before the checkpoint");
    assert!(world.log.asking().all(|one| one.enough && one.vouchers.len() == 2));
    world.checkpoint();
    assert!(world.is_on_roster(4));
    let tip = world.log.tip();
    assert_eq!(tip.roster[&world.members[4]].sponsor, world.members[MALLORY]);
    let same = [4, MALLORY].map(|who| tip.voices.of(world.members[who]));
    assert_eq!(same[0], same[1], "the founder's consent makes no new voice");
}

#[test]
fn keys_of_one_voice_are_one_however_many_vouch() {
    let mut world = of_four();
    // Two keys of Mallory's come in with an honest member's consent.
    for (place, n) in [(4, 10), (5, 11)] {
        world.admit_by(MALLORY, n, 8, 100);
        agree(&mut world, ALICE, place);
    }
    world.checkpoint();
    assert!(world.is_on_roster(4) && world.is_on_roster(5));
    world.admit_by(MALLORY, 12, 8, 100);
    for who in [4, 5, MALLORY] {
        agree(&mut world, who, 6);
    }
    assert!(!serves(&world, 6));
    world.checkpoint();
    assert!(!world.is_on_roster(6));
}

#[test]
fn nobody_enters_by_consent_alone() {
    let mut world = of_four();
    world.admit_by(MALLORY, 10, 8, 100);
    world.checkpoint();
    // None of these names the invitation of the Join: there is nobody who answers for it.
    agree(&mut world, ALICE, 4);
    agree(&mut world, BOB, 4);
    let asking: Vec<_> = world.log.asking().map(|one| (one.voices, one.enough)).collect();
    assert_eq!((asking, serves(&world, 4)), (vec![(2, false)], false));
    world.checkpoint();
    assert!(!world.is_on_roster(4));
}

#[test]
fn one_may_vouch_again_in_the_next_epoch_and_uses_the_invitation_once() {
    let mut world = of_four();
    world.admit_by(BOB, 10, 1, 100);
    world.checkpoint();
    assert!(!world.is_on_roster(4));
    vouch(&mut world, BOB, 4, InvitationId::ZERO, 1);
    agree(&mut world, ALICE, 4);
    world.checkpoint();
    assert!(world.is_on_roster(4));
    // For another Join it is used up.
    world.admit_by(BOB, 11, 1, 100);
    agree(&mut world, ALICE, 5);
    world.checkpoint();
    assert!(!world.is_on_roster(5));
}

#[test]
fn a_voice_that_is_lost_does_not_shut_the_door() {
    let mut world = World::with_limits(|limits| limits.vouches = Some(8));
    for others in 1..=9 {
        world.admit(others + 1, 100, 100);
        for who in 1..usize::from(others).saturating_sub(1) {
            agree(&mut world, who, usize::from(others));
        }
        // One of those that are there never says a word: the newest.
        world.checkpoint();
        assert!(world.is_on_roster(usize::from(others)), "{others}");
    }
    assert_eq!(world.log.vouches_needed(), 8, "ten voices, and never more than the charter says");
}

#[test]
fn the_order_in_which_vouches_come_decides_nothing() {
    let mut world = of_four();
    for (sponsor, n, place) in [(MALLORY, 10, 4), (BOB, 11, 5), (ALICE, 12, 6)] {
        world.admit_by(sponsor, n, 8, 100);
        if place != 6 {
            agree(&mut world, FOUNDER, place);
        }
    }
    agree(&mut world, BOB, 4);
    world.checkpoint();
    let of = |voices: &Voices| world.members.iter().map(|one| voices.of(*one)).collect::<Vec<_>>();
    for seed in 0..20 {
        let mut order: Vec<usize> = (0..world.deltas.len()).collect();
        shuffle(&mut order, seed);
        let mut log = world.empty();
        for place in order {
            drop(log.ingest(sound(&world.deltas[place])));
        }
        assert_eq!(log.tip().id, world.log.tip().id);
        assert_eq!(of(&log.tip().voices), of(&world.log.tip().voices));
    }
    assert_eq!(world.log.tip().roster.len(), 6);
}

#[test]
fn a_charter_says_how_many_must_vouch_or_nothing() {
    let founder = key(1);
    for (vouchers, vouches, holds) in [
        (Vouchers::Members, None, true),
        (Vouchers::Members, Some(1), false),
        (Vouchers::Members, Some(2), true),
        (Vouchers::Members, Some(8), true),
        (Vouchers::Members, Some(9), false),
        (Vouchers::Founders, None, true),
        (Vouchers::Founders, Some(2), false),
    ] {
        let mut terms = charter(&founder);
        (terms.vouchers, terms.limits.vouches) = (vouchers, vouches);
        match terms.sign(&founder) {
            Ok(signed) => {
                assert!(holds && signed.text.contains("\nvouches = ") == vouches.is_some())
            }
            Err(error) => assert!(!holds && matches!(error, CharterError::Invalid(_)), "{error}"),
        }
    }
}
