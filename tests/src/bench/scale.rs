//! Size that a node bears: a log of many deltas when the node starts, and a library of many lessons when one
//! more delta comes.

use std::path::Path;
use std::process::Command;

use lore_node::config::Config;
use lore_node::home::Home;
use lore_node::host::{Machine, Node};
use lore_node::store::Store;
use lore_protocol::library::{Fold, Open};
use serde_json::{Value, json};

use super::clock::time;
use super::federation::Federation;
use super::ingest::take_replies;
use super::release::status_kib;

/// Measures a start with so many epochs of 2,000 deltas of 200 members, and one delta onto so many lessons.
///
/// # Panics
/// Panics when the node does not take the log in.
#[must_use]
pub fn run(epochs: usize, lessons: usize) -> Value {
    json!({ "start": start(epochs), "fold": fold(lessons) })
}

fn start(epochs: usize) -> Value {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path().join("home");
    let all = Federation::made(200, epochs, 10);
    let home = Home::at(&at).expect("a path");
    home.initialise(&Config::default().to_toml()).expect("a home");
    drop(Store::open_or_create(&home.store_path()).expect("a store"));
    drop(take_replies(&all, &all.replies(), home));
    let program = std::env::current_exe().expect("this program has a path");
    let out = Command::new(program).arg("start-once").arg(&at).output().expect("it runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let once: Value = serde_json::from_slice(&out.stdout).expect("it prints its result");
    let deltas = all.deltas.len();
    let a_million = |key: &str| once[key].as_f64().map(|value| value * 1e6 / deltas as f64);
    json!({
        "deltas": deltas,
        "seconds": once["seconds"],
        "growth_mib": once["growth_mib"],
        "seconds_for_a_million": a_million("seconds"),
        "mib_for_a_million": a_million("growth_mib"),
    })
}

/// Opens a node, and says what that took.
///
/// # Panics
/// Panics when it does not open.
#[must_use]
pub fn once(home: &Path) -> Value {
    let before = status_kib("VmRSS:");
    let home = Home::at(home).expect("a path");
    let (took, node) = time(|| Node::open(home, &Machine::new()).expect("a node"));
    let peak = status_kib("VmHWM:");
    assert_eq!(node.engine().federations().len(), 1);
    json!({ "seconds": took.wall, "growth_mib": peak.saturating_sub(before) as f64 / 1024.0 })
}

fn fold(lessons: usize) -> Value {
    let mut all = Federation::of_lessons(lessons);
    let (mut fold, mut open) = (Fold::default(), Open::default());
    fold.advance(&all.log);
    assert_eq!(fold.sealed().lessons.len(), lessons);
    let before = open.follow(&fold, &all.log).root();
    let already = all.deltas.len();
    all.publish_each(1);
    let deltas = all.deltas.len() - already;
    let (took, root) = time(|| open.follow(&fold, &all.log).root());
    assert_ne!(root, before);
    let (whole, library) = time(|| fold.library(&all.log));
    assert_eq!(library.root(), root);
    json!({
        "lessons": lessons,
        "deltas": deltas,
        "micros": took.wall * 1e6 / deltas as f64,
        "control_all_at_once_micros": whole.wall * 1e6,
    })
}
