#![allow(clippy::unwrap_used)]
use super::*;
use crate::runner::in_parallel;
use crate::scenario::{seconds, shipped};

fn scenario(name: &str) -> Scenario {
    Scenario::parse(shipped(name).unwrap()).unwrap()
}

fn outcomes(scenario: &Scenario, seeds: &[u64]) -> Vec<Outcome> {
    in_parallel(seeds, 2, |seed| run(scenario, seed, |_| {}).unwrap())
}

/// Small enough to run many times.
fn small() -> Scenario {
    let mut scenario = scenario("lossy-mesh");
    scenario.nodes = 8;
    scenario.gossip.degree = 3;
    scenario.work.deltas_per_node = 3;
    scenario.work.spread_s = 30;
    scenario
}

#[test]
fn thirty_nodes_agree_under_a_quarter_of_loss_with_forgers_and_damage() {
    let scenario = scenario("lossy-mesh");
    assert_eq!((scenario.nodes, scenario.network.loss), (30, 0.25));
    for outcome in outcomes(&scenario, &[1, 2]) {
        assert!(outcome.ok, "{outcome:#?}");
        assert_eq!(outcome.published, 180);
        assert!(outcome.root.is_some() && outcome.epochs >= 3);
        // The faults really happened, and the nodes really differed on the way.
        assert!(outcome.traffic.lost * 5 > outcome.traffic.sent);
        assert!(outcome.tally.corrupted > 0 && outcome.tally.malformed > 0);
        assert!(outcome.tally.forged > 0 && outcome.tally.refused > 0);
        assert!(outcome.most_distinct_roots > 1);
        assert_eq!(outcome.forks, 0);
    }
}

#[test]
fn after_a_partition_heals_nothing_is_lost() {
    for outcome in outcomes(&scenario("partition-heals"), &[1, 2]) {
        assert!(outcome.ok, "{outcome:#?}");
        assert_eq!(outcome.published, 24 * 6);
        assert!(outcome.traffic.cut > 0);
        // The cut was felt: some delta took longer than half of it.
        assert!(outcome.t100_micros.unwrap() > seconds(20));
    }
}

#[test]
fn nodes_that_lost_their_disks_come_back_without_a_fork() {
    for outcome in outcomes(&scenario("lost-disks"), &[1, 2]) {
        assert!(outcome.ok, "{outcome:#?}");
        assert_eq!((outcome.forks, outcome.published), (0, 20 * 6));
        assert!(outcome.tally.to_nobody > 0);
    }
}

/// Hardly any gossip and rare rounds, so that lost disks hold what few others have.
fn fragile(recovery_peers: usize, seeds: &[u64]) -> Vec<Outcome> {
    let mut scenario = scenario("lost-disks");
    scenario.gossip.degree = 0;
    scenario.sync.period_ms = 6_000;
    scenario.sync.recovery_peers = recovery_peers;
    scenario.work.deltas_per_node = 20;
    scenario.crash[1].nodes = 9;
    // A round with each of nineteen peers takes two minutes.
    scenario.settle_s = 400;
    outcomes(&scenario, seeds)
}

#[test]
fn who_signs_before_asking_peers_forks_or_signs_no_more_and_the_others_still_agree() {
    let hasty = fragile(0, &[1, 2, 3, 4]);
    // Where the fork is not seen, the node's own ledger refuses to sign a height twice.
    assert!(hasty.iter().any(|one| one.forks > 0), "{hasty:#?}");
    assert!(hasty.iter().any(|one| one.unpublished > 0), "{hasty:#?}");
    for outcome in &hasty {
        assert!(outcome.root.is_some() && outcome.violations.len() <= 1, "{outcome:#?}");
        assert_eq!(outcome.ok, outcome.unpublished == 0, "{outcome:#?}");
    }
    // A few peers need not know what others took in: only who asks all of them is sure.
    for careful in fragile(19, &[1, 2]) {
        assert!(careful.ok && careful.forks == 0, "{careful:#?}");
        assert!(careful.gone_with_disk > 0 && careful.unpublished == 0, "{careful:#?}");
    }
}

#[test]
fn without_anti_entropy_gossip_alone_does_not_agree() {
    let mut scenario = small();
    scenario.sync.timeout_ms = 1_000_000;
    scenario.sync.period_ms = 500_000;
    scenario.network.loss = 0.3;
    let outcome = run(&scenario, 1, |_| {}).unwrap();
    assert!(!outcome.ok && outcome.agreed_at_micros.is_none(), "{outcome:#?}");
    assert!(outcome.root.is_none(), "they hold different deltas: {outcome:#?}");
}

#[test]
fn without_gossip_anti_entropy_alone_agrees() {
    let mut scenario = small();
    scenario.gossip.degree = 0;
    let outcome = run(&scenario, 1, |_| {}).unwrap();
    assert!(outcome.ok, "{outcome:#?}");
    assert_eq!(outcome.published, 24);
}

#[test]
fn the_same_seed_gives_the_same_trace_twice_and_on_any_number_of_threads() {
    let scenario = small();
    let seeds = [5, 6, 7, 5];
    let traces =
        |threads| in_parallel(&seeds, threads, |seed| run(&scenario, seed, |_| {}).unwrap());
    let one = traces(1);
    assert_eq!(one, traces(2));
    assert_eq!(one, traces(4));
    assert_eq!(one[0], one[3]);
    assert_ne!(one[0].trace, one[1].trace);
}

#[test]
fn a_log_that_accepts_what_nobody_signed_is_a_violation() {
    let scenario = small();
    let world = World::new(&scenario, 1).unwrap();
    let log = world.nodes[0].log().unwrap();
    let (id, entry) = log.entries().next().unwrap();
    let bytes = entry.delta.to_bytes();
    let mut record = Record::new(2);
    record.accepted(0, *id, blake3::hash(&bytes), 1);
    assert_eq!(record.violations().len(), 1, "its books do not know the founder's Join yet");

    let mut record = Record::new(2);
    record.signed(&bytes, 0, 0);
    record.accepted(0, *id, blake3::hash(&bytes), 1);
    assert!(record.violations().is_empty());
    let mut damaged = entry.delta.clone();
    damaged.signature.0[0] ^= 1;
    record.accepted(0, *id, blake3::hash(&damaged.to_bytes()), 1);
    assert_eq!(record.violations().len(), 1, "same id, other signature");
}

#[test]
fn honest_members_agree_among_hostile_ones() {
    let scenario = scenario("hostile-members");
    let attack = scenario.attack;
    assert_eq!(attack.counts(), [1, 1, 2, 1, 1, 1]);
    for outcome in outcomes(&scenario, &[1, 2]) {
        assert!(outcome.ok, "{outcome:#?}");
        assert!(outcome.root.is_some());
        // Every kind of attack happened, and was refused or found out.
        let tally = outcome.tally;
        assert_eq!((tally.equivocations, outcome.forks), (2, 2), "{outcome:#?}");
        assert!(tally.forged > 0 && tally.replayed > 0 && tally.flooded > 0);
        assert!(tally.invented > 0 && tally.refused + tally.malformed > 100, "{tally:?}");
        // So did the other faults.
        let traffic = outcome.traffic;
        assert!(traffic.lost > 0 && traffic.held_back > 0 && traffic.queued > 0, "{traffic:?}");
        assert!(tally.to_nobody > 0);
    }
}
