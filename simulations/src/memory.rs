//! Memory that a simulation needs, before it begins.

use crate::scenario::Scenario;

/// Memory of a delta that a node holds, without a long payload, in bytes: measured with the shipped scenarios, rounded
/// up.
const DELTA_BYTES: u64 = 9_000;
/// Memory of a node without deltas, in bytes.
const NODE_BYTES: u64 = 200_000;
/// Copies of a payload that a node keeps: in its log, and on its disk.
const COPIES: u64 = 3;

/// Why a simulation or a benchmark was not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} about {need_mib} MiB of memory, and {free_mib} MiB are free; {remedy}")]
pub struct TooLarge {
    what: String,
    need_mib: u64,
    free_mib: u64,
    remedy: &'static str,
}

/// Bytes that one simulation of a scenario needs, as a guess on the high side.
#[must_use]
pub fn need(scenario: &Scenario) -> u64 {
    let nodes = scenario.nodes as u64;
    let releases = scenario.releases.as_ref().map_or(0, |releases| {
        releases.lessons_at.len() + releases.outcomes_at.len() + releases.votes_at.len()
    });
    // A Join and a Vouch of each member, and its publications.
    let deltas = nodes * (u64::from(scenario.work.deltas_per_node) + releases as u64 + 2);
    let each = DELTA_BYTES + COPIES * scenario.work.payload_bytes as u64;
    nodes.saturating_mul(NODE_BYTES.saturating_add(deltas.saturating_mul(each)))
}

/// Most memory that this process held at once, in bytes; none where the system does not say.
#[must_use]
pub fn peak() -> Option<u64> {
    kib("/proc/self/status", "VmHWM:")
}

/// Bytes that are free on this machine; none where the system does not say.
#[must_use]
pub fn free() -> Option<u64> {
    kib("/proc/meminfo", "MemAvailable:")
}

/// Value of a line of a file of the kernel's, in bytes.
fn kib(path: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

/// Checks that so many bytes of a benchmark fit into the free memory.
///
/// # Errors
/// Fails when they do not.
pub fn check_bytes(need: u64, free: Option<u64>) -> Result<(), TooLarge> {
    fits(need, free, || "this needs".into(), "end other programs, or use --quick")
}

fn fits(
    need: u64,
    free: Option<u64>,
    what: impl FnOnce() -> String,
    remedy: &'static str,
) -> Result<(), TooLarge> {
    match free {
        Some(free) if need > free => {
            Err(TooLarge { what: what(), need_mib: need >> 20, free_mib: free >> 20, remedy })
        }
        _ => Ok(()),
    }
}

/// Checks that so many simulations at a time fit into the free memory.
///
/// # Errors
/// Fails when they do not.
pub fn check(scenario: &Scenario, at_once: usize, free: Option<u64>) -> Result<(), TooLarge> {
    let runs = at_once.max(1) as u64;
    let what = || format!("{runs} simulations at a time of {} nodes need", scenario.nodes);
    let remedy = "lower `nodes` or `work.deltas_per_node`, or run with fewer --threads";
    fits(need(scenario).saturating_mul(runs), free, what, remedy)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::scenario::shipped;

    #[test]
    fn a_scenario_that_does_not_fit_is_refused_with_both_numbers() {
        let mut scenario = Scenario::parse(shipped("lossy-mesh").unwrap()).unwrap();
        // Measured: 56 MB for all of the process.
        assert!((56_000_000..160_000_000).contains(&need(&scenario)), "{}", need(&scenario));
        check(&scenario, 2, Some(1 << 30)).unwrap();
        check(&scenario, 2, None).unwrap();
        scenario.nodes = 400;
        scenario.work.deltas_per_node = 10_000;
        let error = check(&scenario, 2, Some(1 << 30)).unwrap_err().to_string();
        assert!(error.contains("1024 MiB") && error.contains("400 nodes"), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn free_memory_is_known() {
        assert!(free().unwrap() > 1 << 20);
    }
}
