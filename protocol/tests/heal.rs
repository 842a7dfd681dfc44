//! The way out of a split: an epoch that was sealed twice, and everybody keeps both sides' work.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::delta::{Delta, Header, Sound, Spend};
use lore_protocol::identity::{SecretKey, Signature, Signer as _};
use lore_protocol::ids::{CheckpointId, DeltaId, MemberId};
use lore_protocol::library::Fold;
use lore_protocol::log::{Fault, Ingest, Log};
use lore_protocol::payload::{Body, Checkpoint, Payload, Phase, RotateKey, Signers};
use world::{World, authored, key, lesson, recovery_key, refold, shuffle, sound};

/// One side of the split: a log, and the founder's and the members' keys.
struct Side {
    log: Log,
    made: Vec<Delta>,
}

impl Side {
    fn add(&mut self, delta: Delta) -> DeltaId {
        let sound = sound(&delta);
        let id = sound.id;
        assert!(matches!(self.log.ingest(sound), Ingest::Accepted(_)));
        self.made.push(delta);
        id
    }

    fn publish(&mut self, member: MemberId, key: &SecretKey, payload: &Payload) -> DeltaId {
        let header = self.log.draft(member, self.log.spend(member)).unwrap();
        self.add(Delta::sign(header, payload, key))
    }

    fn body(&self) -> Body {
        let mut fold = Fold::default();
        fold.advance(&self.log);
        fold.propose(&self.log)
    }

    fn commit(&mut self, world: &World) {
        let payload =
            Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Commit, body: self.body() });
        self.publish(world.members[0], &world.keys[0], &payload);
    }
}

/// A founder whose disk was rolled back: it seals the next epochs again, three on one side and one on the other,
/// and a member on each side works on.
fn rolled_back() -> (World, Vec<Delta>) {
    let mut world = World::with_members(2);
    let mut sides = [1, 2].map(|_| Side { log: world.log.clone(), made: Vec::new() });
    for (n, side) in sides.iter_mut().enumerate() {
        let (member, key) = (world.members[n + 1], world.keys[n + 1].clone());
        for epoch in 0..[3, 1][n] {
            let text = format!("curl -side{n} -epoch{epoch}");
            side.publish(member, &key, &authored(lesson("curl", &text)));
            side.commit(&world);
        }
        side.publish(member, &key, &authored(lesson("wget", &format!("wget -side{n}"))));
    }
    let made = sides.into_iter().flat_map(|side| side.made).collect::<Vec<_>>();
    for delta in &made {
        let _ = world.log.ingest(sound(delta));
        world.deltas.push(delta.clone());
    }
    for delta in &made {
        let _ = world.log.ingest(sound(delta));
    }
    (world, made)
}

/// The founder takes a new key, which says what stands, and ends the epochs that the other side had.
fn recover(world: &mut World) {
    let (member, recovery, new) = (world.members[0], recovery_key(1), key(200));
    let (seq, last_good) = world.log.head(member).unwrap();
    let mut rotate = RotateKey {
        member,
        new_key: new.public_key(),
        last_good: (seq, last_good),
        keeps: world.log.kept_beside(),
        recovery_key: recovery.public_key(),
        recovery_signature: Signature([0; 64]),
    };
    rotate.recovery_signature = recovery.sign(&rotate.signed_bytes(world.log.federation()));
    let before = world.log.get(&last_good).unwrap().header().clone();
    let header = Header {
        author: member,
        seq: seq + 1,
        prev: Some(last_good),
        depth: before.depth + 1,
        anchor: world.log.tip().id,
        epoch: world.log.open_epoch(),
        spend: world.log.spend(member),
        deps: Vec::new(),
        ..before
    };
    world.push(Delta::sign(header, &Payload::RotateKey(rotate), &new));
    world.keys[0] = new;
    assert!(!world.log.is_split(), "the new key settles it");
    while world.log.open_epoch() < world.log.newest_epoch() {
        world.checkpoint();
    }
    world.fold.advance(&world.log);
}

#[test]
fn a_split_stops_everybody_and_nothing_of_either_side_is_refused() {
    let (world, made) = rolled_back();
    assert!(world.log.is_split());
    for member in &world.members[1..] {
        assert_eq!(world.log.draft(*member, world.log.spend(*member)), Err(Fault::Split));
    }
    assert_eq!(
        world.log.draft_anyway(world.members[0], world.log.spend(world.members[0])),
        Err(Fault::Forked),
        "the founder's chain has forked"
    );
    for delta in &made {
        assert!(world.log.get(&delta.header.id()).is_some(), "{:?}", delta.header);
    }
}

#[test]
fn a_new_key_of_the_founder_settles_it_and_the_work_of_both_sides_counts() {
    let (mut world, _) = rolled_back();
    recover(&mut world);
    assert!(!world.log.is_split());
    let library = world.library();
    assert_eq!(library.lessons.len(), 6, "four of one side, two of the other");
    for member in 1..=2 {
        world.publish(member, &authored(lesson("git", &format!("git -{member}"))));
    }
    world.checkpoint();
    assert_eq!(world.library().lessons.len(), 8, "and everybody goes on");
}

#[test]
fn every_order_of_arrival_leads_to_the_same_state() {
    let (mut world, _) = rolled_back();
    recover(&mut world);
    world.publish(1, &authored(lesson("git", "git -x")));
    let (digest, root, tip) = (world.log.digest(), world.library().root(), world.log.tip().id);
    let all: Vec<Sound> = world.deltas.iter().map(sound).collect();
    for seed in 1..=100 {
        let mut order: Vec<usize> = (0..all.len()).collect();
        shuffle(&mut order, seed);
        let mut log = world.empty();
        for _ in 0..3 {
            for at in &order {
                let _ = log.ingest(all[*at].clone());
            }
        }
        assert_eq!(log.tip().id, tip, "seed {seed}");
        assert_eq!(log.digest(), digest, "seed {seed}");
        assert_eq!(refold(&log).root(), root, "seed {seed}");
        assert!(!log.is_split());
    }
}

#[test]
fn a_node_that_never_saw_the_other_side_fetches_it_when_it_meets_one_that_did() {
    let (mut world, made) = rolled_back();
    let mut one = world.empty();
    let other: Vec<DeltaId> = made[6..].iter().map(|delta| delta.header.id()).collect();
    for delta in world.deltas.iter().filter(|delta| !other.contains(&delta.header.id())) {
        let _ = one.ingest(sound(delta));
    }
    recover(&mut world);
    for _ in 0..3 {
        world::pull(&mut one, &world.log);
    }
    assert_eq!(one.digest(), world.log.digest());
    assert_eq!(refold(&one).root(), world.library().root());
}

#[test]
fn a_checkpoint_heals_only_what_is_known_to_be_final() {
    let mut world = World::with_members(1);
    world.fold.advance(&world.log);
    let mut body = world.fold.propose(&world.log);
    body.healed = vec![CheckpointId([9; 32])];
    let tip = world.log.tip().id;
    world.publish(0, &Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Commit, body }));
    assert_eq!(world.log.tip().id, tip);
}

/// Commits of member 0, signed with its first key on the branch of `prev`, that nobody else builds on.
fn stolen_commit(world: &World, prev: &Header, body: Body) -> Delta {
    let header = Header {
        author: world.members[0],
        seq: prev.seq + 1,
        prev: Some(prev.id()),
        depth: prev.depth + 1,
        anchor: body.parent,
        epoch: body.epoch,
        ..prev.clone()
    };
    let payload = Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Commit, body });
    Delta::sign(header, &payload, &key(1))
}

#[test]
fn a_thief_with_the_old_key_of_the_founder_seals_nothing_and_is_not_kept() {
    let mut world = World::with_members(2);
    let old: Vec<Header> = world.deltas.iter().map(|delta| delta.header.clone()).collect();
    let before = world.log.head(world.members[0]).unwrap().1;
    let before = old.iter().find(|header| header.id() == before).unwrap().clone();
    world.fold.advance(&world.log);
    let rival = world.fold.propose(&world.log);
    let (first, second) = (world.log.sealed()[0].id, world.log.sealed()[1].body.clone());
    recover(&mut world);
    world.checkpoint();
    let (tip, digest, held) = (world.log.tip().id, world.log.digest(), world.log.len());
    for n in 0..=255_u8 {
        // Of an epoch that is sealed, with a smaller id sooner or later, and of the open one.
        let again = Body { state_root: lore_protocol::ids::Hash([n; 32]), ..second.clone() };
        let next = Body { state_root: lore_protocol::ids::Hash([n; 32]), ..rival.clone() };
        assert_eq!(again.parent, first);
        for body in [again, next] {
            let delta = stolen_commit(&world, &before, body);
            let _ = world.log.ingest(sound(&delta));
        }
    }
    assert_eq!((world.log.tip().id, world.log.digest()), (tip, digest));
    assert!(!world.log.is_split());
    assert_eq!(world.log.len(), held, "nothing of it is kept");

    // Whoever heard of them first comes to the same once it hears of the new key.
    let mut late = world.empty();
    for delta in world.deltas.iter().take(old.len()) {
        let _ = late.ingest(sound(delta));
    }
    let early = stolen_commit(&world, &before, rival);
    assert!(matches!(late.ingest(sound(&early)), Ingest::Accepted(_)));
    assert_eq!(late.open_epoch(), 3, "until then it cannot know");
    for delta in &world.deltas[old.len()..] {
        let _ = late.ingest(sound(delta));
    }
    assert_eq!((late.tip().id, late.digest()), (tip, digest));
}

#[test]
fn several_signers_heal_a_split_by_the_checkpoint_that_names_it() {
    let mut world = World::with_members(3);
    let mut signers = world.members.clone();
    signers.sort();
    world.publish(0, &Payload::Signers(Signers { members: signers }));
    world.checkpoint();
    let commit = |round: u32, body: &Body| {
        Payload::Checkpoint(Checkpoint { round, phase: Phase::Commit, body: body.clone() })
    };
    world.fold.advance(&world.log);
    let one = world.fold.propose(&world.log);
    world.publish(3, &authored(lesson("curl", "curl -late")));
    let two = world.fold.propose(&world.log);
    // Two of four say both: more than a third lie.
    for (who, round, body) in [(0, 0, &one), (1, 0, &one), (2, 0, &one)] {
        world.publish(who, &commit(round, body));
    }
    let rest: Vec<(usize, Delta)> = [0, 1, 3]
        .into_iter()
        .map(|who| {
            let (member, log) = (world.members[who], &world.log);
            let (seq, prev) = log.head(member).unwrap();
            let before = log.get(&prev).unwrap().header().clone();
            let header = Header {
                seq: seq + 1,
                prev: Some(prev),
                depth: before.depth + 1,
                anchor: two.parent,
                epoch: two.epoch,
                spend: Spend { period: log.charter().period(two.epoch), ..before.spend },
                author: member,
                ..before
            };
            (who, Delta::sign(header, &commit(1, &two), &world.keys[who]))
        })
        .collect();
    for (_, delta) in rest {
        world.push(delta);
    }
    assert!(world.log.is_split());
    let splits = world.log.splits();
    assert_eq!(splits.len(), 1);
    world.fold.advance(&world.log);
    let mut body = world.fold.propose(&world.log);
    body.healed = splits;
    for who in [0, 2, 3] {
        let member = world.members[who];
        assert_eq!(world.log.draft(member, world.log.spend(member)), Err(Fault::Split));
        let header = world.log.draft_anyway(member, world.log.spend(member)).unwrap();
        world.push(Delta::sign(header, &commit(0, &body), &world.keys[who]));
    }
    assert_eq!(world.log.tip().id, body.id());
    assert!(!world.log.is_split());
    world.publish(1, &authored(lesson("curl", "curl -after")));
    assert_eq!(world.library().lessons.len(), 2);
}
