//! A copy of a home that is put back: the node signs nothing before it has asked a member, and then
//! goes on where the network knows it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lore_protocol::ids::PublicKey;
use lore_protocol::log::Log;
use lore_tests::files::copy_tree;
use lore_tests::log::exported;
use lore_tests::node::converged;
use lore_tests::sessions::{learnt, write};
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};

/// Way in which the copy is made, and put back over a home that has gone on.
type Copying = (fn(&Node, &Path), fn(&Node, &Path));

/// The whole directory, as a person copies it.
const DIRECTORY: Copying = (
    |node, copy| copy_tree(node.home(), copy),
    |node, copy| {
        fs::remove_dir_all(node.home()).unwrap();
        copy_tree(copy, node.home());
    },
);

/// By the verbs that are there for it.
const VERBS: Copying = (
    |node, copy| drop(node.json(&["store", "backup", copy.to_str().unwrap()])),
    |node, copy| {
        fs::remove_dir_all(node.home().join("store")).unwrap();
        node.json(&["store", "restore", copy.to_str().unwrap()]);
    },
);

/// Users with one lesson each to learn, the same for all.
fn work(cluster: &Cluster, node: &Node) {
    for user in 0..30 {
        let value = 4700 + user;
        let task = format!(
            "Fetch invoice {value} and save it as {user}.txt. \
             `fetch http://127.0.0.1:8080/inv/{value} -o {user}.txt`"
        );
        let wrong = format!("fetch http://127.0.0.1:8080/inv/{value} -o {user}.txt");
        let right = format!("fetch http://127.0.0.1:8123/v2/{value} -o {user}.txt");
        let file = cluster.path().join(format!("{user}.jsonl"));
        write(&file, &[learnt(&format!("session-{user}"), &task, &wrong, &right)]);
        let user = format!("user-{user}");
        node.json(&["session", "import", file.to_str().unwrap(), "--user", &user]);
    }
}

/// A node's chain as another node has it: ids by height, and the spend of its newest delta.
fn chain(log: &Log, key: PublicKey) -> (BTreeMap<u64, String>, u64) {
    let member = log.member_of(&key).unwrap();
    let mut heights = BTreeMap::new();
    for (id, entry) in log.entries().filter(|(_, entry)| entry.chain == member) {
        let again = heights.insert(entry.header().seq, id.to_string());
        assert!(again.is_none(), "two deltas at height {}", entry.header().seq);
    }
    (heights, log.spend(member).rho_nano)
}

/// `lesson share`, answered with yes at a terminal: the exit code, and what was shown.
fn share(node: &Node, lesson: &str) -> (Option<i32>, String) {
    node.agree_long_ago(&[lesson, "--about", "archive"])
}

fn a_copy_is_put_back((copy, put_back): Copying) {
    let cluster = Cluster::of(2);
    let mut ada = cluster.running("ada");
    let mut ben = cluster.running("ben");
    ada.found(&["guild", "--lessons-at", "3", "--outcomes-at", "4", "--votes-at", "50"]);
    work(&cluster, &ben);
    ben.json(&["privacy", "set", "--epsilon", "4", "--yes"]);
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    let key = ben.json(&["status"])["key"].as_str().unwrap().parse().unwrap();
    assert!(ben.json(&["status"])["recovering"].is_null());
    ben.stop();
    let backup = cluster.path().join("backup");
    copy(&ben, &backup);

    // The original goes on: it releases, publishes, and what it did is known.
    ben.start();
    assert!(ben.json(&["status"])["recovering"].is_null(), "the original is no copy");
    ada.checkpoint();
    wait_until("the original released", PATIENCE, || {
        (ada.federation()["lessons"] == 1).then_some(())
    });
    ben.share_and_restart("tar -xzf <arg>", "archive");
    wait_until("the original published", PATIENCE, || {
        (ada.federation()["lessons"] == 2).then_some(())
    });
    let before = exported(&ada, &cluster.path().join("before"), &[]).log;
    let (before, spent) = chain(&before, key);
    assert!(spent > 0);
    ben.stop();
    put_back(&ben, &backup);

    // Nothing is signed, by a verb or by the running node, and both say why.
    ada.stop();
    for run in [false, true] {
        if run {
            ben.start();
        }
        let status = ben.json(&["status"]);
        assert_eq!(status["recovering"], "restored", "{status}");
        assert!(status["next"].as_str().unwrap().contains("synced with a member"), "{status}");
        assert_eq!(status["privacy"]["spent"]["rho_nano"].as_u64().unwrap_or(0), 0, "{status}");
        if run {
            ben.stop();
        }
        let (code, shown) = share(&ben, "sort -k2 <arg>");
        assert_eq!(code, Some(3), "{shown}");
        assert!(shown.contains("restored") && shown.contains("synced with a member"), "{shown}");
    }

    // Once a member was asked it goes on from there, and what the original spent is spent.
    ada.start();
    ben.start();
    wait_until("the copy has asked", PATIENCE, || {
        ben.json(&["status"])["recovering"].is_null().then_some(())
    });
    converged(&[&ada, &ben]);
    let explained = ben.json(&["privacy", "status"]);
    assert!(explained["spent"]["epsilon"].as_f64().unwrap() > 0.0, "{explained}");
    ben.stop();
    let (code, shown) = share(&ben, "sort -k2 <arg>");
    assert_eq!(code, Some(0), "{shown}");
    ben.start();
    ada.checkpoint();
    ada.checkpoint();
    wait_until("the copy's own lesson is known", PATIENCE, || {
        (ada.federation()["lessons"] == 3).then_some(())
    });
    converged(&[&ada, &ben]);
    let after = exported(&ada, &cluster.path().join("after"), &[]).log;
    let (after, spent_after) = chain(&after, key);
    assert!(after.len() > before.len());
    assert!(before.iter().all(|(seq, id)| after.get(seq) == Some(id)), "what was known stands");
    assert!(spent_after >= spent, "{spent_after} after {spent}");
    assert_eq!(ada.federation()["forks"], 0);
    assert_eq!(ben.federation()["forks"], 0);
}

#[test]
fn a_copied_home_signs_nothing_before_a_member_was_asked_and_nothing_twice() {
    a_copy_is_put_back(DIRECTORY);
}

#[test]
fn a_restored_backup_signs_nothing_before_a_member_was_asked_and_nothing_twice() {
    a_copy_is_put_back(VERBS);
}

/// Writes the files of a snapshot into those of a home, and removes what is newer: no directory and no file
/// becomes another one, as with a volume that is rolled back.
fn roll_back(home: &Path, snapshot: &Path) {
    for entry in fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        let before = snapshot.join(path.file_name().unwrap());
        if path.is_dir() && before.is_dir() {
            roll_back(&path, &before);
        } else if path.is_file() && !before.exists() {
            fs::remove_file(&path).unwrap();
        }
    }
    copy_tree(snapshot, home);
}

#[test]
fn a_home_that_was_rolled_back_in_place_signs_nothing_more_and_every_verb_says_so() {
    let cluster = Cluster::of(2);
    let ada = cluster.running("ada");
    let mut ben = cluster.running("ben");
    ada.found(&["guild"]);
    ben.json(&["privacy", "set", "--epsilon", "4", "--unit", "user", "--yes"]);
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    ben.stop();
    let snapshot = cluster.path().join("snapshot");
    copy_tree(ben.home(), &snapshot);
    ben.start();
    ben.share_and_restart("tar -xzf <arg>", "archive");
    wait_until("the lesson is known", PATIENCE, || {
        (ada.federation()["lessons"] == 1).then_some(())
    });
    ben.stop();
    roll_back(ben.home(), &snapshot);

    ben.start();
    assert!(ben.json(&["status"])["recovering"].is_null(), "it looks like itself");
    let told = wait_until("a member knows more", PATIENCE, || {
        let problems = ben.federation()["problems"].clone();
        problems[0].as_str().map(ToOwned::to_owned)
    });
    assert!(told.contains("did not sign") && told.contains("lore store restore"), "{told}");
    let status = ben.json(&["privacy", "status"]);
    assert!(status["problems"].to_string().contains("did not sign"), "{status}");
    let doctor = ben.run(&["doctor"]);
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains("FAILED  federation"), "{}", doctor.stdout);
    ben.stop();
    let (code, shown) = share(&ben, "sort -k2 <arg>");
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("stop the other copy"), "{shown}");

    // The way out that it names: the store is put back as a copy, which asks first.
    let copy = cluster.path().join("copy");
    ben.json(&["store", "backup", copy.to_str().unwrap()]);
    fs::remove_dir_all(ben.home().join("store")).unwrap();
    ben.json(&["store", "restore", copy.to_str().unwrap()]);
    ben.start();
    wait_until("it signs again", PATIENCE, || {
        let status = ben.json(&["status"]);
        let well = status["federations"][0]["problems"].as_array().is_some_and(Vec::is_empty);
        (status["recovering"].is_null() && well).then_some(())
    });
    ada.checkpoint();
    converged(&[&ada, &ben]);
    assert_eq!(ada.federation()["forks"], 0);
}
