//! Members share, converge, die, come back and come late.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lore_tests::log::exported;
use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};

/// Files below a directory with their contents.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().display().to_string();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// `SKILL.md` files of an export, after its owner approved what waited.
fn skills(cluster: &Cluster, node: &Node, name: &str) -> BTreeMap<String, Vec<u8>> {
    node.approve_waiting();
    let into = cluster.path().join(name);
    node.json(&["skill", "export", "--dir", into.to_str().unwrap()]);
    let mut found = files(&into);
    found.retain(|name, _| name.ends_with("SKILL.md"));
    found
}

#[test]
fn a_lesson_shared_on_one_node_is_the_same_skill_on_every_node() {
    let cluster = Cluster::of(3);
    let ada = cluster.running("ada");
    let mut ben = cluster.running("ben");
    let cleo = cluster.running("cleo");
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    ada.admit(&cleo);
    ada.checkpoint();
    let empty = converged(&[&ada, &ben, &cleo]);

    ben.share_and_restart("fetch http://127.0.0.1:8123/v2/<arg> -o <out>", "invoice");
    wait_until("the skill is everywhere", PATIENCE, || {
        [&ada, &ben, &cleo].iter().all(|node| !node.skills().is_empty()).then_some(())
    });
    let root = converged(&[&ada, &ben, &cleo]);
    assert_ne!(root, empty, "the root tells libraries apart");

    let exported = skills(&cluster, &ada, "skills-of-ada");
    assert_eq!(exported.len(), 1);
    let text = String::from_utf8(exported.values().next().unwrap().clone()).unwrap();
    assert!(text.contains("fetch http://127.0.0.1:8123/v2/"), "{text}");
    for node in [&ben, &cleo] {
        let name = format!("skills-of-{}", node.home().file_name().unwrap().display());
        assert_eq!(skills(&cluster, node, &name), exported);
    }
    assert!(fs::exists(cluster.path().join("skills-of-ada")).unwrap());
}

#[test]
fn a_node_that_is_killed_while_it_publishes_loses_nothing_it_acknowledged() {
    let cluster = Cluster::of(2);
    let mut ada = cluster.running("ada");
    let ben = cluster.running("ben");
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    ada.checkpoint();
    for round in 0..3 {
        // A publisher that never pauses: the kill falls into the middle of some publication. Without
        // a daemon the verb does its work alone, so that the flag ends the publisher; the bound
        // ends it when the test fails before.
        let acknowledged = AtomicU64::new(0);
        let killed = AtomicBool::new(false);
        let publisher = |node: &Node| {
            for _ in (0..1000).take_while(|_| !killed.load(Ordering::SeqCst)) {
                let ran = node.run(&["federation", "checkpoint", "--json"]);
                // The one that the kill falls into fails: it was not acknowledged.
                if ran.code == Some(0) {
                    acknowledged.store(ran.value()["epoch"].as_u64().unwrap(), Ordering::SeqCst);
                }
            }
        };
        let mut daemon = ada.take_daemon();
        std::thread::scope(|scope| {
            scope.spawn(|| publisher(&ada));
            let before = ben.federation()["epoch"].as_u64().unwrap();
            wait_until("a few were acknowledged", PATIENCE, || {
                (acknowledged.load(Ordering::SeqCst) > before + 3 + round).then_some(())
            });
            daemon.kill().unwrap();
            daemon.wait().unwrap();
            killed.store(true, Ordering::SeqCst);
        });
        let acknowledged = acknowledged.into_inner();
        ada.json(&["store", "check"]);
        ada.start();
        let epoch = ada.federation()["epoch"].as_u64().unwrap();
        assert!(epoch > acknowledged, "epoch {acknowledged} was acknowledged, {epoch} is open");
        converged(&[&ada, &ben]);
    }
    assert_eq!(ada.federation()["forks"], 0, "nothing was signed twice");
}

#[test]
fn a_node_that_was_down_catches_up_and_its_own_work_goes_out() {
    let cluster = Cluster::of(2);
    let mut ada = cluster.running("ada");
    let mut ben = cluster.running("ben");
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    ben.kill9();
    // Signed and acknowledged while no node runs at all on ben's side.
    ben.share("grep -rn <arg> src", "search", &[]);
    ada.share_and_restart("tar -xzf <arg>", "archive");
    ben.start();
    converged(&[&ada, &ben]);
    wait_until("both lessons are on both", PATIENCE, || {
        [&ada, &ben].iter().all(|node| node.federation()["lessons"] == 2).then_some(())
    });
    ada.checkpoint();
    converged(&[&ada, &ben]);
}

#[test]
fn who_joins_late_has_everything_and_every_log_refolds_to_the_same_root() {
    let cluster = Cluster::of(3);
    let mut ada = cluster.running("ada");
    let ben = cluster.running("ben");
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    ada.checkpoint();
    for n in 0..3 {
        ada.stop();
        ada.share(&format!("convert --depth {} <arg> <out>", 8 + n), "picture", &[]);
        ada.share(&format!("sort -k{} <arg>", 2 + n), "table", &[]);
        ada.start();
        ada.checkpoint();
    }
    let late = cluster.running("late");
    ben.admit(&late);
    ada.checkpoint();
    let root = converged(&[&ada, &ben, &late]);
    assert_eq!(late.federation()["lessons"], 6);
    assert_eq!(
        skills(&cluster, &late, "late-skills"),
        skills(&cluster, &ada, "ada-skills"),
        "who comes late exports the same"
    );
    for (name, node) in [("ada", &ada), ("ben", &ben), ("late", &late)] {
        let into = cluster.path().join(format!("{name}-log"));
        let said = exported(node, &into, &[]).said;
        assert_eq!(said["root"], root.as_str());
        for seed in ["1", "2", "3"] {
            let path = into.to_str().unwrap();
            let folded = node.json(&["federation", "refold", path, "--seed", seed]);
            assert_eq!(folded["root"], root.as_str(), "{name} with seed {seed}");
            assert_eq!(folded["accepted"], folded["deltas"]);
        }
    }
}

#[test]
fn a_detached_node_runs_on_its_own_and_a_second_one_is_refused_naming_it() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let pid = node.json(&["run", "--detach"])["pid"].clone();
    assert_eq!(node.json(&["status"])["daemon"], pid);
    for args in [&["run"][..], &["run", "--detach"]] {
        let error = node.error(args);
        assert_eq!(error["exit"], 1);
        assert!(error["message"].as_str().unwrap().contains(&pid.to_string()), "{error}");
    }
    node.json(&["stop"]);
    assert!(node.json(&["status"])["daemon"].is_null());
}

#[test]
fn a_member_leaves_and_another_is_revoked_by_two_voices() {
    let cluster = Cluster::of(3);
    let ada = cluster.running("ada");
    let (ben, cleo) = (cluster.running("ben"), cluster.running("cleo"));
    ada.json(&["federation", "create", "guild"]);
    ada.admit(&ben);
    ada.admit(&cleo);
    ada.checkpoint();
    converged(&[&ada, &ben, &cleo]);
    let target = ben.federation()["member"].as_str().unwrap().to_owned();
    let roster = |node: &Node| node.json(&["federation", "show"])["members"].to_string();
    assert!(roster(&ada).contains(&target));

    let revoke = ["federation", "revoke", "guild", &target[..12], "--reason", "it floods"];
    let error = cleo.error(&revoke);
    assert_eq!((&error["kind"], &error["exit"]), (&"not_agreed".into(), &3.into()));
    let sure = [&revoke[..], &["--yes"]].concat();
    let first = cleo.json(&sure);
    assert_eq!((&first["voices"], &first["needed"]), (&1.into(), &2.into()), "{first}");
    assert_eq!(first["member"], target.as_str());
    let nobody = cleo.error(&["federation", "revoke", "guild", "zz", "--reason", "x", "--yes"]);
    assert_eq!(nobody["exit"], 2, "{nobody}");
    converged(&[&ada, &ben, &cleo]);
    assert_eq!(ada.json(&sure)["voices"], 2);
    ada.checkpoint();
    assert!(!roster(&ada).contains(&target));
    converged(&[&ada, &cleo]);
    assert!(!roster(&cleo).contains(&target));

    let mine = cleo.federation()["member"].as_str().unwrap().to_owned();
    let leave = ["federation", "leave", "guild", "--reason", "moved on"];
    assert_eq!(cleo.error(&leave)["kind"], "not_agreed");
    cleo.json(&[&leave[..], &["--yes"]].concat());
    assert_eq!(cleo.federation()["former_member"], true);
    assert_eq!(cleo.error(&[&leave[..], &["--yes"]].concat())["kind"], "former_member");
    let founder = ada.error(&["federation", "leave", "guild", "--yes"]);
    assert_eq!((&founder["kind"], &founder["exit"]), (&"signer".into(), &3.into()));
    converged(&[&ada, &cleo]);
    ada.checkpoint();
    assert!(!roster(&ada).contains(&mine));
}
