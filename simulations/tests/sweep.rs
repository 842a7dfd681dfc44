//! Sweeps as a user runs them: shards from flags and from a scheduler's environment, a kill, a merge, a query.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const SWEEP: &str = "name = \"small\"\nbase = \"base.toml\"\nseeds = { first = 1, count = 2 }\n\
                     [axes]\nnetwork.loss = [0.0, 0.2]\n\"gossip.degree\" = [0, 3]\n";

/// Variables of a scheduler.
type Variables<'a> = &'a [(&'a str, &'a str)];

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text = lore_simulations::scenario::shipped("lossy-mesh").unwrap();
    let text = text.replace("nodes = 30", "nodes = 4").replace("degree = 6", "degree = 3");
    let text =
        text.replace("spread_s = 60", "spread_s = 5").replace("per_node = 6", "per_node = 1");
    std::fs::write(directory.path().join("base.toml"), text).unwrap();
    std::fs::write(directory.path().join("sweep.toml"), SWEEP).unwrap();
    directory
}

/// `lore-sim` in a directory, with nothing of a scheduler in its environment but `variables`.
fn command(at: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lore-sim"));
    for name in lore_simulations::sweep::INDEX_VARIABLES {
        command.env_remove(name);
    }
    command.env_remove("SLURM_ARRAY_TASK_COUNT").current_dir(at);
    command.envs(variables.iter().copied());
    command
}

fn run(at: &Path, variables: &[(&str, &str)], args: &[&str]) -> Output {
    command(at, variables).args(args).output().unwrap()
}

fn json(at: &Path, variables: &[(&str, &str)], args: &[&str]) -> Value {
    let output = run(at, variables, &[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(at: &Path, variables: &[(&str, &str)], args: &[&str]) -> String {
    let output = run(at, variables, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn results(at: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "parquet"));
    files.sort();
    files
}

#[test]
fn shards_of_a_scheduler_merge_to_the_bytes_of_one_run() {
    let at = directory();
    let at = at.path();
    let plan = json(at, &[], &["sweep", "plan", "sweep.toml"]);
    assert_eq!(plan["cells"].as_array().unwrap().len(), 8);
    let whole = json(at, &[], &["sweep", "run", "sweep.toml", "--out", "whole"]);
    assert_eq!((&whole["computed"], &whole["shard"]), (&8.into(), &"0/1".into()));
    let shards: [(Variables<'_>, &[&str]); 4] = [
        (&[("SLURM_ARRAY_TASK_ID", "0"), ("SLURM_ARRAY_TASK_COUNT", "4")], &[]),
        (&[("JOB_COMPLETION_INDEX", "1")], &["--shards", "4"]),
        (&[("AWS_BATCH_JOB_ARRAY_INDEX", "2")], &["--shards", "4"]),
        (&[], &["--shard", "3/4"]),
    ];
    for (number, (variables, flags)) in shards.into_iter().enumerate() {
        let args = [&["sweep", "run", "sweep.toml", "--out", "parts"], flags].concat();
        let ran = json(at, variables, &args);
        assert_eq!((&ran["computed"], &ran["shard"]), (&2.into(), &format!("{number}/4").into()));
    }
    let again = json(at, &[], &["sweep", "run", "sweep.toml", "--out", "parts"]);
    assert_eq!((&again["computed"], &again["skipped"]), (&0.into(), &8.into()));
    let merged = |from: &str, to: &str| {
        let merged = json(at, &[], &["merge", from, "-o", to]);
        (std::fs::read(at.join(to)).unwrap(), merged["content_hash"].clone())
    };
    let one = merged("whole", "whole.parquet");
    assert_eq!(one, merged("parts", "parts.parquet"));
    assert_eq!(
        one.1,
        merged("parts", "parts.csv").1,
        "the hash is that of the content, not the format"
    );
}

#[test]
fn a_killed_sweep_goes_on_and_a_damaged_result_is_computed_again() {
    let at = directory();
    let at = at.path();
    let many = SWEEP.replace("count = 2", "count = 20");
    std::fs::write(at.join("sweep.toml"), many).unwrap();
    let args = ["sweep", "run", "sweep.toml", "--out", "out", "--threads", "1"];
    let mut child = command(at, &[]).args(args).spawn().unwrap();
    let out = at.join("out");
    while !out.is_dir() || results(&out).len() < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let there = results(&out).len();
    assert!((3..80).contains(&there), "{there}");
    let missing = refused(at, &[], &["merge", "out", "-o", "x.csv"]);
    assert!(missing.contains("have no result") && missing.contains("sweep run"), "{missing}");
    assert!(!at.join("x.csv").exists());

    let damaged = results(&out)[1].clone();
    std::fs::write(&damaged, b"PAR1").unwrap();
    let output = run(at, &[], &[&args[..], &["--json"]].concat());
    let ran: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(ran["skipped"], there - 1, "{ran}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("was damaged"));
    let name = damaged.file_name().unwrap().to_str().unwrap();
    assert!(damaged.exists() && ran["damaged"][0].as_str().unwrap().ends_with(name));
    json(at, &[], &["merge", "out", "-o", "x.csv"]);
}

#[test]
fn an_index_that_no_shard_has_is_refused() {
    let at = directory();
    let at = at.path();
    let run = ["sweep", "run", "sweep.toml", "--out", "out"];
    let outside =
        refused(at, &[("JOB_COMPLETION_INDEX", "4")], &[&run[..], &["--shards", "4"]].concat());
    assert!(outside.contains("indices go from 0 to 3"), "{outside}");
    let alone = refused(at, &[("AWS_BATCH_JOB_ARRAY_INDEX", "1")], &run);
    assert!(alone.contains("--shards"), "{alone}");
}

/// The script that users submit, with the index that Slurm would set.
#[test]
fn the_script_for_slurm_runs_its_shard() {
    let at = directory();
    let at = at.path();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster/slurm.sh");
    let submit = |variables: &[(&str, &str)]| {
        let mut command = Command::new("sh");
        command.arg(&script).args(["sweep.toml", "out"]).current_dir(at);
        command.env("LORE_SIM", env!("CARGO_BIN_EXE_lore-sim"));
        command.env_remove("SLURM_ARRAY_TASK_ID").envs(variables.iter().copied());
        command.output().unwrap()
    };
    let output = submit(&[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    for index in ["0", "1"] {
        let output = submit(&[("SLURM_ARRAY_TASK_ID", index), ("SLURM_ARRAY_TASK_COUNT", "2")]);
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("4 computed"), "{output:?}");
    }
    json(at, &[], &["merge", "out", "-o", "x.parquet"]);
}

/// The job's own arguments with the index that Kubernetes would set, and the claim of three places that agree.
#[test]
fn the_job_for_kubernetes_names_one_number_of_shards() {
    let text = include_str!("../cluster/kubernetes.yaml");
    assert!(text.contains("completions: 16\n") && text.contains("parallelism: 16\n"));
    let args = text.lines().find(|line| line.contains("\"lore-sim\", ")).unwrap();
    let args: Vec<String> = serde_json::from_str(args.trim()).unwrap();
    let at = directory();
    let at = at.path();
    let moved: Vec<String> = args[1..]
        .iter()
        .map(|one| one.replace("/sweep/", "").replace("/results", "results"))
        .collect();
    let moved: Vec<&str> = moved.iter().map(String::as_str).collect();
    let ran = json(at, &[("JOB_COMPLETION_INDEX", "5")], &moved);
    assert_eq!((&ran["shard"], &ran["computed"]), (&"5/16".into(), &1.into()));
}

/// A query of DuckDB over the files of two shards gives what `merge` gives. Needs Python with `duckdb`: name it
/// in `LORE_DUCKDB_PYTHON`.
#[test]
fn duckdb_reads_what_merge_reads() {
    let Some(python) = std::env::var_os("LORE_DUCKDB_PYTHON") else {
        eprintln!("skipped: LORE_DUCKDB_PYTHON names no Python with `duckdb` (pip install duckdb)");
        return;
    };
    let at = directory();
    let at = at.path();
    for shard in ["0/2", "1/2"] {
        json(
            at,
            &[],
            &[
                "sweep",
                "run",
                "sweep.toml",
                "--out",
                &format!("part-{}", &shard[..1]),
                "--shard",
                shard,
            ],
        );
    }
    json(at, &[], &["merge", "part-0", "part-1", "-o", "merged.csv"]);
    json(at, &[], &["merge", "part-0", "part-1", "-o", "merged.parquet"]);
    // The query of docs/simulations.md, over the cells and over the merged table.
    let query = "SELECT arm, count(*), avg(value), max(seed) FROM '{}' WHERE metric = 't99_s' \
                 GROUP BY arm ORDER BY arm";
    let program = format!(
        "import duckdb\n\
         for name in ['part-*/cell-*.parquet', 'merged.parquet']:\n\
         \x20   print(duckdb.sql({query:?}.replace('{{}}', name)).fetchall())\n\
         print(duckdb.sql(\"SELECT count(*), count(node), sum(value) FROM 'merged.parquet'\").fetchall())\n\
         print(duckdb.sql(\"SELECT count(*), count(node), sum(value) FROM 'merged.csv'\").fetchall())\n"
    );
    let output = Command::new(python).args(["-c", &program]).current_dir(at).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(lines[0], lines[1]);
    assert_eq!(lines[0].matches("network.loss").count(), 4, "{text}");
    let table = lore_simulations::table::Table::read(&at.join("merged.parquet")).unwrap();
    assert!(lines[2].starts_with(&format!("[({}, 0, ", table.len())), "{text}");
    assert_eq!(lines[2].split(", ").next(), lines[3].split(", ").next());
}
