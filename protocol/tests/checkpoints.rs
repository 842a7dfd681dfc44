//! Ends of epochs: signers, contents of checkpoints, forks.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::delta::Delta;
use lore_protocol::ids::{Hash, MemberId, PublicKey};
use lore_protocol::log::{Fault, Ingest, Log, Problem};
use lore_protocol::payload::{
    Body, Checkpoint, FrontierEntry, Payload, Phase, Removal, RosterEntry,
};
use world::{World, authored, lesson, refold, sound};

fn commit(body: Body) -> Payload {
    Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Commit, body })
}

fn proposal(world: &mut World) -> Body {
    world.fold.advance(&world.log);
    world.fold.propose(&world.log)
}

/// Publishes a checkpoint of the founder whose body was changed, and says what the log found wrong.
fn verdict(bend: impl FnOnce(&World, &mut Body)) -> &'static str {
    let mut world = World::with_members(2);
    world.publish(1, &authored(lesson("curl", "curl -x")));
    let mut body = proposal(&mut world);
    bend(&world, &mut body);
    let id = body.id();
    let tip = world.log.tip().id;
    world.publish(0, &commit(body));
    assert_eq!(world.log.tip().id, tip, "it is not sealed");
    match world.log.problems().get(&id) {
        Some(Problem::Wrong { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_signers_end_an_epoch() {
    let mut world = World::with_members(1);
    let body = proposal(&mut world);
    let delta = world.make(1, &commit(body), 0);
    let fault = Fault::Charter("its author does not sign checkpoints");
    assert_eq!(world.log.ingest(sound(&delta)), Ingest::Refused(fault));
}

#[test]
fn a_prepare_seals_nothing() {
    let mut world = World::with_members(1);
    let (body, tip) = (proposal(&mut world), world.log.tip().id);
    world.publish(0, &Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Prepare, body }));
    assert_eq!(world.log.tip().id, tip);
}

#[test]
fn a_checkpoint_says_what_follows_from_what_it_covers() {
    let ghost = |n: u8| MemberId([n; 32]);
    assert_eq!(
        verdict(|_, body| {
            body.roster.pop();
        }),
        "its roster does not follow from what it covers"
    );
    assert_eq!(
        verdict(|_, body| {
            let (member, key) = (ghost(255), PublicKey([1; 32]));
            body.roster.push(RosterEntry { member, key, sponsor: member });
        }),
        "its roster does not follow from what it covers"
    );
    assert_eq!(
        verdict(|_, body| {
            body.frontier.remove(0);
        }),
        "its frontier forgets a chain"
    );
    assert_eq!(verdict(|_, body| body.frontier[0].seq += 1), "its frontier misplaces a delta");
    assert_eq!(
        verdict(|_, body| body.signers.push(ghost(255))),
        "its signers do not follow from what it covers"
    );
    assert_eq!(
        verdict(|_, body| {
            let (member, key) = (ghost(1), PublicKey([1; 32]));
            body.removed = vec![Removal { member, key, from_seq: 0 }];
        }),
        "its removals do not follow from what it covers"
    );
    assert_eq!(
        verdict(|_, body| {
            let (member, key) = (ghost(1), PublicKey([1; 32]));
            body.excluded = vec![Removal { member, key, from_seq: 0 }];
        }),
        "it excludes somebody who is no member"
    );
}

#[test]
fn nobody_is_excluded_without_proof() {
    let mut world = World::with_members(1);
    let mut body = proposal(&mut world);
    let member = world.log.tip().roster[&world.members[1]];
    body.roster.retain(|entry| entry.member != member.member);
    body.excluded = vec![Removal { member: member.member, key: member.key, from_seq: 1 }];
    let tip = world.log.tip().id;
    world.publish(0, &commit(body));
    assert_eq!(world.log.tip().id, tip);
}

#[test]
fn a_checkpoint_waits_until_all_it_covers_is_here() {
    let mut world = World::with_members(1);
    let withheld = world.publish(1, &authored(lesson("curl", "curl -x")));
    world.checkpoint();
    let mut log = world.empty();
    for delta in world.deltas.iter().filter(|delta| delta.header.id() != withheld) {
        let _ = log.ingest(sound(delta));
    }
    assert_eq!(log.open_epoch(), 2, "epoch 2 is not over here");
    assert_eq!(log.behind(), Some((2, 1)), "one chain is behind");
    assert_eq!(log.wants(9), [withheld]);
    let late = world.deltas.iter().find(|delta| delta.header.id() == withheld).unwrap();
    let _ = log.ingest(sound(late));
    assert_eq!(log.tip().id, world.log.tip().id);
    assert_eq!(refold(&log).root(), refold(&world.log).root());
}

#[test]
fn a_false_state_root_is_reported() {
    let mut world = World::with_members(1);
    let mut body = proposal(&mut world);
    body.state_root = Hash([1; 32]);
    world.publish(0, &commit(body));
    world.fold.advance(&world.log);
    let disputed = world.fold.disputed(&world.log);
    assert_eq!(disputed.len(), 1);
    assert_eq!(disputed[0].1, Hash([1; 32]));
}

/// Two final checkpoints of one epoch that cover different things, and the deltas before them.
fn split() -> (World, Vec<Delta>) {
    let mut world = World::with_members(2);
    world.publish(1, &authored(lesson("curl", "curl -x")));
    let early = proposal(&mut world);
    world.publish(2, &authored(lesson("wget", "wget -y")));
    let late = proposal(&mut world);
    let before = world.log.head(world.members[0]).unwrap().1;
    let one = world.publish(0, &commit(early));
    let mut header = world.log.get(&one).unwrap().header().clone();
    assert_eq!(header.prev, Some(before));
    header.payload_len = 0;
    let two = Delta::sign(header, &commit(late), &world.keys[0]);
    world.deltas.push(two.clone());
    let _ = world.log.ingest(sound(&two));
    let deltas = world.deltas.clone();
    (world, deltas)
}

#[test]
fn of_two_final_checkpoints_the_smaller_id_stands_everywhere() {
    let (world, deltas) = split();
    let ends: Vec<_> = deltas[deltas.len() - 2..]
        .iter()
        .map(|delta| match sound(delta).payload {
            Payload::Checkpoint(checkpoint) => checkpoint.body.id(),
            _ => unreachable!(),
        })
        .collect();
    let expected = *ends.iter().min().unwrap();
    let mut swapped = deltas.clone();
    let last = swapped.len() - 1;
    swapped.swap(last, last - 1);
    let mut reversed = deltas.clone();
    reversed.reverse();
    for order in [deltas, swapped, reversed] {
        let mut log = world.empty();
        for _ in 0..2 {
            for delta in &order {
                let _ = log.ingest(sound(delta));
            }
        }
        assert_eq!(log.tip().id, expected);
        assert!(log.is_split(), "it is reported");
        assert_eq!(log.digest(), world.log.digest());
        assert_eq!(refold(&log).root(), refold(&world.log).root());
    }
}

#[test]
fn a_split_stops_signing() {
    let (world, _) = split();
    let spend = world.log.spend(world.members[1]);
    assert_eq!(world.log.draft(world.members[1], spend), Err(Fault::Split));
}

#[test]
fn a_checkpoint_cannot_cover_what_comes_after_its_rival() {
    let mut world = World::with_members(1);
    let mut rival = proposal(&mut world);
    let first = world.checkpoint();
    let after = world.publish(1, &authored(lesson("curl", "curl -x")));
    let header = world.log.get(&after).unwrap().header().clone();
    let point = FrontierEntry { author: world.members[1], seq: header.seq, id: after };
    let at = rival.frontier.iter().position(|p| p.author == point.author).unwrap();
    rival.frontier[at] = point;
    // A body that differs in its claimed root can be ground to an id below the sealed one's.
    let tip = world.log.tip().id;
    while rival.id() > tip {
        rival.state_root.0[0] = rival.state_root.0[0].wrapping_add(1);
        rival.state_root.0[1] =
            rival.state_root.0[1].wrapping_add(u8::from(rival.state_root.0[0] == 0));
    }
    let header = world.log.get(&first).unwrap().header().clone();
    let delta = Delta::sign(header, &commit(rival), &world.keys[0]);
    let _ = world.log.ingest(sound(&delta));
    assert_eq!(world.log.tip().id, tip, "the sealed one stands");
    assert!(world.log.get(&after).is_some(), "and what follows it");
}

#[test]
fn a_forks_proof_is_kept_and_its_chain_ends_where_it_was_covered() {
    let mut world = World::with_members(2);
    let covered = world.publish(1, &authored(lesson("curl", "curl --covered")));
    world.checkpoint();
    let open = world.publish(1, &authored(lesson("curl", "curl --open")));
    let before = world.library();
    let twin = world.fork(1, open, &authored(lesson("curl", "curl --twin")));
    assert!(world.log.get(&open).is_some() && world.log.get(&twin.header.id()).is_some());
    let seq = twin.header.seq;
    assert_eq!(world.log.forks().get(&world.members[1]), Some(&seq));
    assert!(world.log.get(&covered).is_some());
    let after = world.library();
    assert_eq!((before.lessons.len(), after.lessons.len()), (2, 1), "the covered one stays");
    let third = world.fork(1, open, &authored(lesson("curl", "curl --third")));
    assert!(world.log.get(&third.header.id()).is_none(), "two are proof enough");
    world.checkpoint();
    assert!(!world.log.tip().roster.contains_key(&world.members[1]));
    let excluded = world.log.tip().body.excluded[0];
    assert_eq!((excluded.member, excluded.from_seq), (world.members[1], seq));
    let library = world.library();
    assert_eq!(library.lessons.len(), 1);
}

#[test]
fn what_rests_on_an_excluded_delta_stays_valid() {
    let mut world = World::with_members(2);
    let open = world.publish(1, &authored(lesson("curl", "curl --open")));
    let mut header = world.log.draft(world.members[2], world.log.spend(world.members[2])).unwrap();
    header.deps = vec![open];
    let depth = world.log.get(&open).unwrap().header().depth;
    header.depth = header.depth.max(depth + 1);
    let dependent =
        Delta::sign(header, &authored(lesson("wget", "wget --dependent")), &world.keys[2]);
    // One log hears of the fork only after the dependent, the other before it and before the branch.
    let twin = Delta::sign(
        world.log.get(&open).unwrap().header().clone(),
        &authored(lesson("curl", "curl --twin")),
        &world.keys[1],
    );
    let third = Delta::sign(
        world.log.get(&open).unwrap().header().clone(),
        &authored(lesson("curl", "curl --third")),
        &world.keys[1],
    );
    let mut other = world.empty();
    for delta in world.deltas.iter().filter(|delta| delta.header.id() != open) {
        let _ = other.ingest(sound(delta));
    }
    for delta in [&twin, &third, &dependent] {
        let _ = other.ingest(sound(delta));
    }
    assert!(other.get(&dependent.header.id()).is_none());
    assert_eq!(other.wants(9), [open], "it asks for what it would else not keep");
    for delta in [&dependent, &twin, &third] {
        let _ = world.log.ingest(sound(delta));
    }
    let open = world.log.delta(&open).unwrap().clone();
    assert!(matches!(other.ingest(sound(&open)), Ingest::Accepted(_)));
    assert_eq!(other.digest(), world.log.digest());
    assert_eq!(refold(&other).root(), refold(&world.log).root());
    assert_eq!(refold(&other).lessons.len(), 1, "the dependent counts, its parent does not");
}

#[test]
fn a_split_or_fork_is_noticed_at_equal_heights() {
    let mut world = World::with_members(1);
    let one = world.publish(1, &authored(lesson("curl", "curl --one")));
    let mut other: Log = world.empty();
    for delta in &world.deltas[..world.deltas.len() - 1] {
        let _ = other.ingest(sound(delta));
    }
    let twin = Delta::sign(
        world.log.get(&one).unwrap().header().clone(),
        &authored(lesson("curl", "curl --two")),
        &world.keys[1],
    );
    let _ = other.ingest(sound(&twin));
    assert_eq!(
        other.head(world.members[1]).unwrap().0,
        world.log.head(world.members[1]).unwrap().0
    );
    assert_ne!(other.digest(), world.log.digest());
    let (missing, _) = other.missing_for(&world.log.frontiers(), &[], 1 << 20);
    assert_eq!(missing, [twin]);
}
