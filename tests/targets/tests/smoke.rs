//! Every fuzz target over the committed corpus, and over seeded mutations of it.
//!
//! `LORE_WRITE_CORPUS=1 cargo test -p lore-fuzz-targets` writes the generated part of the corpus again. What a run of
//! libFuzzer found lies beside it under names that begin with `find-`, and is kept by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lore_fuzz_targets::{Mutations, TARGETS, Target};

const SEED: u64 = 12;

fn corpus_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name)
}

fn committed(name: &str) -> BTreeMap<String, Vec<u8>> {
    let directory = corpus_of(name);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. Run `LORE_WRITE_CORPUS=1 cargo test -p lore-fuzz-targets`",
            directory.display()
        )
    });
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
    };
    entries.map(file).collect()
}

/// Runs a target, and says where its input lies when it breaks a law.
fn try_input(name: &str, run: fn(&[u8]), bytes: &[u8], what: &str) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| run(bytes))).map_err(|_| {
        let path = std::env::temp_dir().join(format!("lore-fuzz-{name}-{}", std::process::id()));
        let _ = fs::write(&path, bytes);
        format!(
            "fuzz target `{name}` fails at {what}. The input is {}; keep it as tests/fuzz/corpus/{name}/find-WHAT",
            path.display()
        )
    })
}

fn smoke(target: &Target, inputs: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    for (file, bytes) in inputs {
        try_input(target.name, target.run, bytes, file)?;
    }
    let inputs: Vec<Vec<u8>> = inputs.values().cloned().collect();
    for (place, bytes) in Mutations::new(&inputs, SEED).take(target.smoke_mutations).enumerate() {
        try_input(target.name, target.run, &bytes, &format!("mutation {place}"))?;
    }
    Ok(())
}

fn generated(target: &Target) -> BTreeMap<String, Vec<u8>> {
    let seeds = (target.seeds)();
    let count = seeds.len();
    let files: BTreeMap<String, Vec<u8>> = seeds.into_iter().collect();
    assert_eq!(files.len(), count, "{}: two seeds have one name", target.name);
    files
}

fn check(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let made = generated(target);
    if std::env::var_os("LORE_WRITE_CORPUS").is_some() {
        write(name, &made);
    }
    let mut files = committed(name);
    smoke(target, &files).unwrap();
    files.retain(|file, _| !file.starts_with("find-"));
    assert!(
        files == made,
        "{}: the corpus is not what real encodings give now; run \
         `LORE_WRITE_CORPUS=1 cargo test -p lore-fuzz-targets`",
        corpus_of(name).display()
    );
}

fn write(name: &str, made: &BTreeMap<String, Vec<u8>>) {
    let directory = corpus_of(name);
    fs::create_dir_all(&directory).unwrap();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with("find-") {
            fs::remove_file(path).unwrap();
        }
    }
    for (file, bytes) in made {
        fs::write(directory.join(file), bytes).unwrap();
    }
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_target_is_run_here_and_has_a_program() {
            let here = [$(stringify!($name)),*];
            let all = TARGETS.map(|target| target.name);
            assert_eq!(here, all);
            let programs = corpus_of("").join("../fuzz_targets");
            for name in all {
                assert!(programs.join(format!("{name}.rs")).is_file(), "{name} has no program");
            }
        }
    };
}

targets![codec, delta, charter, skill, sync, lesson, history, sessions, engine];

#[test]
fn a_law_that_a_mutation_breaks_is_reported_with_its_input() {
    let broken = Target {
        name: "broken",
        run: |bytes| assert!(!bytes.ends_with(&[0xff]), "a law"),
        seeds: Vec::new,
        smoke_mutations: 10_000,
    };
    let inputs = [("a".to_owned(), vec![1, 2, 3])].into();
    let said = smoke(&broken, &inputs).unwrap_err();
    assert!(said.contains("`broken` fails at mutation"), "{said}");
    let path = said.split("The input is ").nth(1).unwrap().split(';').next().unwrap();
    assert_eq!(fs::read(path).unwrap().last(), Some(&0xff));
    fs::remove_file(path).unwrap();
}
