//! A member that floods costs an honest node a bounded amount of memory and time, and nobody else waits for it.

use std::time::Duration;

use lore_protocol::payload::Payload;
use lore_tests::flood::{all_that_is_allowed, cost_of, more_than_is_allowed};

/// Most memory that the flood of one member costs above what the node had, in KiB. It is some 6 MB long.
const MOST_KIB: u64 = 150 << 10;
/// Most processor time that it costs.
const MOST_CPU: f64 = 5.0;
/// Longest time that another peer's delta, or a verb, takes meanwhile.
const LONGEST: Duration = Duration::from_secs(2);

/// Some members flood a node at once, and each costs no more than one member may.
fn costs_little(hostile_count: u8, payloads: fn(u8) -> Vec<Payload>, taken: u64) {
    let cost = cost_of(hostile_count, payloads, taken);
    println!("{cost:?}");
    let members = u32::from(hostile_count);
    assert!(cost.memory_kib < MOST_KIB * u64::from(members), "{} KiB", cost.memory_kib);
    assert!(cost.cpu_seconds < MOST_CPU * f64::from(members), "{} s", cost.cpu_seconds);
    assert!(cost.delta < LONGEST * members, "another peer's delta took {:?}", cost.delta);
    assert!(cost.verb < LONGEST * members, "a verb took {:?}", cost.verb);
}

#[test]
fn lessons_beyond_the_quota_cost_little() {
    costs_little(1, more_than_is_allowed, 0);
}

#[test]
fn all_that_the_quotas_allow_one_member_costs_little() {
    costs_little(1, all_that_is_allowed, 108);
}

#[test]
fn all_that_the_quotas_allow_many_members_at_once_costs_no_more_for_each_of_them() {
    costs_little(5, all_that_is_allowed, 108);
}
