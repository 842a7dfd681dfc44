//! Refusals of the privacy door, and that nothing is said twice, on real processes.

use std::ffi::CString;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use lore_engine::{Durability, RecordKind, Storage as _};
use lore_node::store::Store;
use lore_privacy::ledger::{Entry, Point};
use lore_protocol::codec;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{Payload, PayloadKind};
use lore_tests::log::exported;
use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use serde_json::Value;

fn set(node: &Node, args: &[&str]) -> Value {
    node.json(&[&["privacy", "set", "--yes"], args].concat())
}

fn refused(node: &Node, args: &[&str], kind: &str, exit: i64, words: &[&str]) {
    let error = node.error(args);
    let text = format!("{} {}", error["message"], error["help"]);
    assert_eq!((&error["kind"], &error["exit"]), (&kind.into(), &exit.into()), "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in {text}");
    }
}

/// A founder with a budget, whose first release the next verb makes that settles what is due.
fn founder(cluster: &Cluster, kind: &str) -> Node {
    let node = cluster.node("ada");
    let (lessons, outcomes) = if kind == "lessons" { ("1", "50") } else { ("50", "1,3") };
    node.found(&["guild", "--lessons-at", lessons, "--outcomes-at", outcomes, "--votes-at", "50"]);
    set(&node, &["--epsilon", "4"]);
    assert!(releases(&node).is_empty(), "a budget on an empty node spends nothing");
    node.close_windows();
    node
}

fn releases(node: &Node) -> Vec<Value> {
    node.json(&["privacy", "explain"])["releases"].as_array().cloned().unwrap_or_default()
}

/// The ledger's entries as they lie on the disk of a node that does not run.
fn entries(node: &Node) -> Vec<Entry> {
    let store = Store::open(&node.home().join("store")).unwrap();
    let read = |index: u64| store.get(RecordKind::LedgerEntry, &index.to_be_bytes()).unwrap();
    let records = (0..).map_while(read);
    records.map(|bytes| codec::decode::<(u64, Hash, Entry)>(&bytes).unwrap().2).collect()
}

#[test]
fn a_budget_above_the_ceiling_and_a_forbidden_unit_are_refused_naming_the_charter() {
    let cluster = Cluster::of(2);
    let ada = cluster.running("ada");
    ada.json(&["federation", "create", "guild", "--epsilon", "2"]);
    let over = ["privacy", "set", "--epsilon", "4", "--yes"];
    refused(&ada, &over, "over_ceiling", 3, &["guild", "epsilon 2"]);
    let unit = ["privacy", "set", "--epsilon", "2", "--unit", "session", "--yes"];
    refused(&ada, &unit, "unit_not_allowed", 3, &["guild", "user", "--unit"]);
    let wrong = ada.error(&["privacy", "set", "--epsilon", "2", "--unit", "team", "--yes"]);
    assert_eq!(wrong["exit"], 2);
    assert!(ada.json(&["privacy", "status"])["budget"].is_null(), "a refusal sets nothing");
    set(&ada, &["--epsilon", "2"]);

    // Who comes with a larger budget keeps it, and the smaller of both binds.
    let ben = cluster.running("ben");
    set(&ben, &["--epsilon", "4"]);
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    let due = |node: &Node| node.json(&["privacy", "explain"])["due"][0]["cost"].clone();
    assert_eq!(due(&ben)["rho_nano"], due(&ada)["rho_nano"]);
    assert!(ben.json(&["privacy", "status"])["problems"].to_string().contains("users"));
}

#[test]
fn a_unit_of_one_session_is_named_everywhere_and_a_charter_without_it_says_so() {
    let cluster = Cluster::of(2);
    let ada = cluster.running("ada");
    let ben = cluster.running("ben");
    let status = set(&ben, &["--epsilon", "4", "--unit", "session"]);
    assert_eq!(status["unit"], "session");
    assert_eq!(status["budget"]["unit"], "session");
    let shown = ben.run(&["privacy", "status"]).stdout;
    assert!(shown.contains("unit: session (weaker than user)"), "{shown}");
    ada.found(&["guild", "--outcomes-at", "2"]);
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    let problems = ben.json(&["privacy", "status"])["problems"].to_string();
    assert!(problems.contains("guild") && problems.contains("only: user"), "{problems}");
    assert!(releases(&ben).is_empty(), "what the charter forbids is not even paid for");
}

#[test]
fn a_founder_asks_for_costs_and_who_joins_reads_what_they_are() {
    let cluster = Cluster::of(1);
    let ada = cluster.node("ada");
    let bad = ada.error(&["federation", "create", "guild", "--costs-at", "3", "--costs", "euros"]);
    assert_eq!(bad["exit"], 2);
    let lonely = ada.error(&["federation", "create", "guild", "--costs", "calls"]);
    assert!(lonely["message"].as_str().unwrap().contains("--costs-at"), "{lonely}");
    ada.json(&[
        "federation",
        "create",
        "guild",
        "--costs-at",
        "3,9",
        "--costs",
        "tokens/1000,seconds",
        "--costs-bound",
        "40",
    ]);
    let words = ada.json(&["federation", "show"])["in_words"].to_string();
    assert!(words.contains("cost are released 2 times"), "{words}");
    assert!(
        words.contains("1000 tokens; seconds of tool calls") && words.contains("40"),
        "{words}"
    );
    set(&ada, &["--epsilon", "4"]);
    let due = ada.json(&["privacy", "explain"])["due"].clone();
    let costs = |one: &&Value| one["kind"] == "costs";
    assert_eq!(due.as_array().unwrap().iter().filter(costs).count(), 2, "{due}");
}

#[test]
fn a_clock_that_jumps_back_stops_releases_and_changes_of_the_budget() {
    let cluster = Cluster::of(1);
    let ada = founder(&cluster, "outcomes");
    set(&ada, &["--epsilon", "4"]);
    assert_eq!(releases(&ada).len(), 1);
    let back = |args: &[&str]| {
        let mut command = ada.faulty(&[args, &["--json"]].concat());
        let out = command.env("LORE_TEST_CLOCK_OFFSET", "-8640000").output().unwrap();
        let last = String::from_utf8_lossy(&out.stdout).lines().last().unwrap().to_owned();
        (out.status.code(), serde_json::from_str::<Value>(&last).unwrap())
    };
    let (code, value) = back(&["privacy", "set", "--epsilon", "3", "--yes"]);
    assert_eq!((code, &value["error"]["kind"]), (Some(3), &"clock_went_back".into()));
    assert!(value["error"]["message"].as_str().unwrap().contains("set the clock right"));
    let (_, status) = back(&["privacy", "status"]);
    assert!(status["problems"].to_string().contains("set it right"), "{status}");
    // The third epoch has a release too; by this clock it is not made.
    let (code, _) = back(&["federation", "checkpoint"]);
    assert_eq!(code, Some(0));
    let (_, explained) = back(&["privacy", "explain"]);
    assert_eq!(explained["releases"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_flipped_bit_in_the_ledger_is_named_and_nothing_is_released_or_lost() {
    let cluster = Cluster::of(1);
    let ada = founder(&cluster, "outcomes");
    set(&ada, &["--epsilon", "4"]);
    let verified = ada.json(&["privacy", "ledger", "verify"]);
    assert_eq!((&verified["releases"], &verified["sampled"]), (&1.into(), &1.into()));
    let before = ada.json(&["status"]);
    let flip = |index: u64| {
        let store = Store::open(&ada.home().join("store")).unwrap();
        let mut bytes = store.get(RecordKind::LedgerEntry, &index.to_be_bytes()).unwrap().unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        store
            .put(RecordKind::LedgerEntry, &index.to_be_bytes(), &bytes, Durability::Synced)
            .unwrap();
    };
    let reserved = entries(&ada).iter().position(|e| matches!(e, Entry::Reserved(_))).unwrap();
    flip(reserved as u64);
    // The bit shows in the entry itself or in the hash that the next one names.
    for args in [
        &["privacy", "ledger", "verify"][..],
        &["privacy", "status"],
        &["privacy", "set", "--epsilon", "4", "--yes"],
        &["federation", "checkpoint"],
    ] {
        let error = ada.error(args);
        assert_eq!((&error["kind"], &error["exit"]), (&"ledger_damaged".into(), &1.into()));
        let text = error["message"].as_str().unwrap();
        let named = [reserved, reserved + 1].iter().any(|n| text.contains(&format!("entry {n}:")));
        assert!(named && text.contains("lore store restore"), "{text}");
    }
    flip(reserved as u64);
    assert_eq!(ada.json(&["status"]), before);
    assert_eq!(ada.json(&["privacy", "ledger", "verify"]), verified);
}

#[test]
fn two_processes_never_work_on_one_home() {
    let cluster = Cluster::of(1);
    let mut ada = cluster.running("ada");
    let pid = ada.pid().to_string();
    // Without the socket a verb cannot ask the daemon, and must not open the store beside it.
    fs::remove_file(ada.home().join("control.sock")).unwrap();
    for args in [
        &["privacy", "set", "--epsilon", "4", "--yes"][..],
        &["privacy", "ledger", "verify"],
        &["run"],
    ] {
        refused(&ada, args, "home_held", 1, &[&pid]);
    }
    ada.kill9();
    assert!(ada.json(&["privacy", "status"])["budget"].is_null());
}

#[test]
fn a_full_disk_between_paying_and_signing_loses_nothing_and_repeats_nothing() {
    let cluster = Cluster::of(1);
    let ada = founder(&cluster, "lessons");
    let mut command = ada.faulty(&["privacy", "set", "--epsilon", "4", "--yes", "--json"]);
    let out = command.env("LORE_TEST_FAULT", "full:drawn").output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(said.contains("full disk"), "{said}");
    assert!(!said.contains("panicked"), "{said}");

    let release = releases(&ada);
    assert_eq!(release.len(), 1, "it stays paid for: {release:?}");
    assert_eq!(release[0]["state"], "committed");
    let spent = ada.json(&["privacy", "status"])["spent"]["rho_nano"].as_u64().unwrap();
    assert!(spent > 0 && spent == release[0]["cost"]["rho_nano"].as_u64().unwrap());
    let verified = ada.json(&["privacy", "ledger", "verify"]);
    assert_eq!((&verified["sampled"], &verified["voided"]), (&0.into(), &1.into()));
}

/// A file system of its own, a few megabytes in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it at a new directory; says why where that is not allowed.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        use rustix::mount::{MountFlags, mount};
        fs::create_dir(at).unwrap();
        let options = CString::new(format!("size={size},mode=0700")).unwrap();
        match mount("lore-test", at, "tmpfs", MountFlags::empty(), options.as_c_str()) {
            Ok(()) => Some(Self(at.to_owned())),
            Err(error) => {
                println!("skipped: no file system can be mounted here ({error}); run it as root");
                None
            }
        }
    }

    /// Takes what is left: a store that is closed gives back what it had set aside.
    fn fill(&self) {
        let path = self.0.join("filler");
        let mut filler = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
        let now = rustix::fs::statvfs(&self.0).unwrap();
        assert_eq!(now.f_bavail, 0);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}

/// The store sets room for its log aside, so that the writes of a release that began may well succeed on a
/// file system that is full: what must hold is the same in both cases.
#[test]
fn a_file_system_that_fills_up_between_paying_and_signing_loses_nothing_and_repeats_nothing() {
    let cluster = Cluster::of(1);
    let Some(disk) = SmallDisk::mount(&cluster.path().join("ada"), "64m") else { return };
    let ada = founder(&cluster, "lessons");
    let mut command = ada.faulty(&["privacy", "set", "--epsilon", "4", "--yes", "--json"]);
    let out = command.env("LORE_TEST_FAULT", "fill:drawn").output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    disk.fill();
    // With no room nothing new can be signed, and the verb says so without harm.
    let full = ada.run(&["federation", "checkpoint", "--json"]);
    assert!(full.code.is_some_and(|code| code == 1), "{full:?}");
    assert!(!full.stderr.contains("panicked"), "{full:?}");

    fs::remove_file(ada.home().join("filler")).unwrap();
    let release = releases(&ada);
    assert_eq!(release.len(), 1, "it stays paid for: {release:?}");
    assert_eq!(release[0]["state"], "committed");
    let spent = ada.json(&["privacy", "status"])["spent"]["rho_nano"].as_u64().unwrap();
    assert!(spent > 0 && spent == release[0]["cost"]["rho_nano"].as_u64().unwrap());
    let verified = ada.json(&["privacy", "ledger", "verify"]);
    let count = |key: &str| verified[key].as_u64().unwrap();
    assert_eq!(count("sampled") + count("voided"), 1, "{verified}");
}

fn gate(node: &Node, seconds: Option<u64>) {
    let path = node.home().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let before = text.split("[privacy]").next().unwrap();
    let gate = seconds.map_or("off", |_| "ask");
    let seconds = seconds.unwrap_or(60);
    let table = format!("[privacy]\ngate = \"{gate}\"\ngate_deadline_seconds = {seconds}\n");
    fs::write(&path, format!("{before}{table}")).unwrap();
}

/// A node that is killed at a point, once it has been told of its peers.
fn doomed(node: &Node, point: Point) -> Child {
    let mut command = node.faulty(&["run"]);
    command.env("LORE_TEST_FAULT", format!("kill:{}", point.name()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn a_node_that_is_killed_at_any_point_of_a_release_says_one_thing_and_forgets_no_cost() {
    let cluster = Cluster::of(2);
    let mut ada = cluster.running("ada");
    let mut ben = cluster.running("ben");
    let gated = |point: &Point| [Point::Gated, Point::AtGate, Point::Answered].contains(point);
    // The first epochs are for joining and for an item to count outcomes of.
    let epochs = |with: bool| {
        let all = (4_u32..).zip(Point::ALL).filter(|(_, point)| gated(point) == with);
        all.map(|(epoch, _)| epoch.to_string()).collect::<Vec<_>>().join(",")
    };
    let (lessons, outcomes) = (epochs(true), epochs(false));
    ada.found(&["guild", "--lessons-at", &lessons, "--outcomes-at", &outcomes, "--votes-at", "50"]);
    set(&ben, &["--epsilon", "4"]);
    ada.admit(&ben);
    ada.checkpoint();
    ada.share_and_restart("fetch http://127.0.0.1:8123/v2/<arg> -o <out>", "invoice");
    ada.checkpoint();
    converged(&[&ada, &ben]);
    ben.stop();
    for (index, point) in Point::ALL.iter().enumerate() {
        // A person needs time to answer; where the node dies before, the deadline is only waited for.
        let seconds = if *point == Point::Answered { 10 } else { 2 };
        gate(&ben, gated(point).then_some(seconds));
        let mut child = doomed(&ben, *point);
        ada.checkpoint();
        if *point == Point::Answered {
            wait_until("the release waits at the gate", PATIENCE, || {
                let ran = ben.run(&["privacy", "status", "--json"]);
                (ran.code == Some(0) && ran.value()["at_the_gate"] == 1).then_some(())
            });
            assert_ne!(ben.run(&["privacy", "gate", "refuse"]).code, Some(0));
        }
        let ended = wait_until(&format!("it dies at {}", point.name()), PATIENCE, || {
            child.try_wait().unwrap()
        });
        assert_eq!(ended.signal(), Some(6), "{}", point.name());
        let before = entries(&ben);

        ben.start();
        wait_until("the release is over", PATIENCE, || {
            let made = releases(&ben);
            let over = made.len() == index + 1 && made.iter().all(|r| r["state"] == "committed");
            over.then_some(())
        });
        converged(&[&ada, &ben]);
        ben.json(&["privacy", "ledger", "verify"]);
        ben.stop();
        let after = entries(&ben);
        assert_eq!(after[..before.len()], before, "{}: the past was changed", point.name());
        says_one_thing(&cluster, &ada, &after, point.name());
    }
}

/// At most one byte string for a height and one draw for a release, and a spend that covers them all.
fn says_one_thing(cluster: &Cluster, peer: &Node, ledger: &[Entry], point: &str) {
    assert_eq!(peer.federation()["forks"], 0, "{point}: a peer saw two byte strings");
    let log = exported(peer, &cluster.path().join(format!("log-{point}")), &[]);
    let mut drawn = std::collections::BTreeMap::new();
    for entry in ledger {
        if let Entry::Sampled { release, payload } = entry {
            assert!(drawn.insert(*release, payload.clone()).is_none(), "{point}: drawn twice");
        }
    }
    let (mut results, mut voids, mut spent) = (0, 0, 0);
    for delta in &log.deltas {
        match delta.clone().sound().unwrap().payload {
            payload if payload.kind() == PayloadKind::Outcomes => {
                assert!(drawn.values().any(|d| *d == codec::encode(&payload)), "{point}");
                results += 1;
            }
            Payload::Void(_) => voids += 1,
            _ => {}
        }
        spent = spent.max(delta.header.spend.rho_nano);
    }
    let reserved: Vec<u64> = ledger
        .iter()
        .filter_map(|entry| match entry {
            Entry::Reserved(reservation) => Some(reservation.mechanism.rho_nano),
            _ => None,
        })
        .collect();
    assert_eq!(results + voids, reserved.len(), "{point}: every release is a result or a void");
    assert_eq!(
        spent,
        reserved.iter().sum::<u64>(),
        "{point}: what was signed covers what was paid"
    );
}
