#![allow(clippy::unwrap_used)]
use lore_protocol::ids::LessonId;
use lore_protocol::log::Entry;
use lore_protocol::payload::PayloadKind;

use super::*;
use crate::scenario::{seconds, shipped};

const LESSONS: u32 = 2;

fn scenario() -> Scenario {
    Scenario::parse(shipped("releases").unwrap()).unwrap()
}

fn finished(scenario: &Scenario) -> World<'_> {
    let mut world = World::new(scenario, 1).unwrap();
    world.run(|_| {}).unwrap();
    world
}

/// Lessons of the sessions that are in the library of a node.
fn known(node: &Node) -> Vec<bool> {
    let federation = node.engine().federation(node.federation).unwrap();
    let id = |number| -> LessonId { sessions::taught(number).unwrap().id() };
    let lessons = &federation.library().lessons;
    (0..LESSONS).map(|number| lessons.contains_key(&id(number))).collect()
}

/// Deltas of a kind on the chain of a node, as the founder has it.
fn on_chain(world: &World<'_>, node: &Node, kind: PayloadKind) -> usize {
    let member = node.member().unwrap();
    let entries = world.nodes[0].log().unwrap().entries();
    let of_kind = |entry: &Entry| entry.header().payload_kind == kind && entry.is_released();
    entries.filter(|(_, entry)| entry.chain == member && of_kind(entry)).count()
}

#[test]
fn nodes_with_a_budget_release_what_their_sessions_teach_and_everybody_learns_it() {
    let scenario = scenario();
    let world = finished(&scenario);
    for node in &world.nodes {
        assert_eq!(known(node), [true, true]);
        assert_eq!(on_chain(&world, node, PayloadKind::Lessons), 1);
        assert_eq!(on_chain(&world, node, PayloadKind::Outcomes), 2);
        assert_eq!(on_chain(&world, node, PayloadKind::Votes), 1);
    }
    let outcome = world.outcome();
    assert!(outcome.ok, "{outcome:#?}");
    // Each result was drawn once, by nodes that were restored too.
    assert_eq!((outcome.draws, outcome.released, outcome.voided), (24, 24, 0));
    assert_eq!((outcome.forks, outcome.published), (0, 24 + 6));
}

#[test]
fn a_node_that_is_restored_while_its_release_is_due_does_not_draw_it_again() {
    let scenario = scenario();
    let mut world = World::new(&scenario, 1).unwrap();
    let run_until = |world: &mut World<'_>, end_s| {
        while world.queue.now() < seconds(end_s) {
            let event = world.queue.pop().unwrap();
            world.clock.set(world.queue.now());
            world.execute(event).unwrap();
        }
    };
    run_until(&mut world, 49);
    let down: Vec<usize> = (0..6).filter(|number| !world.nodes[*number].up).collect();
    let [lost] = down[..] else { unreachable!("{down:?}") };
    assert_eq!(world.nodes[lost].draws(), 1);

    run_until(&mut world, 59);
    let node = &world.nodes[lost];
    assert_eq!((node.up, node.restarts), (true, 1));
    assert_eq!(node.log().unwrap().open_epoch(), 3, "the release is still due");
    assert_eq!(node.engine().store().recovery().unwrap(), None, "it has asked its peers");
    assert_eq!(node.engine().ledger().releases().count(), 0, "its ledger knows of none");
    assert_eq!(node.draws(), 1);
    assert_eq!(on_chain(&world, node, PayloadKind::Lessons), 1);
}

#[test]
fn what_a_person_drops_at_the_gate_never_leaves_a_node() {
    let mut scenario = scenario();
    scenario.crash.clear();
    let releases = scenario.releases.as_mut().unwrap();
    (releases.gate_s, releases.gate_keeps) = (Some(4), 1);
    let world = finished(&scenario);
    let kept = known(&world.nodes[0]);
    assert_eq!(kept.iter().filter(|known| **known).count(), 1, "one of two lessons was dropped");
    assert!(world.nodes.iter().all(|node| known(node) == kept));
    let outcome = world.outcome();
    assert!(outcome.ok, "{outcome:#?}");
    assert_eq!((outcome.draws, outcome.released, outcome.voided), (24, 24, 0));
}

#[test]
fn what_a_person_refuses_at_the_gate_becomes_a_void_and_is_not_drawn_again() {
    let mut scenario = scenario();
    scenario.crash.clear();
    let releases = scenario.releases.as_mut().unwrap();
    (releases.gate_s, releases.gate_keeps) = (Some(4), 0);
    let world = finished(&scenario);
    assert!(world.nodes.iter().all(|node| known(node) == [false, false]));
    let outcome = world.outcome();
    assert!(outcome.ok, "{outcome:#?}");
    assert_eq!((outcome.draws, outcome.released, outcome.voided), (24, 18, 6));
}

#[test]
fn noise_comes_from_the_seed() {
    let scenario = scenario();
    let trace = |seed| run(&scenario, seed, |_| {}).unwrap();
    let one = trace(5);
    assert_eq!(one, trace(5));
    assert_ne!(one.root, trace(6).root);
}
