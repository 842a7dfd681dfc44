//! Cost of a node that has nothing to do.

use std::fs;
use std::time::{Duration, Instant};

use lore_tests::node::converged;
use lore_tests::{Cluster, Node};

/// Over how long the idle nodes are measured. This is the measurement, not a wait for a condition: a
/// share of a core is work per time, and there is no event after which it would be known.
const INTERVAL: Duration = Duration::from_secs(20);
/// All resident pages; more than two thirds are of the program's own file, which the system shares and may drop.
const MAX_RESIDENT_KIB: u64 = 64 << 10;
/// Pages that are this process's alone.
const MAX_PRIVATE_KIB: u64 = 24 << 10;
const MAX_CORE_SHARE: f64 = 0.01;

/// CPU time of a process so far: `utime` and `stime`, fields 14 and 15 of `/proc/PID/stat`.
fn cpu_seconds(node: &Node) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", node.pid())).unwrap();
    // The second field is the program's name in parentheses, and may hold spaces.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// Resident memory now: `VmRSS` for all of it, `RssAnon` for what is private.
fn resident_kib(node: &Node, which: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(which)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_idle_node_of_a_federation_of_four_costs_next_to_nothing() {
    let cluster = Cluster::of(4);
    // With the interval between sync rounds that a node has by default.
    let nodes = ["ada", "ben", "cleo", "dora"].map(|name| {
        let mut node = cluster.node_with(name, &[]);
        node.start();
        node
    });
    let [ada, others @ ..] = &nodes;
    ada.json(&["federation", "create", "guild"]);
    others.iter().for_each(|other| ada.admit(other));
    ada.checkpoint();
    converged(&nodes.each_ref());

    let before = nodes.each_ref().map(cpu_seconds);
    let begun = Instant::now();
    std::thread::sleep(INTERVAL);
    let elapsed = begun.elapsed().as_secs_f64();
    for (node, before) in nodes.iter().zip(before) {
        let share = (cpu_seconds(node) - before) / elapsed;
        let [resident, private] = ["VmRSS:", "RssAnon:"].map(|which| resident_kib(node, which));
        println!(
            "idle for {elapsed:.1} s: {:.2} % of a core, {resident} KiB, {private} KiB private",
            share * 100.0
        );
        assert!(share < MAX_CORE_SHARE, "{:.2} % of a core", share * 100.0);
        assert!(resident < MAX_RESIDENT_KIB, "{resident} KiB are resident");
        assert!(private < MAX_PRIVATE_KIB, "{private} KiB are private");
    }
}
