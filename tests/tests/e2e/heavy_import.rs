//! Stores of sessions that are far larger than the memory that an import may take.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use lore_session::Session;
use lore_tests::pty::at_a_terminal;
use lore_tests::sessions::learnt;
use lore_tests::{Cluster, Node};
use serde_json::json;

/// Most memory of a node that imports, in KiB.
const MOST_KIB: u64 = 400 << 10;
/// Size of one file of the large store, in bytes.
const FILE_BYTES: usize = 64 << 20;
/// Sessions of the store with many, and of one of its files.
const SESSIONS: usize = 100_000;
const SESSIONS_A_FILE: usize = 5_000;

/// Size of the large store in GiB: 1, or what `LORE_TEST_STORE_GIB` says.
fn store_gib() -> usize {
    let wanted = std::env::var("LORE_TEST_STORE_GIB").ok();
    wanted.map_or(1, |wanted| wanted.parse().expect("a number of GiB"))
}

fn peak_kib(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One session of Claude Code with outputs of 48 KiB, until the file is as large as it should be.
fn large(path: &Path, id: &str) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let output = "line of output\n".repeat(3_300);
    let line = |kind: &str, uuid: String, content: serde_json::Value| {
        json!({"type": kind, "uuid": uuid, "sessionId": id, "timestamp": "2026-03-02T09:00:00Z",
            "message": {"role": kind, "content": content}})
        .to_string()
    };
    writeln!(file, "{}", line("user", format!("{id}-u"), json!("Build the report"))).unwrap();
    let (mut written, mut at) = (0, 0);
    while written < FILE_BYTES {
        let call = json!([{"type": "tool_use", "id": format!("{id}-{at}"), "name": "Bash",
            "input": {"command": format!("make part{at}")}}]);
        let answer = json!([{"type": "tool_result", "tool_use_id": format!("{id}-{at}"), "content": output}]);
        let lines = [
            line("assistant", format!("{id}-a{at}"), call),
            line("user", format!("{id}-r{at}"), answer),
        ];
        for line in &lines {
            writeln!(file, "{line}").unwrap();
            written += line.len() + 1;
        }
        at += 1;
    }
    file.flush().unwrap();
}

/// Imports a directory while the node runs, at a terminal.
fn import(node: &Node, place: &Path, least_steps: usize) {
    let begun = Instant::now();
    let mut command = node.command(&["session", "import", place.to_str().unwrap()]);
    let (status, shown) = at_a_terminal(command.env("TERM", "xterm"), "");
    assert!(status.success(), "{shown}");
    let peak = peak_kib(node);
    println!("imported in {:?}, at most {peak} KiB", begun.elapsed());
    // How far it is, again and again.
    let steps: BTreeSet<&str> = shown
        .split(" files, ")
        .skip(1)
        .filter_map(|step| step.split_once(" sessions"))
        .map(|(n, _)| n)
        .collect();
    assert!(steps.len() >= least_steps, "{} steps shown: {shown}", steps.len());
    assert!(peak < MOST_KIB, "{peak} KiB");
}

#[test]
fn a_store_of_a_gigabyte_is_imported_within_a_bound_of_memory() {
    let cluster = Cluster::of(1);
    let node = cluster.running("ada");
    let place = cluster.path().join("large");
    fs::create_dir(&place).unwrap();
    let files = store_gib() * (1 << 30) / FILE_BYTES;
    for n in 0..files {
        large(&place.join(format!("{n:05}.jsonl")), &format!("large-{n}"));
    }
    let bytes: u64 =
        fs::read_dir(&place).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes >= (store_gib() as u64) << 30);
    import(&node, &place, 3);
    assert_eq!(node.json(&["session", "list"])["total"], files);
}

#[test]
fn a_hundred_thousand_sessions_are_imported_within_a_bound_of_memory() {
    let cluster = Cluster::of(1);
    let node = cluster.running("ada");
    let place = cluster.path().join("many");
    fs::create_dir(&place).unwrap();
    let one: Session = learnt("many", "Fetch the report", "fetch --all report", "fetch report");
    for first in (0..SESSIONS).step_by(SESSIONS_A_FILE) {
        let mut file =
            BufWriter::new(File::create(place.join(format!("{first:06}.jsonl"))).unwrap());
        for n in first..first + SESSIONS_A_FILE {
            let session = Session { id: format!("many-{n}"), ..one.clone() };
            writeln!(file, "{}", session.to_line()).unwrap();
        }
        file.flush().unwrap();
    }
    import(&node, &place, 3);
    assert_eq!(node.json(&["session", "list"])["total"], SESSIONS);
}
