//! Quotas and vouches: a member that was silent saves nothing up, one invitee does not fill the roster, and a Vouch
//! that admitted nobody gives nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::delta::{Delta, Header, Spend};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{CheckpointId, InvitationId};
use lore_protocol::log::{Fault, Ingest, MAX_VOUCHES_PER_EPOCH};
use lore_protocol::payload::{LessonEntry, Lessons, Origin, Payload, Vouch};
use world::{World, lesson, refusal, sound, void};

fn vouch(join: &Delta, by: &SecretKey, expires_epoch: u32) -> Payload {
    let invitation = InvitationId::ZERO;
    let (join, key) = (join.header.id(), by.public_key());
    Payload::Vouch(Vouch { join, key, invitation, uses: u16::MAX, expires_epoch })
}

/// Anchors of the epochs since a member wrote last, oldest first.
fn anchors(world: &mut World, epochs: usize) -> Vec<(CheckpointId, u32)> {
    (0..epochs)
        .map(|_| {
            let anchor = (world.log.tip().id, world.log.open_epoch());
            world.checkpoint();
            anchor
        })
        .collect()
}

/// A delta of member 1 that claims an old anchor.
fn claiming(world: &World, payload: &Payload, (anchor, epoch): (CheckpointId, u32)) -> Delta {
    let member = world.members[1];
    let mut header: Header = world.log.draft(member, world.log.spend(member)).unwrap();
    (header.anchor, header.epoch) = (anchor, epoch);
    // Nothing is spent, in whatever period the epoch lies.
    header.spend = Spend { period: world.log.charter().period(epoch), ..Spend::default() };
    Delta::sign(header, payload, &world.keys[1])
}

#[test]
fn a_member_that_was_silent_for_many_epochs_vouches_no_more_than_any_other() {
    let mut world = World::with_members(1);
    let anchors = anchors(&mut world, 6);
    let mut accepted = 0;
    for (n, anchor) in (0..96_u8).zip(anchors.iter().flat_map(|anchor| [*anchor; 16])) {
        let (secret, join) = world.join(100 + n);
        let delta = claiming(&world, &vouch(&join, &secret, 100), anchor);
        if matches!(world.log.ingest(sound(&delta)), Ingest::Accepted(_)) {
            world.log.ingest(sound(&join));
            accepted += 1;
        }
    }
    assert_eq!(accepted, MAX_VOUCHES_PER_EPOCH, "96 vouches of six epochs at once");
}

#[test]
fn nor_does_it_write_more_deltas_or_lessons() {
    let mut world = World::with_limits(|limits| limits.deltas_per_epoch = 20);
    world.admit_and_seal(1);
    let anchors = anchors(&mut world, 6);
    let written = anchors.iter().flat_map(|anchor| [*anchor; 20]).filter(|anchor| {
        let delta = claiming(&world, &void(), *anchor);
        matches!(world.log.ingest(sound(&delta)), Ingest::Accepted(_))
    });
    assert_eq!(written.count(), 20);
    // The next checkpoint covers them, and a new quota begins.
    world.checkpoint();
    world.publish(1, &void());

    let mut world = World::with_limits(|limits| limits.lessons_per_epoch = 50);
    world.admit_and_seal(1);
    let payload = |n: usize| {
        let entry = |m: usize| LessonEntry {
            key: lore_protocol::lesson::LessonKey::Primary(lesson(
                "t",
                &format!("t {n:03} {m:03}"),
            )),
            support: 0,
        };
        let entries = (0..20).map(entry).collect();
        Payload::Lessons(Lessons {
            origin: Origin::Authored,
            window: None,
            entries,
            padding: vec![],
        })
    };
    world.publish(1, &payload(1));
    world.publish(1, &payload(2));
    let third = world.make(1, &payload(3), 0);
    let fault = Fault::Charter("too many lessons of one author between two checkpoints");
    assert_eq!(refusal(&mut world.log, &third), fault);
    world.checkpoint();
    world.publish(1, &payload(4));
}

#[test]
fn a_signer_that_used_up_its_quota_still_ends_the_epoch() {
    let mut world = World::with_limits(|limits| limits.deltas_per_epoch = 8);
    let open = world.log.open_epoch();
    while world.log.fault(&sound(&world.make(0, &void(), 0))).is_none() {
        world.publish(0, &void());
    }
    world.checkpoint();
    assert_eq!(world.log.open_epoch(), open + 1);
    world.publish(0, &void());
}

#[test]
fn one_invitee_of_a_founder_does_not_fill_the_roster_however_it_vouches() {
    let mut world = World::with_limits(|limits| {
        limits.members = 200;
        limits.members_per_voice = 16;
    });
    world.admit_and_seal(2);
    // In breadth and depth: everybody below member 1 vouches for more, epoch after epoch.
    let mut below = vec![1];
    let mut n = 10;
    for _ in 0..4 {
        for sponsor in below.clone() {
            for _ in 0..6 {
                if n == 250 || !world.is_on_roster(sponsor) {
                    continue;
                }
                world.admit_by(sponsor, n, u16::MAX, 100);
                below.push(world.members.len() - 1);
                n += 1;
            }
        }
        world.checkpoint();
        below.retain(|who| world.is_on_roster(*who));
    }
    assert_eq!(below.len(), 16, "member 1 among them");
    // Leaving makes no room: else one that leaves fills the places of former members.
    let leave = Payload::Leave(lore_protocol::payload::Leave { reason: String::new() });
    let last = *below.last().unwrap();
    world.publish(last, &leave);
    world.checkpoint();
    world.admit_by(1, n, u16::MAX, 100);
    world.checkpoint();
    assert!(!world.is_on_roster(world.members.len() - 1));
    // Another invitee has its own room, and the founder all that is left.
    world.admit_by(2, n + 1, u16::MAX, 100);
    world.checkpoint();
    assert!(world.is_on_roster(world.members.len() - 1));
    world.admit(n + 2, u16::MAX, 100);
    world.checkpoint();
    assert!(world.is_on_roster(world.members.len() - 1));
}

#[test]
fn a_vouch_that_has_expired_or_admitted_nobody_gives_nothing() {
    let mut world = World::with_members(1);
    let (late, join) = world.join(50);
    let expired = world.log.open_epoch() - 1;
    world.publish(1, &vouch(&join, &late, expired));
    world.push(join);
    assert!(!world.log.serves(&late.public_key()), "it expired before it was written");

    let (open, join) = world.join(51);
    world.publish(1, &vouch(&join, &open, 100));
    assert!(world.log.serves(&open.public_key()), "until the epoch ends");
    // Its Join never comes: the checkpoint that covers the Vouch admits nobody by it.
    world.checkpoint();
    assert!(!world.log.serves(&open.public_key()), "once, that gave sync for ever");
    assert!(world.log.vouched_keys().next().is_none());

    let (joined, join) = world.join(52);
    world.publish(1, &vouch(&join, &joined, 100));
    world.push(join);
    world.checkpoint();
    assert!(world.log.serves(&joined.public_key()), "a member");
    assert!(world.log.vouched_keys().next().is_none());
}
