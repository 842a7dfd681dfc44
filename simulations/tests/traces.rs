//! Trace hashes of the shipped scenarios, a committed list: a change of behaviour shows as a changed line.
//!
//! `LORE_WRITE_TRACES=1 cargo test --locked -p lore-simulations --test traces` writes it; look at the
//! difference as at any other change.
#![allow(clippy::unwrap_used)]

use lore_simulations::runner::in_parallel;
use lore_simulations::scenario::{SHIPPED, Scenario};
use lore_simulations::world;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/traces.txt");

#[test]
fn the_shipped_scenarios_have_the_committed_traces() {
    let scenarios: Vec<u64> = (0..SHIPPED.len() as u64).collect();
    let lines = in_parallel(&scenarios, 2, |place| {
        let (name, text) = SHIPPED[usize::try_from(place).unwrap()];
        let scenario = Scenario::parse(text).unwrap();
        let outcome = world::run(&scenario, scenario.seed, |_| {}).unwrap();
        assert!(outcome.ok, "{name}: {:#?}", outcome.violations);
        format!("{name} {} {} {}\n", scenario.seed, outcome.events, outcome.trace)
    });
    let found = format!("# scenario, seed, events, trace hash\n{}", lines.concat());
    if std::env::var_os("LORE_WRITE_TRACES").is_some() {
        std::fs::write(LIST, &found).unwrap();
    }
    let committed = std::fs::read_to_string(LIST).unwrap();
    assert_eq!(
        found, committed,
        "nodes do other things than the committed list says; if that is meant, write it with LORE_WRITE_TRACES=1"
    );
}
