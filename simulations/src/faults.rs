//! Random fault schedules: a small federation, everything that can go wrong at once, then quiet.
//!
//! The phase of safety has loss, bursts, duplication, reordering, little bandwidth, partitions of both kinds,
//! crashes with and without disk, churn, slow machines, clocks that are off, address translators and hostile
//! members. In the phase of liveness nothing of it is left but translators, clocks and hostile members,
//! and all honest roots must become equal. What is checked is what every simulation checks (`world`).

use crate::rng::{Purpose, Stream, Streams, WHOLE};
use crate::scenario::{
    Attack, BurstSection, Checkpoints, Churn, Crash, Gossip, LatencySection, Machines,
    NetworkSection, Scenario, Split, Sync, Work,
};
use crate::world::{self, Outcome, WorldError};

/// Phase of safety, in seconds.
const SAFETY_S: u64 = 40;
/// Most time until all must agree once it is quiet, in seconds.
const SETTLE_S: u64 = 240;

/// Line that runs one schedule again.
#[must_use]
pub fn reproduction(seed: u64) -> String {
    format!("lore-sim faults --seeds {seed}..{seed}")
}

/// Runs the schedule of a seed.
///
/// # Errors
/// Fails when it cannot run at all. A violated invariant is a result.
pub fn run(seed: u64) -> Result<Outcome, WorldError> {
    world::run(&schedule(seed), seed, |_| {})
}

/// The schedule of a seed.
#[must_use]
pub fn schedule(seed: u64) -> Scenario {
    let mut stream = Streams::new(seed).stream(WHOLE, Purpose::Schedule);
    let draw = &mut stream;
    let nodes = 5 + draw.index(4);
    let mut scenario = Scenario {
        name: format!("faults-{seed}"),
        about: String::new(),
        nodes,
        seed,
        work: Work {
            deltas_per_node: 1 + number(draw, 3),
            spread_s: SAFETY_S - 5,
            payload_bytes: 0,
        },
        network: network(draw),
        gossip: Gossip { degree: 2 * draw.index(3) },
        // Every other node is asked after a lost disk: what one alone had taken in is known then.
        sync: Sync { period_ms: 1_500, timeout_ms: 5_000, retry_ms: 500, recovery_peers: nodes },
        checkpoints: Checkpoints { period_ms: 5_000 + 1_000 * draw.below(10) },
        partition: splits(draw),
        crash: crashes(draw, nodes),
        churn: maybe(draw, 300_000, |draw| Churn {
            up_s: 8 + draw.below(20),
            down_s: 1 + draw.below(6),
            until_s: SAFETY_S - 2,
        }),
        machines: Machines {
            slow: share(draw, 50),
            slow_ms: draw.below(60),
            skew_s: draw.below(1_000),
        },
        attack: attack(draw),
        releases: None,
        settle_s: SETTLE_S,
        sample_ms: 1_000,
    };
    // A node that lost its disk signs nothing before it has asked everybody, so everybody must answer.
    if scenario.crash.iter().any(|crash| !crash.disk) {
        scenario.network.nat = 0.0;
        scenario.attack.free_riders = 0;
    }
    scenario
}

fn number(draw: &mut Stream, below: u64) -> u32 {
    u32::try_from(draw.below(below)).unwrap_or(0)
}

/// A share of at most `most` in a hundred.
fn share(draw: &mut Stream, most: u64) -> f64 {
    f64::from(number(draw, most + 1)) / 100.0
}

fn maybe<T>(draw: &mut Stream, ppm: u32, make: impl FnOnce(&mut Stream) -> T) -> Option<T> {
    draw.chance(ppm).then(|| make(draw))
}

fn network(draw: &mut Stream) -> NetworkSection {
    NetworkSection {
        latency: LatencySection::Plane { min_ms: 1 + draw.below(20), span_ms: draw.below(150) },
        jitter_ms: draw.below(80),
        loss: share(draw, 40),
        burst: maybe(draw, 400_000, |draw| BurstSection {
            enter: share(draw, 10),
            leave: 0.05 + share(draw, 50),
            loss: 0.5 + share(draw, 50),
        }),
        duplicate: share(draw, 20),
        reorder: share(draw, 20),
        reorder_ms: draw.below(400),
        bandwidth_kbit: maybe(draw, 300_000, |draw| 200 + draw.below(2_000)),
        nat: maybe(draw, 300_000, |draw| share(draw, 40)).unwrap_or(0.0),
        heals: true,
    }
}

fn splits(draw: &mut Stream) -> Vec<Split> {
    let count = draw.index(3);
    (0..count)
        .map(|_| {
            let from_s = 5 + draw.below(20);
            Split {
                from_s,
                until_s: (from_s + 3 + draw.below(15)).min(SAFETY_S),
                share: 0.2 + share(draw, 40),
                one_way: draw.chance(400_000),
            }
        })
        .collect()
}

fn crashes(draw: &mut Stream, nodes: usize) -> Vec<Crash> {
    let count = draw.index(4);
    (0..count)
        .map(|_| Crash {
            at_s: 8 + draw.below(20),
            down_s: 1 + draw.below(8),
            nodes: 1 + draw.index((nodes - 1) / 2),
            disk: draw.chance(500_000),
        })
        .collect()
}

/// At most one hostile member of each of two kinds.
fn attack(draw: &mut Stream) -> Attack {
    let mut attack = Attack { corrupt: share(draw, 2), ..Attack::default() };
    for _ in 0..draw.index(3) {
        let kinds = [
            &mut attack.forgers,
            &mut attack.free_riders,
            &mut attack.equivocators,
            &mut attack.replayers,
            &mut attack.flooders,
            &mut attack.sybils,
        ];
        let chosen = draw.index(kinds.len());
        if let Some(kind) = kinds.into_iter().nth(chosen) {
            *kind = 1;
        }
    }
    attack
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn schedules_are_possible_scenarios_and_have_every_fault() {
        let all: Vec<Scenario> = (0..300).map(schedule).collect();
        for scenario in &all {
            scenario.check().unwrap();
        }
        let share = |has: fn(&Scenario) -> bool| all.iter().filter(|one| has(one)).count();
        let faults: [fn(&Scenario) -> bool; 12] = [
            |one| one.network.loss > 0.2,
            |one| one.network.burst.is_some(),
            |one| one.network.bandwidth_kbit.is_some(),
            |one| one.network.nat > 0.0,
            |one| one.partition.iter().any(|split| split.one_way),
            |one| one.partition.iter().any(|split| !split.one_way),
            |one| one.crash.iter().any(|crash| crash.disk),
            |one| one.crash.iter().any(|crash| !crash.disk),
            |one| one.churn.is_some(),
            |one| one.machines.slow > 0.2,
            |one| one.gossip.degree == 0,
            |one| one.attack.equivocators > 0,
        ];
        for (place, fault) in faults.into_iter().enumerate() {
            assert!(share(fault) > 20, "{place}: {}", share(fault));
        }
    }
}
