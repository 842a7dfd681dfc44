#![allow(clippy::unwrap_used)]
use std::path::PathBuf;

use super::*;
use crate::runner::available_threads;

const SWEEP: &str = r#"
name = "small"
base = "base.toml"
seeds = { first = 5, count = 2 }
[axes]
network.loss = [0.0, 0.2]
"gossip.degree" = [0, 3]
"#;

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text = crate::scenario::shipped("lossy-mesh").unwrap();
    let text = text.replace("nodes = 30", "nodes = 4").replace("degree = 6", "degree = 3");
    let text =
        text.replace("spread_s = 60", "spread_s = 5").replace("per_node = 6", "per_node = 1");
    std::fs::write(directory.path().join("base.toml"), text).unwrap();
    directory
}

fn parse(text: &str) -> Result<Sweep, SweepError> {
    Sweep::parse(text, directory().path())
}

fn run(at: &Path, name: &str, index: u64, of: u64) -> Ran {
    let sweep = Sweep::parse(SWEEP, at).unwrap();
    let results = Results::open(&at.join(name), &sweep).unwrap();
    results.run(&sweep, at, Shard { index, of }, available_threads(), || ()).unwrap()
}

fn files(at: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "parquet"));
    files.sort();
    files
}

#[test]
fn a_plan_has_every_combination_and_seed_once() {
    let sweep = parse(SWEEP).unwrap();
    let arms: Vec<&str> = sweep.cells.iter().map(|cell| cell.arm.as_str()).collect();
    assert_eq!(arms.len(), 8);
    assert_eq!(arms[0], "gossip.degree=0, network.loss=0.0");
    assert_eq!(arms[7], "gossip.degree=3, network.loss=0.2");
    let seeds: Vec<u64> = sweep.cells.iter().map(|cell| cell.seed).collect();
    assert_eq!(seeds, [5, 6, 5, 6, 5, 6, 5, 6]);
    let keys: std::collections::BTreeSet<&str> =
        sweep.cells.iter().map(|cell| cell.key.as_str()).collect();
    assert_eq!(keys.len(), 8);
    assert!(sweep.cells[7].scenario.contains("loss = 0.2"));
    assert_eq!(sweep.hash(), parse(SWEEP).unwrap().hash());
    assert_ne!(sweep.hash(), parse(&SWEEP.replace("0.2", "0.3")).unwrap().hash());
}

#[test]
fn a_bad_sweep_is_refused_before_anything_runs() {
    for (from, to, said) in [
        ("network.loss", "network.los", "los"),
        ("[0, 3]", "[0, 5]", "gossip.degree"),
        ("[0, 3]", "[]", "has no values"),
        ("[0, 3]", "[3, 3]", "twice"),
        ("[0, 3]", "3", "list of values"),
        ("\"gossip.degree\"", "seed", "seeds"),
        ("\"gossip.degree\"", "nodes.many", "nodes"),
        ("\"gossip.degree\"", "crash.0.nodes", "crash"),
        ("count = 2", "count = 0", "seeds.count"),
        ("count = 2", "count = 2000000", "at most"),
        ("base.toml", "other.toml", "other.toml"),
        ("name =", "nam =", "nam"),
    ] {
        assert!(SWEEP.contains(from), "{from}");
        let error = parse(&SWEEP.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(said), "{from} -> {to}: {error}");
    }
}

/// Two shards, one of them killed half-way and run again, give the same bytes as one run.
#[test]
fn shards_merge_to_the_bytes_of_one_run() {
    let at = directory();
    let at = at.path();
    let whole = run(at, "whole", 0, 1);
    assert_eq!((whole.cells, whole.computed, whole.skipped), (8, 8, 0));
    run(at, "one", 0, 2);
    let second = run(at, "two", 1, 2);
    assert_eq!((second.cells, second.computed), (4, 4));
    // What a kill leaves: a cell that is missing, and a part of a file.
    let lost = files(&at.join("two"))[2].clone();
    std::fs::rename(&lost, at.join("two").join(".cell-000005.part")).unwrap();
    let error = merge(&[at.join("one"), at.join("two")]).unwrap_err();
    assert!(matches!(error, SweepError::Missing { count: 1, cells: 8, first: 5 }), "{error}");
    let again = run(at, "two", 1, 2);
    assert_eq!((again.computed, again.skipped), (1, 3));
    assert!(lost.exists(), "the same cell has the same name");
    let bytes = |directories: &[PathBuf]| merge(directories).unwrap().to_parquet().unwrap();
    let one_run = bytes(&[at.join("whole")]);
    assert!(merge(&[at.join("whole")]).unwrap().len() > 8 * 20);
    assert_eq!(bytes(&[at.join("two"), at.join("one")]), one_run);
    assert_eq!(bytes(&[at.join("one"), at.join("whole")]), one_run, "twice is once");
}

#[test]
fn a_damaged_result_is_noticed_and_computed_again() {
    let at = directory();
    let at = at.path();
    run(at, "out", 0, 1);
    let before = merge(&[at.join("out")]).unwrap().content_hash().unwrap();
    let damaged = files(&at.join("out"))[3].clone();
    let mut bytes = std::fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, &bytes).unwrap();
    let error = merge(&[at.join("out")]).unwrap_err();
    assert!(
        matches!(&error, SweepError::Damaged { file } if *file == damaged.display().to_string())
    );
    let ran = run(at, "out", 0, 1);
    assert_eq!((ran.computed, ran.skipped, ran.damaged.len()), (1, 7, 1));
    assert_eq!(merge(&[at.join("out")]).unwrap().content_hash().unwrap(), before);

    // A second, whole result that differs is nobody's right one.
    let bytes = crate::table::Table::new().to_parquet().unwrap();
    let name = damaged.file_name().unwrap().to_str().unwrap();
    let hash = blake3::hash(&bytes).to_hex();
    let other = format!("{}-{}.parquet", name.rsplit_once('-').unwrap().0, &hash.as_str()[..16]);
    std::fs::write(at.join("out").join(other), bytes).unwrap();
    let error = merge(&[at.join("out")]).unwrap_err();
    assert!(matches!(error, SweepError::Unequal { index: 3, .. }), "{error}");
}

/// A result that was copied in from another sweep has a whole file and the number of a cell.
#[test]
fn a_result_of_another_sweep_does_not_slip_in() {
    let at = directory();
    let at = at.path();
    run(at, "out", 0, 1);
    let other = SWEEP.replace("0.2", "0.1");
    let sweep = Sweep::parse(&other, at).unwrap();
    let results = Results::open(&at.join("other"), &sweep).unwrap();
    results.run(&sweep, at, Shard::WHOLE, available_threads(), || ()).unwrap();
    let (own, theirs) = (files(&at.join("out"))[7].clone(), files(&at.join("other"))[7].clone());
    std::fs::remove_file(&own).unwrap();
    let copied = at.join("out").join(theirs.file_name().unwrap());
    std::fs::copy(&theirs, &copied).unwrap();
    let error = merge(&[at.join("out")]).unwrap_err();
    assert!(matches!(error, SweepError::Foreign { .. }), "{error}");
    for name in ["cell-000008-0123456789abcdef-0123456789abcdef.parquet", "cell-a.parquet"] {
        std::fs::rename(&copied, at.join("out").join(name)).unwrap();
        let error = merge(&[at.join("out")]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("move it out"), "{error}");
        std::fs::rename(at.join("out").join(name), &copied).unwrap();
    }
    std::fs::remove_file(&copied).unwrap();
    assert_eq!(run(at, "out", 0, 1).computed, 1);
    assert!(merge(&[at.join("out")]).is_ok());
}

#[test]
fn results_of_another_sweep_or_version_are_not_mixed() {
    let at = directory();
    let at = at.path();
    run(at, "out", 1, 4);
    let other = Sweep::parse(&SWEEP.replace("0.2", "0.1"), at).unwrap();
    let error = Results::open(&at.join("out"), &other).err().unwrap();
    assert!(matches!(error, SweepError::Other { .. }), "{error}");
    let manifest = at.join("out/sweep.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"build\": \"", "\"build\": \"0")).unwrap();
    let same = Sweep::parse(SWEEP, at).unwrap();
    let error = Results::open(&at.join("out"), &same).err().unwrap().to_string();
    assert!(error.contains("choose another --out"), "{error}");
    std::fs::write(&manifest, text.replace("\"format\"", "\"layout\"")).unwrap();
    let error = merge(&[at.join("out")]).unwrap_err().to_string();
    assert!(error.contains("version of lore-sim"), "{error}");
    assert!(merge(&[at.join("none")]).unwrap_err().to_string().contains("no directory of results"));
}
