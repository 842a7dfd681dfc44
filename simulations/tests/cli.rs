//! `lore-sim` as a process: exit codes, what stands where, and the line that reproduces a failure.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn lore_sim(args: &[&str]) -> Output {
    // Reports go below the current directory.
    let directory = env!("CARGO_TARGET_TMPDIR");
    Command::new(env!("CARGO_BIN_EXE_lore-sim")).args(args).current_dir(directory).output().unwrap()
}

fn last_object(output: &Output) -> serde_json::Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

fn scenario_file(name: &str, change: impl Fn(&str) -> String) -> String {
    let text = lore_simulations::scenario::shipped("lossy-mesh").unwrap();
    let text = text.replace("nodes = 30", "nodes = 6").replace("degree = 6", "degree = 3");
    let text = text.replace("spread_s = 60", "spread_s = 20");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, change(&text)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn list_names_every_shipped_scenario() {
    let output = lore_sim(&["list", "--json"]);
    assert!(output.status.success());
    let listed = last_object(&output);
    assert_eq!(listed["scenarios"].as_array().unwrap().len(), 5);
}

#[test]
fn a_run_ends_with_one_object_and_repeats_to_the_byte() {
    let path = scenario_file("repeats.toml", str::to_owned);
    let args = ["run", &path, "--seed", "3", "--seeds", "2", "--json"];
    let first = lore_sim(&args);
    assert!(first.status.success(), "{first:?}");
    let result = last_object(&first);
    assert_eq!(result["ok"], true);
    assert_eq!(result["runs"][1]["seed"], 4);
    assert_eq!(first.stdout, lore_sim(&[&args[..], &["--threads", "1"]].concat()).stdout);
}

#[test]
fn a_failed_run_says_how_to_reproduce_it() {
    // Without gossip, and with a round every quarter of an hour, nobody can agree in a second.
    let path = scenario_file("fails.toml", |text| {
        text.replace("degree = 3", "degree = 0")
            .replace("period_ms = 2000\n", "period_ms = 900000\n")
            .replace("settle_s = 120", "settle_s = 1")
    });
    let output = lore_sim(&["run", &path, "--seed", "9"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains(&format!("lore-sim run {path} --seed 9")), "{errors}");
}

#[test]
fn bad_input_is_named() {
    let path = scenario_file("unknown.toml", |text| text.replace("jitter_ms", "jiter_ms"));
    let output = lore_sim(&["run", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("jiter_ms"));

    let output = lore_sim(&["run", "no-such-scenario"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("lore-sim list"));

    assert_eq!(lore_sim(&["frobnicate"]).status.code(), Some(2));
}

#[test]
fn the_drift_study_prints_its_result_and_repeats() {
    let args = ["drift", "--nodes", "4", "--users", "40", "--phase", "6", "--seeds", "2", "--json"];
    let first = lore_sim(&args);
    assert!(first.status.success(), "{first:?}");
    let report = last_object(&first);
    assert_eq!(report["rows"].as_array().unwrap().len(), 6);
    assert_eq!(report["rows"][0]["arm"], "federation");
    assert_eq!(first.stdout, lore_sim(&args).stdout);
    let text = String::from_utf8(lore_sim(&args[..args.len() - 1]).stdout).unwrap();
    assert!(text.contains("each node alone") && text.contains("At the alarm"), "{text}");
}

#[test]
fn a_manifest_replays_and_a_changed_one_is_refused() {
    let path = scenario_file("manifest.toml", str::to_owned);
    let manifest = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("manifest.json");
    let manifest = manifest.to_str().unwrap();
    let run = ["run", &path, "--seeds", "2..3", "--threads", "1", "--manifest", manifest, "--json"];
    let output = lore_sim(&run);
    assert!(output.status.success(), "{output:?}");
    let traces = |value: &serde_json::Value, of: fn(&serde_json::Value) -> &serde_json::Value| {
        let runs = value["runs"].as_array().unwrap();
        runs.iter().map(|run| of(run).to_string()).collect::<Vec<_>>()
    };
    let first = traces(&last_object(&output), |run| &run["trace"]);
    assert_eq!(first.len(), 2);
    for threads in ["1", "2", "5"] {
        let output = lore_sim(&["replay", manifest, "--threads", threads, "--json"]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(traces(&last_object(&output), |run| &run["now"]["trace"]), first);
    }

    // A trace that this program does not give, in a manifest that is whole.
    let text = std::fs::read_to_string(manifest).unwrap();
    let broken = format!("{manifest}.broken");
    let fails = |text: String, words: &str| {
        std::fs::write(&broken, text).unwrap();
        let output = lore_sim(&["replay", &broken]);
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(words), "{errors}");
    };
    fails(text.replace("seed\": 2", "seed\": 4"), "changed or damaged");
    fails(text[..text.len() / 2].to_owned(), "not a manifest");
    fails(text.replace("\"format\": 1", "\"format\": 7"), "format 7");
    let output = lore_sim(&["run", &path, "--seed", "1", "--seeds", "2..3"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lore_sim(&["run", &path, "--seeds", "3..2"]).status.code(), Some(2));
}

#[test]
fn too_large_a_scenario_is_refused_before_it_begins() {
    let path = scenario_file("large.toml", |text| {
        text.replace("nodes = 6", "nodes = 400")
            .replace("deltas_per_node = 6", "deltas_per_node = 10000\npayload_bytes = 16000")
    });
    let output = lore_sim(&["run", &path]);
    // Four hundred copies of four million deltas: no machine has that.
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("MiB are free") && errors.contains("deltas_per_node"), "{errors}");
}

#[test]
fn fault_schedules_print_a_typed_result() {
    let output = lore_sim(&["faults", "--seeds", "3..5", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let result = last_object(&output);
    assert_eq!((&result["ok"], &result["schedules"]), (&true.into(), &3.into()));
}
