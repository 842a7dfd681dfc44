//! Measures how fast sessions are mined: the recorded corpus, repeated to so many megabytes, on one core.
//!
//! `cargo run -p lore-lessons --example mine -- [MEGABYTES]` prints megabytes a second, and how long it takes
//! beside plainly looking at every byte.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use lore_lessons::{Call, findings, keys};

/// Calls of one session: about as many as an ordinary one has.
const CALLS_OF_A_SESSION: usize = 60;

fn main() {
    let megabytes = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_usize);
    let calls = corpus();
    let one: usize = calls.iter().map(bytes).sum();
    let rounds = (megabytes * 1_000_000).div_ceil(one);
    let total = rounds * one;

    let start = Instant::now();
    let mut control = 0_u64;
    for _ in 0..rounds {
        for call in &calls {
            let output = call.output.as_deref().unwrap_or_default();
            control += output.bytes().map(u64::from).sum::<u64>();
        }
    }
    let control_seconds = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let mut lessons = 0;
    for _ in 0..rounds {
        for session in calls.chunks(CALLS_OF_A_SESSION) {
            lessons += keys(&findings(session, "")).len();
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // Megabytes of a measurement.
    let size = total as f64 / 1e6;
    println!(
        "{size:.0} MB in {} sessions: {seconds:.1} s, {:.1} MB/s, {lessons} lessons; {:.0} times a sum of all bytes \
         ({control_seconds:.2} s, {control})",
        rounds * calls.len().div_ceil(CALLS_OF_A_SESSION),
        size / seconds,
        seconds / control_seconds.max(1e-9),
    );
}

fn bytes(call: &Call) -> usize {
    call.command.as_ref().map_or(0, String::len) + call.output.as_ref().map_or(0, String::len)
}

/// All recorded calls, in the order of the files.
fn corpus() -> Vec<Call> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/corpus");
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut calls = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let scenario: serde_json::Value = serde_json::from_str(line).unwrap();
            for call in scenario["calls"].as_array().unwrap() {
                let exit = call["exit"].as_i64().unwrap();
                calls.push(Call {
                    tool: "Bash".into(),
                    command: call["command"].as_str().map(str::to_owned),
                    exit: i32::try_from(exit).ok(),
                    failed: exit != 0,
                    output: call["output"].as_str().map(str::to_owned),
                    ..Call::default()
                });
            }
        }
    }
    calls
}
