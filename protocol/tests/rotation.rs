//! New keys: for one that was lost or stolen, or whose chain has forked.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::delta::{Delta, Sound};
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::DeltaId;
use lore_protocol::log::{Fault, Ingest, Log, MAX_ROTATIONS_PER_EPOCH};
use lore_protocol::payload::{Payload, RotateKey};
use world::{World, authored, key, lesson, recovery_key, refold, refusal, shuffle, sound};

/// The RotateKey of member `who` after its delta `last_good`, which `recovery` signs for.
fn rotation(
    world: &World,
    who: usize,
    last_good: DeltaId,
    new: &SecretKey,
    recovery: &SecretKey,
) -> Delta {
    let member = world.members[who];
    let before = world.log.get(&last_good).unwrap().header().clone();
    let mut rotate = RotateKey {
        member,
        new_key: new.public_key(),
        last_good: (before.seq, last_good),
        keeps: world.log.kept_beside(),
        recovery_key: recovery.public_key(),
        recovery_signature: lore_protocol::identity::Signature([0; 64]),
    };
    rotate.recovery_signature = recovery.sign(&rotate.signed_bytes(world.log.federation()));
    let mut header = before;
    header.author = member;
    header.seq += 1;
    header.prev = Some(last_good);
    header.depth += 1;
    header.anchor = world.log.tip().id;
    header.epoch = world.log.open_epoch();
    header.spend = world.log.spend(member);
    header.deps = Vec::new();
    Delta::sign(header, &Payload::RotateKey(rotate), new)
}

fn head(world: &World, who: usize) -> DeltaId {
    world.log.head(world.members[who]).unwrap().1
}

/// Member `who` has a new key from here on.
fn rotate(world: &mut World, who: usize, last_good: DeltaId) -> Delta {
    let new = key(200 + u8::try_from(who).unwrap());
    let number = u8::try_from(who + 1).unwrap();
    let delta = rotation(world, who, last_good, &new, &recovery_key(number));
    world.push(delta.clone());
    world.keys[who] = new;
    delta
}

#[test]
fn the_new_key_signs_and_is_served_and_the_old_one_is_gone_for_ever() {
    let mut world = World::with_members(2);
    let old = world.keys[1].clone();
    let last = world.publish(1, &authored(lesson("curl", "curl -a")));
    rotate(&mut world, 1, last);
    let new = world.keys[1].public_key();
    assert!(world.log.serves(&new) && !world.log.serves(&old.public_key()), "at once");
    assert_eq!(world.log.member_of(&new), Some(world.members[1]));

    let header = world.log.draft(world.members[1], world.log.spend(world.members[1])).unwrap();
    let stolen = Delta::sign(header, &authored(lesson("curl", "curl -evil")), &old);
    assert_eq!(refusal(&mut world.log, &stolen), Fault::Forged);
    world.publish(1, &authored(lesson("curl", "curl -b")));
    world.checkpoint();
    assert_eq!(world.log.tip().roster[&world.members[1]].key, new);
    assert!(world.log.tip().is_gone(&old.public_key()));
    world.publish(1, &authored(lesson("curl", "curl -c")));
    assert_eq!(world.library().lessons.len(), 3, "what the old key signed before stands");
}

#[test]
fn only_the_recovery_key_of_the_join_gives_a_new_key() {
    let mut world = World::with_members(2);
    let last = head(&world, 1);
    let wrong = rotation(&world, 1, last, &key(201), &recovery_key(3));
    assert_eq!(refusal(&mut world.log, &wrong), Fault::Forged);
    let mut bent = rotation(&world, 1, last, &key(201), &recovery_key(2));
    bent = Delta::sign(bent.header.clone(), &sound(&bent).payload, &key(202));
    assert_eq!(refusal(&mut world.log, &bent), Fault::Forged, "the new key signs it itself");
    let elsewhere = rotation(&world, 1, last, &key(201), &recovery_key(2));
    let header =
        lore_protocol::delta::Header { prev: Some(head(&world, 2)), ..elsewhere.header.clone() };
    let elsewhere = Delta::sign(header, &sound(&elsewhere).payload, &key(201));
    assert!(matches!(refusal(&mut world.log, &elsewhere), Fault::Header(_)));
}

#[test]
fn a_new_key_that_comes_before_its_members_join_waits_for_it() {
    let mut world = World::with_members(2);
    let last = head(&world, 1);
    let delta = rotate(&mut world, 1, last);
    let mut late = world.empty();
    assert!(matches!(late.ingest(sound(&delta)), Ingest::Waiting(_)));
    for other in world.deltas.iter().filter(|other| **other != delta) {
        late.ingest(sound(other));
    }
    assert!(late.get(&delta.header.id()).is_some(), "it was kept until then");
    assert_eq!(late.digest(), world.log.digest());
}

#[test]
fn a_new_key_ends_a_fork_and_voids_both_branches() {
    let mut world = World::with_members(2);
    let good = world.publish(1, &authored(lesson("curl", "curl -good")));
    let one = world.publish(1, &authored(lesson("curl", "curl -one")));
    world.fork(1, one, &authored(lesson("curl", "curl -two")));
    assert_eq!(world.log.forks().len(), 1);
    rotate(&mut world, 1, good);
    assert!(world.log.forks().is_empty());
    world.publish(1, &authored(lesson("curl", "curl -three")));
    world.checkpoint();
    assert!(world.is_on_roster(1), "it is not excluded");
    let library = world.library();
    assert_eq!(library.lessons.len(), 2, "the good one, and the one of the new key");
}

#[test]
fn what_a_checkpoint_covers_stands_and_the_new_key_comes_after_it() {
    let mut world = World::with_members(2);
    let good = world.publish(1, &authored(lesson("curl", "curl -good")));
    let stolen = world.publish(1, &authored(lesson("curl", "curl -stolen")));
    world.checkpoint();
    let number = recovery_key(2);
    let late = rotation(&world, 1, good, &key(201), &number);
    let _ = world.log.ingest(sound(&late));
    assert_eq!(world.log.member_of(&key(201).public_key()), None, "below what is covered");
    assert_eq!(head(&world, 1), stolen);
    rotate(&mut world, 1, stolen);
    assert_eq!(world.log.member_of(&world.keys[1].public_key()), Some(world.members[1]));
    assert!(world.log.forks().is_empty());
    assert_eq!(world.library().lessons.len(), 2);
}

#[test]
fn two_new_keys_for_one_place_are_a_fork() {
    let mut world = World::with_members(2);
    let last = head(&world, 1);
    rotate(&mut world, 1, last);
    let other = rotation(&world, 1, last, &key(222), &recovery_key(2));
    let _ = world.log.ingest(sound(&other));
    assert_eq!(world.log.forks().len(), 1);
    let third = rotation(&world, 1, last, &key(223), &recovery_key(2));
    assert_eq!(refusal(&mut world.log, &third), Fault::Forked, "two are proof enough");
    world.checkpoint();
    assert!(!world.is_on_roster(1));
}

#[test]
fn a_founder_that_lost_its_key_signs_checkpoints_with_the_new_one() {
    let mut world = World::with_members(1);
    let last = head(&world, 0);
    rotate(&mut world, 0, last);
    world.checkpoint();
    world.checkpoint();
    assert_eq!(world.log.tip().roster[&world.members[0]].key, world.keys[0].public_key());
    assert_eq!(world.log.open_epoch(), 4);
}

/// A key is stolen, forks the chain and goes on; the owner replaces it twice; others go on meanwhile.
fn stolen() -> World {
    let mut world = World::with_members(3);
    let good = world.publish(1, &authored(lesson("curl", "curl -good")));
    let one = world.publish(1, &authored(lesson("curl", "curl -one")));
    world.publish(1, &authored(lesson("curl", "curl -one-more")));
    let twin = world.fork(1, one, &authored(lesson("curl", "curl -two")));
    let mut header = twin.header.clone();
    header.seq += 1;
    header.prev = Some(twin.header.id());
    header.depth += 1;
    let more = Delta::sign(header, &authored(lesson("curl", "curl -two-more")), &world.keys[1]);
    world.deltas.push(more);
    world.publish(2, &authored(lesson("wget", "wget -a")));
    rotate(&mut world, 1, good);
    world.publish(1, &authored(lesson("curl", "curl -new")));
    let open = head(&world, 1);
    world.checkpoint();
    world.publish(1, &authored(lesson("curl", "curl -newer")));
    let again = rotation(&world, 1, open, &key(230), &recovery_key(2));
    world.push(again);
    world.keys[1] = key(230);
    world.publish(1, &authored(lesson("curl", "curl -newest")));
    world.publish(3, &authored(lesson("wget", "wget -b")));
    world
}

#[test]
fn any_order_of_arrival_leads_to_the_same_chain_and_library() {
    let mut world = stolen();
    let (digest, root) = (world.log.digest(), world.library().root());
    assert_eq!(world.library().lessons.len(), 5, "good, new, newest, and two of others");
    let all: Vec<Sound> = world.deltas.iter().map(sound).collect();
    for seed in 1..=200 {
        let mut order: Vec<usize> = (0..all.len()).collect();
        shuffle(&mut order, seed);
        let mut log: Log = world.empty();
        // What a fork or a new key excludes is not kept, and asked for again when something rests on it.
        for _ in 0..3 {
            for at in &order {
                let _: Ingest = log.ingest(all[*at].clone());
            }
        }
        assert_eq!(log.digest(), digest, "seed {seed}");
        assert_eq!(refold(&log).root(), root, "seed {seed}");
        assert_eq!(log.member_of(&key(230).public_key()), Some(world.members[1]));
    }
}

#[test]
fn logs_that_know_of_the_new_key_and_logs_that_do_not_come_together_by_sync() {
    let world = stolen();
    let rotations = |delta: &&Delta| !matches!(sound(delta).payload, Payload::RotateKey(_));
    let mut behind = world.empty();
    for delta in world.deltas.iter().filter(rotations) {
        let _ = behind.ingest(sound(delta));
    }
    assert_eq!(behind.forks().len(), 1, "it knows of the fork alone");
    let mut ahead = world.log.clone();
    for _ in 0..3 {
        world::pull(&mut behind, &ahead);
        world::pull(&mut ahead, &behind);
    }
    assert_eq!(behind.digest(), ahead.digest());
    assert_eq!(refold(&behind).root(), refold(&ahead).root());
}

#[test]
fn a_member_has_few_new_keys_between_two_checkpoints() {
    let mut world = World::with_members(1);
    for n in 0..MAX_ROTATIONS_PER_EPOCH {
        let new = key(210 + u8::try_from(n).unwrap());
        let last = head(&world, 1);
        world.push(rotation(&world, 1, last, &new, &recovery_key(2)));
    }
    let last = head(&world, 1);
    let more = rotation(&world, 1, last, &key(250), &recovery_key(2));
    let fault = Fault::Charter("too many new keys of one member between two checkpoints");
    assert_eq!(refusal(&mut world.log, &more), fault);
    world.checkpoint();
    let more = rotation(&world, 1, last, &key(250), &recovery_key(2));
    world.push(more);
}

#[test]
fn a_new_key_that_comes_after_the_exclusion_stops_nobody_that_hears_of_it_first() {
    let mut world = World::with_members(2);
    let good = head(&world, 1);
    let one = world.publish(1, &authored(lesson("curl", "curl -one")));
    let twin = world.fork(1, one, &authored(lesson("curl", "curl -two")));
    // Anchored before the checkpoint that excludes its member.
    let late = rotation(&world, 1, good, &key(201), &recovery_key(2));
    world.checkpoint();
    assert!(!world.is_on_roster(1));
    world.publish(2, &authored(lesson("wget", "wget -a")));
    world.checkpoint();
    let mut first = world.empty();
    let twins = [one, twin.header.id()];
    let sealed = world.deltas.iter().position(|delta| delta.header.id() == one).unwrap();
    for delta in &world.deltas[..sealed] {
        let _ = first.ingest(sound(delta));
    }
    assert!(matches!(first.ingest(sound(&late)), Ingest::Accepted(_)));
    for delta in world.deltas.iter().filter(|delta| !twins.contains(&delta.header.id())) {
        let _ = first.ingest(sound(delta));
    }
    assert!(first.member_of(&key(201).public_key()).is_some(), "so far as it knows");
    let mut ahead = world.log.clone();
    let _ = ahead.ingest(sound(&late));
    assert_eq!(ahead.tip().id, world.log.tip().id);
    for _ in 0..4 {
        world::pull(&mut first, &ahead);
        world::pull(&mut ahead, &first);
    }
    assert_eq!(first.tip().id, ahead.tip().id, "it arrives at the same epoch");
    assert_eq!(first.digest(), ahead.digest());
    assert_eq!(refold(&first).root(), refold(&ahead).root());
    assert_eq!(first.member_of(&key(201).public_key()), None);
}
