//! Two hundred random fault schedules: the invariants hold in all of them.
#![allow(clippy::unwrap_used)]

use lore_simulations::faults::{reproduction, run};
use lore_simulations::runner::in_parallel;

#[test]
fn two_hundred_fault_schedules_violate_nothing() {
    let seeds: Vec<u64> = (1..=200).collect();
    let outcomes = in_parallel(&seeds, 2, |seed| run(seed).unwrap());
    let mut failed = String::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.ok) {
        failed +=
            &format!("{}\n    {}\n", reproduction(outcome.seed), outcome.violations.join("\n    "));
    }
    assert!(failed.is_empty(), "reproduce with\n{failed}");
    // The faults really happened, and hostile members really acted.
    let sum =
        |of: fn(&lore_simulations::world::Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    for happened in [
        sum(|one| one.traffic.lost),
        sum(|one| one.traffic.cut),
        sum(|one| one.traffic.doubled),
        sum(|one| one.traffic.held_back),
        sum(|one| one.traffic.queued),
        sum(|one| one.tally.to_nobody),
        sum(|one| one.tally.corrupted),
        sum(|one| one.tally.forged),
        sum(|one| one.tally.replayed),
        sum(|one| one.tally.flooded),
        sum(|one| one.tally.invented),
    ] {
        assert!(happened > 500, "{happened}");
    }
    // Who signs twice at a height is found out, and nobody else is taken for one.
    assert!(sum(|one| one.tally.equivocations) > 10);
    for outcome in &outcomes {
        assert!(
            outcome.forks as u64 <= outcome.tally.equivocations,
            "{}",
            reproduction(outcome.seed)
        );
    }
    assert!(sum(|one| one.forks as u64) > 5);
}
