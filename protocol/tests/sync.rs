//! Costs of a round: bytes beside the deltas themselves, and questions.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use std::collections::BTreeSet;

use lore_protocol::codec;
use lore_protocol::ids::{DeltaId, Hash, MemberId};
use lore_protocol::log::{Log, Place};
use lore_protocol::payload::{Payload, Void};
use lore_protocol::sync::{self, Answer, Ask, Done, Part, Range, Round, Step};
use world::{World, sound};

/// What a round came to.
struct Cost {
    /// Bytes of questions and answers without the deltas in them.
    bytes: usize,
    /// Questions up to the first answer with deltas, that one included; all of them when none has any.
    rounds: usize,
    asks: Vec<Ask>,
    sent: usize,
    done: Done,
}

fn cost(asker: &mut Log, other: &Log, salt: u8) -> Cost {
    let (mut round, mut ask) = Round::begin(asker, Hash([salt; 32]));
    let (mut bytes, mut rounds, mut sent, mut asks) = (0, 0, 0, Vec::new());
    loop {
        asks.push(ask.clone());
        let (answer, _) = sync::answer(other, &ask);
        bytes += codec::encode(&ask).len() + codec::encode(&answer).len();
        let deltas = match &answer {
            Answer::Compared { deltas, .. } | Answer::Deltas { deltas, .. } => deltas.as_slice(),
            _ => &[],
        };
        bytes -= deltas.iter().map(|delta| codec::encode(delta).len()).sum::<usize>();
        rounds += usize::from(sent == 0);
        sent += deltas.len();
        match round.handle(asker, answer).1 {
            Step::Ask(next) => ask = next,
            Step::Done(done) => return Cost { bytes, rounds, asks, sent, done },
        }
    }
}

fn numbered(n: u32) -> Payload {
    let mut release = Hash::ZERO;
    release.0[..4].copy_from_slice(&n.to_le_bytes());
    Payload::Void(Void { release })
}

/// A federation of 21 with many deltas in each of ten epochs.
fn large() -> World {
    let mut world = World::with_limits(|limits| limits.deltas_per_epoch = 10_000);
    for n in 0..20 {
        world.admit(n + 2, 100, 100);
    }
    world.checkpoint();
    for epoch in 0..10 {
        for n in 0..400 {
            world.publish(1 + n as usize % 20, &numbered(epoch * 400 + n));
        }
        world.checkpoint();
    }
    world
}

/// The log without some deltas, and what rests on them.
fn without(world: &World, left_out: impl Fn(usize, MemberId) -> bool) -> Log {
    let mut log = world.empty();
    let mut cut: BTreeSet<DeltaId> = BTreeSet::new();
    for (place, delta) in world.deltas.iter().enumerate() {
        let id = delta.header.id();
        let rests = delta.header.prev.is_some_and(|prev| cut.contains(&prev));
        if rests || left_out(place, delta.header.chain()) {
            cut.insert(id);
        } else {
            let _ = log.ingest(sound(delta));
        }
    }
    log
}

#[test]
fn in_sync_takes_one_question_and_few_bytes() {
    let world = large();
    let cost = cost(&mut world.log.clone(), &world.log, 1);
    assert_eq!((cost.done, cost.rounds, cost.sent), (Done::InSync, 1, 0));
    assert!(cost.bytes <= 400, "{}", cost.bytes);
}

#[test]
fn the_newest_deltas_cost_few_bytes_each_and_few_questions() {
    let mut world = large();
    let before = world.log.clone();
    for n in 0..200 {
        world.publish(1 + n as usize % 20, &numbered(100_000 + n));
    }
    // Somebody who lacks the newest of an epoch, and somebody who lacks the epoch's end, too.
    let open = world.log.clone();
    let mut half = before.clone();
    for delta in world.deltas[world.deltas.len() - 200..].iter().take(60) {
        let _ = half.ingest(sound(delta));
    }
    world.checkpoint();
    for (mut asker, other, lacks) in
        [(before.clone(), &open, 200), (half, &open, 140), (before, &world.log, 201)]
    {
        let cost = cost(&mut asker, other, 2);
        assert_eq!((cost.done, cost.sent), (Done::InSync, lacks), "nothing is sent twice");
        assert!(cost.rounds <= 4, "{}", cost.rounds);
        let each = cost.bytes / lacks;
        assert!(each <= 40, "{each} bytes for each of {lacks}");
    }
}

#[test]
fn scattered_losses_cost_a_bounded_number_of_bytes_each() {
    let world = large();
    // Six chains end early, each in another epoch.
    let ends: Vec<(MemberId, usize)> =
        (1..7).map(|n| (world.members[n], n * world.deltas.len() / 7)).collect();
    let mut asker =
        without(&world, |place, author| ends.iter().any(|end| end.0 == author && place > end.1));
    let lacks = world.log.len() - asker.len();
    let cost = cost(&mut asker, &world.log, 3);
    assert_eq!(asker.digest(), world.log.digest());
    assert!(lacks > 500, "{lacks}");
    assert!(cost.sent <= lacks, "nothing is sent twice: {}", cost.sent);
    // The control arm: to name each once.
    let control = lacks * 32;
    assert!(cost.bytes < 3 * control, "{} bytes against {control}", cost.bytes);
    assert!(cost.asks.iter().all(|ask| codec::encode(ask).len() <= 256 << 10));
}

#[test]
fn a_log_that_holds_more_learns_so_in_few_bytes() {
    let world = large();
    let behind = without(&world, |place, _| place % 97 == 96);
    let cost = cost(&mut world.log.clone(), &behind, 4);
    assert_eq!((cost.done, cost.sent), (Done::NothingNew, 0));
    assert!(!cost.asks.iter().any(|ask| matches!(ask, Ask::Missing { .. })));
    assert!(cost.rounds <= 8 && cost.bytes < 20_000, "{} in {}", cost.bytes, cost.rounds);
}

#[test]
fn a_fork_is_proven_by_a_comparison() {
    let mut world = World::with_members(2);
    let first = world.publish(1, &numbered(1));
    let mut asker = world.log.clone();
    world.publish(1, &numbered(2));
    let mut unaware = world.log.clone();
    world.fork(1, first, &numbered(3));
    assert_eq!(world.log.forks().len(), 1);
    // Who knows nothing of the fork learns of it, and who knows it takes nothing that it excludes.
    for log in [&mut asker, &mut unaware] {
        let cost = cost(log, &world.log, 7);
        assert_eq!(cost.done, Done::InSync);
        assert_eq!(log.forks(), world.log.forks());
        assert_eq!(log.digest(), world.log.digest());
    }
}

#[test]
fn an_answer_says_how_much_work_it_was() {
    let world = large();
    let ranges = |part| vec![Range { end: None, part }];
    let ask = |part| Ask::Compare { salt: Hash::ZERO, ranges: ranges(part) };
    let items = world.log.items().count(Place::FIRST, None);
    // A few bytes each way, and every id is hashed: for the whole, and for the parts.
    let (answer, seen) = sync::answer(&world.log, &ask(Part::Print(1)));
    assert_eq!(seen, 2 * items);
    assert!(codec::encode(&answer).len() < 1_000);
    let (_, seen) = sync::answer(&world.log, &ask(Part::Want(vec![0; 4])));
    assert_eq!(seen, items);
}
