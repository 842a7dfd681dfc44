//! Lines, and attempts to join by them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lore_protocol::codec;
use lore_protocol::ids::PublicKey;

use super::tests::{STRANGER, UNIT, World, group};
use super::wire::{Ask, JoinAsk, about};
use super::*;

#[test]
fn a_line_works_once_and_for_a_short_time() {
    let mut world = World::of(4);
    let line = world.line(0);
    world.join(1, 0, &line).unwrap();
    world.learn(0, &[("--stage", 1)]);
    // Who has the used line is told no more than who has made one up.
    let error = world.join(2, 0, &line).unwrap_err();
    assert_eq!(error.kind, "not_admitted", "{error}");
    assert!(error.help.contains("lore device invite"));
    assert!(world.machines[2].devices.group(UNIT).is_none());
    let late = world.line(0);
    assert_eq!(world.machines[0].devices.open_lines(UNIT).unwrap(), 1);
    world.time.pass(10 * 60);
    assert_eq!(world.machines[0].devices.open_lines(UNIT).unwrap(), 0);
    let error = world.join(3, 0, &late).unwrap_err();
    assert_eq!(error.kind, "not_admitted", "{error}");
    world.tick();
    assert_eq!(world.machines[0].store.scan(RecordKind::DeviceLine, b"").count(), 0);
    assert_eq!(group(&world, 0).others().len(), 1);
}

#[test]
fn a_device_whose_answer_was_lost_asks_again_with_its_line() {
    let mut world = World::of(3);
    let line = world.line(0);
    let parsed = DeviceLine::from_line(&line).unwrap();
    world.machines[1].devices.begin_join(UNIT, "ada", "machine-2", &line).unwrap();
    let (me, peer) = (world.key(0), world.key(1));
    let card = world.machines[1].devices.attempts[&me].card.clone();
    let signature = card.sign(&world.machines[1].devices.key);
    let message = codec::encode(&JoinAsk { card, signature });
    let sealed = |from: &PublicKey| {
        let about = about(b"join", from, &me, b"");
        let sealed = seal::seal_pairing(&parsed.secret, [3; 32], &about, &message).unwrap();
        codec::encode(&Ask::Join { line: parsed.id(), sealed })
    };
    let ask = sealed(&peer);
    let first = world.answer(0, peer, &ask);
    assert_ne!(first, STRANGER);
    assert_ne!(world.answer(0, peer, &ask), STRANGER, "the answer was lost");
    // Nobody else: not with the same bytes, nor with the secret and another's card.
    let thief = world.key(2);
    assert_eq!(world.answer(0, thief, &ask), STRANGER);
    assert_eq!(world.answer(0, thief, &sealed(&thief)), STRANGER);
    assert_eq!(group(&world, 0).others().len(), 1);
}

#[test]
fn an_attempt_to_join_erases_no_group_that_came_in_between() {
    // Two lines at once: the second is refused while the first is under way.
    let mut world = World::of(3);
    let (one, other) = (world.line(0), world.line(2));
    world.machines[1].devices.begin_join(UNIT, "ada", "machine-2", &one).unwrap();
    let error = world.machines[1].devices.begin_join(UNIT, "ada", "machine-2", &other);
    assert_eq!(error.unwrap_err().kind, "join_under_way");
    world.connect(1, 0);
    assert_eq!(group(&world, 1).others().len(), 1);
    // A line of its own that is used while it joins: nobody is admitted to a group that is about to end.
    let mut world = World::of(3);
    let (own, line) = (world.line(1), world.line(0));
    world.machines[1].devices.begin_join(UNIT, "ada", "machine-2", &line).unwrap();
    let error = world.join(2, 1, &own).unwrap_err();
    assert_eq!(error.kind, "not_admitted", "{error}");
    world.connect(1, 0);
    assert_eq!(group(&world, 1).others().len(), 1);
    // A device that joined all the same, as after a fault: its group stays.
    let mut world = World::of(3);
    let (own, line) = (world.line(1), world.line(0));
    world.machines[1].devices.begin_join(UNIT, "ada", "machine-2", &line).unwrap();
    let attempts = std::mem::take(&mut world.machines[1].devices.attempts);
    world.join(2, 1, &own).unwrap();
    world.machines[1].devices.attempts = attempts;
    world.connect(1, 0);
    assert!(group(&world, 1).other(&world.key(2)).is_some(), "a group was destroyed");
    let result = world.machines[1].joined.pop().unwrap();
    assert_eq!(result.unwrap_err().kind, "has_devices");
}
