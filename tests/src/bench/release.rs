//! Cost of one epoch's releases to a node with many users and a large library.

use std::path::Path;
use std::process::Command;

use lore_control::{PrivacyExplain, ReleaseState};
use serde_json::{Value, json};

use super::bar;
use super::clock::time;
use super::home::{BEFORE, REVISIONS, SESSIONS, USERS, open};
use crate::clock::SetClock;
use crate::files::copy_tree;

const BAR_S: f64 = 2.0;
const BAR_MIB: f64 = 200.0;

/// Measures one epoch's releases of lessons, outcomes and votes, each time in a fresh process on a fresh copy
/// of a prepared home.
///
/// # Panics
/// Panics when a process fails.
#[must_use]
pub fn run(prepared: &Path, runs: usize) -> Value {
    let directory = tempfile::tempdir().expect("a directory");
    let program = std::env::current_exe().expect("this program has a path");
    let once = |n: usize| -> Value {
        let home = directory.path().join(n.to_string());
        copy_tree(prepared, &home);
        let out = Command::new(&program).arg("release-once").arg(&home).output().expect("it runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).expect("it prints its result")
    };
    once(0);
    let all: Vec<Value> = (1..=runs.max(1)).map(once).collect();
    let median = |key: &str| {
        let mut values: Vec<f64> = all.iter().filter_map(|one| one[key].as_f64()).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    json!({
        "users": USERS,
        "sessions": SESSIONS,
        "revisions": REVISIONS,
        "seconds": median("wall_s"),
        "cpu_s": median("cpu_s"),
        "growth_mib": median("growth_mib"),
        "peak_mib": median("peak_mib"),
        "bar_s": bar(median("wall_s"), BAR_S),
        "bar_mib": bar(median("growth_mib"), BAR_MIB),
        "runs": all.len(),
    })
}

/// Makes the releases of a prepared home and gives what they cost.
///
/// # Panics
/// Panics when they are not all made.
#[must_use]
pub fn once(home: &Path) -> Value {
    let clock = SetClock::at(BEFORE);
    let mut node = open(home, &clock);
    // Resets the peak (proc(5), clear_refs), so that it is that of the releases.
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak is reset");
    let before = status_kib("VmRSS:");
    // The windows have ended: everything is due at once, and is sent when it is drawn.
    clock.pass(5);
    let (took, settled) = time(|| node.settle());
    settled.expect("the releases are made");
    let peak = status_kib("VmHWM:");
    let releases = node.ask(PrivacyExplain {}).expect("the ledger").releases;
    assert!(
        releases.len() == 3 && releases.iter().all(|one| one.state == ReleaseState::Committed),
        "{releases:?}"
    );
    json!({
        "wall_s": took.wall,
        "cpu_s": took.cpu,
        "growth_mib": peak.saturating_sub(before) as f64 / 1024.0,
        "peak_mib": peak as f64 / 1024.0,
    })
}

pub(super) fn status_kib(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(key)).expect("the field");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}
