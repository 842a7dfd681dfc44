//! Bounds on what an equivocator makes a log keep, fetch or miss: two deltas a height, and nothing else that
//! nobody rests on.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::delta::{Delta, Header};
use lore_protocol::identity::Signer;
use lore_protocol::ids::{Hash, InvitationId};
use lore_protocol::lesson::LessonKey;
use lore_protocol::log::{Fault, Ingest, Log, MAX_WAITING_PER_AUTHOR, Missing};
use lore_protocol::payload::{LessonEntry, Payload, Vouch};
use lore_protocol::sync::{Done, MAX_ANSWER_BYTES};
use world::{World, authored, bent, lesson, pull, sound};

/// A delta of member 1, on top of another, at the open epoch of the world.
fn on_top(world: &World, prev: &Header, payload: &Payload) -> Delta {
    let mut header = bent(world, 1, payload, |_| {}).header;
    (header.seq, header.prev) = (prev.seq + 1, Some(prev.id()));
    header.depth = prev.depth + 1;
    Delta::sign(header, payload, &world.keys[1])
}

fn numbered(number: usize) -> Payload {
    authored(lesson("tool", &format!("tool --number {number}")))
}

#[test]
fn an_equivocator_cannot_grow_a_log() {
    let mut world = World::with_members(1);
    let member = world.log.head(world.members[1]).unwrap().1;
    let first = world.log.get(&member).unwrap().header().clone();
    // The branches are signed while the author can still draft, and shown child first, so that every
    // child asks for the parent that the fork excludes.
    let pairs: Vec<[Delta; 2]> = (0..50)
        .map(|n| {
            let parent = on_top(&world, &first, &numbered(n));
            let child = on_top(&world, &parent.header, &numbered(n));
            [child, parent]
        })
        .collect();
    for delta in pairs[..2].iter().flatten() {
        let _ = world.log.ingest(sound(delta));
    }
    assert_eq!(world.log.forks().get(&world.members[1]), Some(&1));
    let (len, waiting) = (world.log.len(), world.log.waiting());
    for delta in pairs[2..].iter().flatten() {
        assert_eq!(world.log.ingest(sound(delta)), Ingest::Refused(Fault::Forked));
    }
    assert_eq!((world.log.len(), world.log.waiting()), (len, waiting));
}

/// A log that holds the world's first epoch and knows member 1's fork at height 1.
fn poisoned(world: &World, twins: &[Delta; 2]) -> Log {
    let mut log = world.empty();
    for delta in world.deltas.iter().filter(|delta| delta.header.epoch == 1) {
        let _ = log.ingest(sound(delta));
    }
    for twin in twins {
        assert!(matches!(log.ingest(sound(twin)), Ingest::Accepted(_)));
    }
    log
}

#[test]
fn a_covered_branch_comes_back_whatever_its_author_fills() {
    let mut world = World::with_limits(|limits| limits.deltas_per_epoch = 10_000);
    world.admit(2, 8, 100);
    world.checkpoint();
    let join = world.log.head(world.members[1]).unwrap().1;
    let join = world.log.get(&join).unwrap().header().clone();
    let twin = on_top(&world, &join, &numbered(9_999));
    let junk: Vec<Delta> = (0..MAX_WAITING_PER_AUTHOR)
        .map(|n| {
            let nowhere = Header { payload_hash: Hash([n as u8; 32]), ..join.clone() };
            on_top(&world, &nowhere, &numbered(n))
        })
        .collect();
    let count = 2 * MAX_WAITING_PER_AUTHOR + 500;
    for n in 0..count {
        world.publish(1, &numbered(n));
    }
    world.checkpoint();
    let first = world.deltas.iter().find(|d| d.header.author == world.members[1]).unwrap().clone();
    let twins = [first, twin];
    let mut log = poisoned(&world, &twins);
    let mut filled = world.empty();
    for delta in world.deltas.iter().filter(|delta| delta.header.epoch == 1).chain(&junk) {
        let _ = filled.ingest(sound(delta));
    }
    let _ = world.log.ingest(sound(&twins[1]));
    assert_eq!(filled.waiting().0, MAX_WAITING_PER_AUTHOR, "no place is left");
    for twin in &twins {
        let _ = filled.ingest(sound(twin));
    }
    for log in [&mut log, &mut filled] {
        assert_eq!(log.tip().epoch(), 1);
        let (done, asks) = pull(log, &world.log);
        assert_eq!(done, Done::InSync);
        assert!(asks < 40, "{asks} requests for {count} deltas");
        assert_eq!(log.tip().id, world.log.tip().id);
        assert_eq!(log.head(world.members[1]), world.log.head(world.members[1]));
    }
}

#[test]
fn what_a_fork_excludes_does_not_crowd_out_the_rest() {
    let mut world = World::with_members(2);
    let join = world.log.head(world.members[1]).unwrap().1;
    let join = world.log.get(&join).unwrap().header().clone();
    let twin = on_top(&world, &join, &numbered(9_999));
    let long: Vec<_> =
        (0..250).map(|n| lesson("tool", &format!("tool {n} {}", "x".repeat(90)))).collect();
    let mut large = authored(long[0].clone());
    if let Payload::Lessons(lessons) = &mut large {
        lessons.entries = long
            .iter()
            .map(|l| LessonEntry { key: LessonKey::Primary(l.clone()), support: 0 })
            .collect();
        lessons.entries.sort_by(|a, b| a.key.cmp(&b.key));
    }
    for _ in 0..40 {
        world.publish(1, &large);
    }
    world.publish(2, &numbered(1));
    let bytes: usize = world.deltas.iter().map(|delta| delta.to_bytes().len()).sum();
    assert!(bytes > MAX_ANSWER_BYTES, "more than one answer holds: {bytes}");
    world.checkpoint();
    world.publish(2, &numbered(2));
    let first = world.deltas.iter().find(|d| d.header.author == world.members[1]).unwrap().clone();
    let mut log = poisoned(&world, &[first, twin]);
    pull(&mut log, &world.log);
    assert_eq!(log.tip().id, world.log.tip().id);
    assert_eq!(log.head(world.members[2]), world.log.head(world.members[2]));
}

#[test]
fn nothing_rests_on_a_join() {
    let mut world = World::with_members(1);
    let (secret, join) = world.join(50);
    let id = join.header.id();
    let vouch = Vouch {
        join: id,
        key: secret.public_key(),
        invitation: InvitationId([2; 32]),
        uses: 1,
        expires_epoch: 9,
    };
    let dependent = bent(&world, 1, &numbered(1), |header| header.deps = vec![id]);
    let fault = Fault::Header("a Join cannot be a dep");
    for vouched in [false, true] {
        let mut log = world.log.clone();
        if vouched {
            let delta = world.make(0, &Payload::Vouch(vouch.clone()), 0);
            let _ = log.ingest(sound(&delta));
        }
        let _ = log.ingest(sound(&join));
        assert_eq!(log.get(&id).is_some(), vouched);
        assert_eq!(log.ingest(sound(&dependent)), Ingest::Refused(fault));
    }
    assert_eq!(world.log.ingest(sound(&dependent)), Ingest::Waiting(Missing::Delta(id)));
}
