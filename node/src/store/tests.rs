//! Promises of a store, also to those who kill it or damage its files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lore_engine::{Batch, Durability, RecordKind, Recovery, Scan, Storage as _};

use super::*;

const CHILD_PATH: &str = "LORE_TEST_STORE_PATH";

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn open(&self) -> Result<Store, StoreError> {
        Store::open_or_create(&self.path())
    }

    /// A closed store with `count` synced writes `0..count`.
    fn with_writes(count: u32) -> Self {
        let place = Self::new();
        let store = place.open().unwrap();
        for n in 0..count {
            put(&store, n);
        }
        place
    }

    /// The one log file with data.
    fn log(&self) -> PathBuf {
        fs::read_dir(self.path().join("db"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .max_by_key(|path| fs::metadata(path).unwrap().len())
            .unwrap()
    }

    /// Every file that holds data (not RocksDB's own diary) and its bytes.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for dir in [self.path(), self.path().join("db")] {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_file() && !name.starts_with("LOG") && name != "LOCK" {
                    files.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        files
    }
}

fn put(store: &Store, n: u32) {
    let value = format!("value {n}").repeat(20);
    store
        .put(RecordKind::LedgerEntry, &n.to_be_bytes(), value.as_bytes(), Durability::Synced)
        .unwrap();
}

fn count(store: &Store) -> usize {
    store.scan(RecordKind::LedgerEntry, &[]).map(Result::unwrap).count()
}

fn assert_damaged(result: Result<Store, StoreError>, path: &Path) {
    let error = result.expect_err("a damaged store is refused");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert!(text.contains("lore store repair"), "{text}");
}

#[test]
fn a_batch_is_read_back_in_order_of_keys_and_only_under_its_prefix() {
    let place = Place::new();
    let store = place.open().unwrap();
    let mut batch = Batch::new();
    for key in ["b2", "a1", "b1", "c1", "b3"] {
        batch.put(RecordKind::Session, key, key.to_uppercase());
    }
    batch.delete(RecordKind::Session, "b3");
    store.write(batch, Durability::Buffered).unwrap();
    let keys = |scan: Scan<'_>| -> Vec<String> {
        scan.map(|pair| String::from_utf8(pair.unwrap().0).unwrap()).collect()
    };
    assert_eq!(keys(store.scan(RecordKind::Session, b"b")), ["b1", "b2"]);
    assert_eq!(keys(store.scan(RecordKind::Session, b"")), ["a1", "b1", "b2", "c1"]);
    assert!(keys(store.scan(RecordKind::Delta, b"b")).is_empty());
    assert_eq!(store.get(RecordKind::Session, b"b3").unwrap(), None);
}

#[test]
fn what_was_written_is_there_after_reopening_and_the_head_counts_synced_batches() {
    let place = Place::with_writes(10);
    let store = place.open().unwrap();
    assert_eq!(count(&store), 10);
    assert_eq!(store.head().number, 10);
    store.put(RecordKind::LedgerEntry, b"more", b"", Durability::Buffered).unwrap();
    assert_eq!(store.head().number, 10);
    drop(store);
    let store = place.open().unwrap();
    assert_eq!((count(&store), store.head().number), (11, 10));
    assert_eq!(store.check().unwrap().head_number, 10);
    assert_eq!(store.recovery().unwrap(), None);
}

#[test]
fn a_store_that_was_never_made_is_missing_and_stays_so() {
    let place = Place::new();
    let error = Store::open(&place.path()).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(!place.path().exists());
}

#[test]
fn a_second_open_is_refused_naming_the_lock() {
    let place = Place::new();
    let _first = place.open().unwrap();
    let error = place.open().unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(error.to_string().contains(&place.path().display().to_string()));
}

/// Not a separate test: the process that the next test starts and kills.
#[test]
#[ignore = "started by killing_the_process_loses_nothing_acknowledged"]
fn child_that_writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD_PATH) else {
        return;
    };
    let store = Store::open_or_create(Path::new(&path)).unwrap();
    for n in 0_u32.. {
        put(&store, n);
        store.put(RecordKind::Delta, &n.to_be_bytes(), b"b", Durability::Buffered).unwrap();
        println!("\nacknowledged {n}");
    }
}

#[test]
fn killing_the_process_loses_nothing_acknowledged() {
    let place = Place::new();
    let mut acknowledged = 0;
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_writes_until_it_is_killed"])
            .args(["--ignored", "--nocapture", "--test-threads=1"])
            .env(CHILD_PATH, place.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || {
            lines.by_ref().find_map(|line| {
                let line = line.unwrap();
                Some(line.strip_prefix("acknowledged ")?.parse::<u32>().unwrap())
            })
        };
        for _ in 0..40 {
            acknowledged = next().expect("the child writes");
        }
        if round == 0 {
            let error = place.open().unwrap_err();
            assert!(matches!(error, StoreError::Locked { .. }), "{error}");
        }
        // SIGKILL, in the middle of whatever it does.
        child.kill().unwrap();
        while let Some(later) = next() {
            acknowledged = later;
        }
        child.wait().unwrap();
        let store = place.open().unwrap();
        for n in 0..=acknowledged {
            for kind in [RecordKind::LedgerEntry, RecordKind::Delta] {
                let found = store.get(kind, &n.to_be_bytes()).unwrap();
                assert!(found.is_some(), "{} {n} of {acknowledged}", kind.name());
            }
        }
    }
}

#[test]
fn a_log_that_was_cut_short_is_refused_unchanged_and_repair_keeps_a_copy() {
    let place = Place::with_writes(50);
    let log = place.log();
    let len = fs::metadata(&log).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
    file.set_len(len / 2).unwrap();
    let before = place.files();
    assert_damaged(place.open(), &place.path());
    assert_eq!(place.files(), before, "a refused store is left as it was");

    let report = Store::repair(&place.path()).unwrap();
    assert_eq!(report.acknowledged, Some(50));
    assert!((1..50).contains(&report.recovered), "{report:?}");
    let copied = fs::read(report.copy.join("db").join(log.file_name().unwrap())).unwrap();
    assert_eq!(copied, before[&log]);
    let store = place.open().unwrap();
    assert_eq!(count(&store) as u64, report.recovered);
    assert_eq!(store.recovery().unwrap(), Some(Recovery::Repaired));
    store.clear_recovery().unwrap();
    drop(store);
    assert_eq!(place.open().unwrap().recovery().unwrap(), None);
}

#[test]
fn a_log_that_lost_only_its_last_record_is_refused_too() {
    let place = Place::with_writes(3);
    let log = place.log();
    let len = fs::metadata(&log).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
    file.set_len(len - 1).unwrap();
    assert_damaged(place.open(), &place.path());
}

#[test]
fn a_flipped_bit_anywhere_in_the_log_never_loses_a_write_in_silence() {
    let place = Place::with_writes(50);
    let log = place.log();
    let sound = place.files();
    let len = sound[&log].len();
    let mut refused = 0;
    for step in 0..24 {
        for (path, bytes) in &sound {
            fs::write(path, bytes).unwrap();
        }
        let mut bytes = sound[&log].clone();
        bytes[len * step / 24 + 3] ^= 0x10;
        fs::write(&log, bytes).unwrap();
        match place.open() {
            Ok(store) => assert_eq!(count(&store), 50, "at step {step}"),
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
                assert_eq!(fs::read(&log).unwrap().len(), len);
                refused += 1;
            }
        }
        // A store that opened has turned its log into tables; begin again from the sound files.
        fs::remove_dir_all(place.path().join("db")).unwrap();
        fs::create_dir(place.path().join("db")).unwrap();
    }
    assert!(refused >= 20, "only {refused} of 24 flips were noticed");
}

#[test]
fn a_flipped_bit_in_a_table_is_found_by_check() {
    let place = Place::with_writes(200);
    let store = place.open().unwrap();
    let family = store.0.db.cf_handle(RecordKind::LedgerEntry.table().name()).unwrap();
    store.0.db.flush_cf(family).unwrap();
    drop(store);
    let table = place
        .files()
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|extension| extension == "sst"))
        .max_by_key(|(_, bytes)| bytes.len())
        .unwrap();
    let (path, mut bytes) = table;
    bytes[100] ^= 1;
    fs::write(path, bytes).unwrap();
    let found = place.open().and_then(|store| store.check());
    assert!(matches!(found, Err(StoreError::Damaged { .. })), "{found:?}");
}

#[test]
fn a_database_without_its_table_of_contents_is_not_taken_for_a_new_one() {
    let place = Place::with_writes(5);
    fs::remove_file(place.path().join("db").join("CURRENT")).unwrap();
    assert_damaged(place.open(), &place.path());
    fs::remove_file(place.path().join("HEADS")).unwrap();
    assert_damaged(place.open(), &place.path());
}

#[test]
fn a_lost_or_foreign_heads_file_is_noticed() {
    let place = Place::with_writes(5);
    let other = Place::with_writes(9);
    let heads = place.path().join("HEADS");
    fs::copy(other.path().join("HEADS"), &heads).unwrap();
    assert_damaged(place.open(), &place.path());
    fs::remove_file(&heads).unwrap();
    assert_damaged(place.open(), &place.path());
}

#[test]
fn a_store_of_a_newer_program_is_refused() {
    let place = Place::new();
    let store = place.open().unwrap();
    store
        .put(RecordKind::StoreSchema, b"", &(SCHEMA_VERSION + 1).to_le_bytes(), Durability::Synced)
        .unwrap();
    drop(store);
    let error = place.open().unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { .. }), "{error}");
}

#[test]
fn a_store_of_an_older_program_is_refused_by_it_once_a_newer_one_opened_it() {
    let place = Place::new();
    let older = (SCHEMA_VERSION - 1).to_le_bytes();
    place.open().unwrap().put(RecordKind::StoreSchema, b"", &older, Durability::Synced).unwrap();
    let store = place.open().unwrap();
    let noted = store.get(RecordKind::StoreSchema, b"").unwrap().unwrap();
    assert_eq!(noted, SCHEMA_VERSION.to_le_bytes());
}

#[test]
fn a_backup_taken_in_use_is_restored_and_marked() {
    let place = Place::with_writes(5);
    let store = place.open().unwrap();
    let backup = place.dir.path().join("backup");
    store.backup(&backup).unwrap();
    put(&store, 5);
    assert!(matches!(store.backup(&backup), Err(StoreError::AlreadyExists { .. })));
    assert!(matches!(
        Store::restore(&backup, &place.path()),
        Err(StoreError::AlreadyExists { .. })
    ));
    // What is missing is named, also where something is in the way.
    assert!(matches!(
        Store::restore(&place.dir.path().join("misspelt"), &place.path()),
        Err(StoreError::NoBackup { .. })
    ));
    let restored = Store::restore(&backup, &place.dir.path().join("again")).unwrap();
    assert_eq!(count(&restored), 5);
    assert_eq!(restored.recovery().unwrap(), Some(Recovery::Restored));
    drop(restored);
    assert_eq!(count(&Store::open(&backup).unwrap()), 5);
}
