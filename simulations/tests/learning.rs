//! Gossip learning as a process: a run repeats to the byte, its samples can be written and read, and bad input is named.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

fn lore_sim(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lore-sim")).args(args).current_dir(directory).output().unwrap()
}

fn object(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The shipped scenario with twelve nodes and ten rounds.
fn small(directory: &Path) -> String {
    let text = lore_simulations::learning::SHIPPED.1;
    let text = text.replace("nodes = 100", "nodes = 12").replace("rounds = 100", "rounds = 10");
    std::fs::write(directory.join("small.toml"), &text).unwrap();
    text
}

#[test]
fn a_run_repeats_on_any_number_of_threads_and_from_its_own_samples() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let text = small(here);
    let args = ["run", "small.toml", "--seed", "5", "--seeds", "2", "--json"];
    let first = lore_sim(here, &args);
    let result = object(&first);
    assert_eq!(
        (&result["runs"][1]["seed"], &result["runs"][0]["updates"]),
        (&6.into(), &120.into())
    );
    assert_eq!(first.stdout, lore_sim(here, &[&args[..], &["--threads", "1"]].concat()).stdout);

    let written = ["samples", "small.toml", "--seed", "5", "-o", "samples.csv", "--json"];
    let written = object(&lore_sim(here, &written));
    assert_eq!((&written["train"], &written["test"]), (&480.into(), &1000.into()));
    let read = text.replace("samples = 40\ndimensions = 58", "table = \"samples.csv\"");
    std::fs::write(here.join("read.toml"), read).unwrap();
    let again = object(&lore_sim(here, &["run", "read.toml", "--seed", "5", "--json"]));
    assert_eq!(again["runs"][0], result["runs"][0]);
}

#[test]
fn a_run_leaves_a_report_and_a_table_and_a_sweep_takes_it_as_base() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    small(here);
    let output = lore_sim(here, &["run", "small.toml", "--seeds", "2", "--out", "out"]);
    assert!(output.status.success(), "{output:?}");
    for file in ["out/gossip-learning.html", "out/gossip-learning.parquet"] {
        assert!(here.join(file).is_file(), "{file}");
    }
    let sweep = "name = \"s\"\nbase = \"small.toml\"\nseeds = { first = 1, count = 2 }\n[axes]\ndegree = [3, 5]\n";
    std::fs::write(here.join("sweep.toml"), sweep).unwrap();
    let ran = object(&lore_sim(here, &["sweep", "run", "sweep.toml", "--json"]));
    assert_eq!(ran["computed"], 4);
}

#[test]
fn bad_input_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let no_learning = error(&lore_sim(here, &["samples", "lossy-mesh", "-o", "s.csv"]));
    assert!(no_learning.contains("no learning scenario"), "{no_learning}");
    let format = error(&lore_sim(here, &["samples", "gossip-learning", "-o", "s.txt"]));
    assert!(format.contains("must end in .csv"), "{format}");
    let manifest = ["run", "gossip-learning", "--manifest", "m.json"];
    assert!(error(&lore_sim(here, &manifest)).contains("--manifest is for federations"));
    let python = error(&lore_sim(here, &["bench", "--quick", "--gossipy", "/nonexistent/python"]));
    assert!(python.contains("gossipy-dfl") && python.contains("cannot start"), "{python}");
    let program = error(&lore_sim(here, &["bench", "--quick", "--iroh", "/nonexistent/sim"]));
    assert!(program.contains("iroh-gossip") && program.contains("cannot start"), "{program}");
}
