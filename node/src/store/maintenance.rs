//! Check, backup, restore and repair.

use std::fs;
use std::path::{Path, PathBuf};

use rocksdb::{
    BottommostLevelCompaction, CompactOptions, DB, DBRecoveryMode, checkpoint::Checkpoint,
};

use super::engine::{DATABASE_DIR, Inner};
use super::heads::{FILE_NAME, HeadsFile};
use lore_engine::{Recovery, Table};

use super::{Store, StoreError, files, options};

/// Result of a check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CheckReport {
    /// Entries per table, in the order of [`Table::ALL`].
    pub entries: Vec<(&'static str, u64)>,
    /// Bytes of all keys and values.
    pub bytes: u64,
    /// Number of synced batches that the store has seen.
    pub head_number: u64,
}

/// Result of a repair.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RepairReport {
    /// The untouched copy of the damaged store.
    pub copy: PathBuf,
    /// Number of synced batches that were acknowledged, as far as is known.
    pub acknowledged: Option<u64>,
    /// Number of them that the repaired store holds.
    pub recovered: u64,
    /// Contents that can be read now.
    pub check: CheckReport,
}

impl Store {
    /// Reads every entry, which verifies every checksum on disk.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] at the first bad block.
    pub fn check(&self) -> Result<CheckReport, StoreError> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        for table in Table::ALL {
            let mut count = 0;
            for pair in self.pairs(table) {
                let (key, value) = pair?;
                count += 1;
                bytes += (key.len() + value.len()) as u64;
            }
            entries.push((table.name(), count));
        }
        Ok(CheckReport { entries, bytes, head_number: self.head().number })
    }

    /// Rewrites tables so that nothing that was deleted or replaced stays in a file of the database. Its log
    /// is started again. Takes as long as reading and writing those tables.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], [`StoreError::Engine`].
    pub fn scrub(&self, tables: &[Table]) -> Result<(), StoreError> {
        let engine = |error: rocksdb::Error| StoreError::engine(self.path(), &error);
        // A log goes when no table needs it any more.
        for table in Table::ALL {
            self.0.db.flush_cf(self.0.handle(table)).map_err(engine)?;
        }
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for table in tables {
            let all = None::<&[u8]>;
            self.0.db.compact_range_cf_opt(self.0.handle(*table), all, all, &options);
        }
        Ok(())
    }

    /// Writes a consistent copy to `to`, which must not exist, while the store is in use.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`], [`StoreError::DiskFull`], [`StoreError::Engine`].
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        if to.exists() {
            return Err(StoreError::AlreadyExists { path: to.to_owned() });
        }
        files::create_private_dir(to)?;
        let engine = |error: rocksdb::Error| StoreError::engine(to, &error);
        // The head is read first: the copy may only be ahead of what it is said to hold.
        let head = self.head();
        Checkpoint::new(&self.0.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(to.join(DATABASE_DIR)))
            .map_err(engine)?;
        HeadsFile::open(to)?.reset(&head)
    }

    /// Copies a backup to `path`, where no store may be, and marks it as restored: what was
    /// signed after the backup was taken is not in it.
    ///
    /// # Errors
    /// [`StoreError::NoBackup`], [`StoreError::AlreadyExists`], and those of [`Store::open`] for the backup.
    pub fn restore(backup: &Path, path: &Path) -> Result<Self, StoreError> {
        // The copy first: a misspelt name must not read as advice to move the store away.
        if !backup.is_dir() {
            return Err(StoreError::NoBackup { path: backup.to_owned() });
        }
        if !files::is_absent_or_empty(path)? {
            return Err(StoreError::AlreadyExists { path: path.to_owned() });
        }
        let partial = path.with_extension("restoring");
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(StoreError::io("remove", &partial))?;
        }
        files::copy_tree(backup, &partial)?;
        let store = Self::open(&partial)?;
        store.check()?;
        store.0.mark_recovered(Recovery::Restored)?;
        drop(store);
        if path.exists() {
            fs::remove_dir(path).map_err(StoreError::io("replace", path))?;
        }
        fs::rename(&partial, path).map_err(StoreError::io("move into place", path))?;
        Self::open(path)
    }

    /// Rebuilds a damaged store from what can be read, keeping the damaged one whole under
    /// `<path>.damaged-<n>`. The result is marked as repaired.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Locked`], [`StoreError::DiskFull`]; and
    /// [`StoreError::Damaged`] when nothing can be read.
    pub fn repair(path: &Path) -> Result<RepairReport, StoreError> {
        if files::is_absent_or_empty(path)? {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        let acknowledged =
            if path.join(FILE_NAME).exists() { HeadsFile::open(path)?.read()? } else { None };
        let copy = free_name(path);
        files::copy_tree(path, &copy)?;
        let inner = Inner::over(salvage(path)?, path)?;
        let recovered = inner.stored_head()?;
        inner.mark_recovered(Recovery::Repaired)?;
        drop(inner);
        let check = Self::open(path)?.check()?;
        Ok(RepairReport {
            copy,
            acknowledged: acknowledged.map(|head| head.number),
            recovered: recovered.number,
            check,
        })
    }
}

/// Opens what can be opened: first all whole log records, then RocksDB's own repair of tables.
fn salvage(path: &Path) -> Result<DB, StoreError> {
    let database = path.join(DATABASE_DIR);
    let mut tolerant = options::database(false);
    tolerant.set_wal_recovery_mode(DBRecoveryMode::SkipAnyCorruptedRecord);
    let first = match DB::open_cf_descriptors(&tolerant, &database, options::tables()) {
        Ok(db) => return Ok(db),
        Err(error) => StoreError::engine(path, &error),
    };
    if matches!(first, StoreError::Locked { .. }) {
        return Err(first);
    }
    DB::repair(&options::database(false), &database)
        .and_then(|()| DB::open_cf_descriptors(&tolerant, &database, options::tables()))
        .map_err(|error| StoreError::engine(path, &error))
}

fn free_name(path: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{number}"));
        let candidate = PathBuf::from(name);
        if !candidate.exists() {
            return candidate;
        }
        number += 1;
    }
}
