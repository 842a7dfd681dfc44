//! The log keeps up with what arrives: against the control of checking the same signatures alone, in
//! the same run.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use std::time::{Duration, Instant};

use lore_protocol::delta::Sound;
use lore_protocol::identity::Signer;
use lore_protocol::ids::Hash;
use lore_protocol::lesson::LessonKey;
use lore_protocol::library::Open;
use lore_protocol::log::Log;
use lore_protocol::payload::{LessonEntry, Lessons, Origin, Payload, Void};
use world::{World, authored, lesson, sound};

/// Most time for all of a log's work on a delta, decoding aside, as a multiple of checking its
/// signature. Work that grows with the log, were there any, passes this at a few thousand deltas.
const RATIO: u32 = 4;

fn verification(world: &World) -> Duration {
    let sounds: Vec<Sound> = world.deltas.iter().map(sound).collect();
    let key_of = |sound: &Sound| match &sound.payload {
        Payload::Join(join) => join.key,
        _ => {
            let at = world.members.iter().position(|member| *member == sound.chain());
            world.keys[at.unwrap()].public_key()
        }
    };
    let keys: Vec<_> = sounds.iter().map(key_of).collect();
    let start = Instant::now();
    assert!(sounds.iter().zip(&keys).all(|(sound, key)| sound.signed_by(key)));
    start.elapsed()
}

fn feed<'a>(log: &mut Log, deltas: impl Iterator<Item = &'a Sound>) -> Duration {
    let start = Instant::now();
    for sound in deltas {
        let _ = log.ingest(sound.clone());
    }
    start.elapsed()
}

fn keeps_up(world: &World, name: &str) {
    let control = verification(world);
    let sounds: Vec<Sound> = world.deltas.iter().map(sound).collect();
    let mut log = world.empty();
    let forward = feed(&mut log, sounds.iter());
    assert_eq!(log.digest(), world.log.digest());
    let mut log = world.empty();
    let mut backward = Duration::ZERO;
    let mut passes = 0;
    while log.digest() != world.log.digest() {
        passes += 1;
        assert!(passes < 20, "{name}: what was dropped comes again");
        backward += feed(&mut log, sounds.iter().rev());
    }
    println!("{name}: control {control:?}, forward {forward:?}, reversed {backward:?} in {passes}");
    assert!(forward < control * RATIO, "{name}: {forward:?} against {control:?}");
    assert!(backward < control * RATIO * passes, "{name}: {backward:?} against {control:?}");
}

#[test]
fn one_long_chain() {
    let mut world = World::with_limits(|limits| limits.deltas_per_epoch = 10_000);
    for n in 0..5_000_u64 {
        let mut release = Hash::ZERO;
        release.0[..8].copy_from_slice(&n.to_le_bytes());
        world.publish(0, &Payload::Void(Void { release }));
    }
    keeps_up(&world, "one chain");
}

#[test]
fn many_epochs_of_many_members() {
    let mut world = World::found();
    for n in 2..22 {
        world.admit(n, 100, 100);
    }
    let (body, _) = world.log.propose();
    world.publish(0, &commit(body));
    for epoch in 0..100_u8 {
        for who in 1..21 {
            for n in 0..2 {
                let command = format!("tool --epoch {epoch} --who {who} --n {n}");
                world.publish(who, &authored(lesson("tool", &command)));
            }
        }
        let (body, _) = world.log.propose();
        world.publish(0, &commit(body));
    }
    keeps_up(&world, "epochs");
}

/// Median time for an open step to follow one delta, root included, where a library holds `count` lessons. The
/// median, since the allocator cleans up after the checkpoint some time.
fn time_to_follow(count: usize) -> Duration {
    const EACH: usize = 250;
    const DELTAS: u32 = 100;
    let most = u32::try_from(count / EACH).unwrap() + DELTAS;
    let mut world = World::with_limits(|limits| {
        limits.deltas_per_epoch = most;
        limits.lessons_per_epoch = u32::MAX;
    });
    let numbers: Vec<usize> = (0..count).collect();
    for numbers in numbers.chunks(EACH) {
        let lesson = |n: &usize| lesson(&format!("tool{}", n % 100), &format!("tool --case {n}"));
        let keys = numbers.iter().map(|n| LessonKey::Primary(lesson(n)));
        let mut entries: Vec<LessonEntry> =
            keys.map(|key| LessonEntry { key, support: 0 }).collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        let (origin, window, padding) = (Origin::Authored, None, Vec::new());
        world.publish(0, &Payload::Lessons(Lessons { origin, window, entries, padding }));
    }
    world.checkpoint();
    world.fold.advance(&world.log);
    assert_eq!(world.fold.sealed().lessons.len(), count);
    let mut open = Open::default();
    let mut root = open.follow(&world.fold, &world.log).root();
    let mut spent = Vec::new();
    for n in 0..DELTAS {
        world.publish(0, &authored(lesson("tool7", &format!("tool --new {n}"))));
        let start = Instant::now();
        let next = open.follow(&world.fold, &world.log).root();
        spent.push(start.elapsed());
        assert_ne!(std::mem::replace(&mut root, next), next);
    }
    spent.sort_unstable();
    let middle = spent[spent.len() / 2];
    println!("{count} lessons: {middle:?}");
    middle
}

#[test]
fn one_delta_costs_what_it_touches_whatever_the_library_holds() {
    let (few, many) = (time_to_follow(1_000), time_to_follow(100_000));
    assert!(many < few * 8, "a hundred times the lessons: {many:?} against {few:?}");
}

fn commit(body: lore_protocol::payload::Body) -> Payload {
    use lore_protocol::payload::{Checkpoint, Phase};
    Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Commit, body })
}
