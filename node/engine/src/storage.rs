//! Storage of a node's records: a trait, and a store in memory for tests and simulations.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Batch, Change, Durability, RecordKind, Table};

/// Why a record could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StorageError {
    /// A stable word for programs, such as `disk_full`.
    pub kind: &'static str,
    /// Description of the fault.
    pub message: String,
}

/// Suffix and value of a record.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Records in the order of their keys.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<Pair, StorageError>> + 'a>;

/// Reason why a store is behind what this node may have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// It was damaged and repaired.
    Repaired,
    /// It is a copy of another.
    Restored,
}

impl Recovery {
    /// The word for it in sentences and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repaired => "repaired",
            Self::Restored => "restored",
        }
    }
}

/// Keeps records. Every call is whole: a reader never sees half of a batch.
pub trait Storage: Send + Sync {
    /// The value of a record.
    ///
    /// # Errors
    /// Fails when the store fails or the bytes are damaged.
    fn get(&self, kind: RecordKind, suffix: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// All records of a kind whose suffix begins with `prefix`, sorted; a snapshot of this moment.
    fn scan<'a>(&'a self, kind: RecordKind, prefix: &[u8]) -> Scan<'a>;

    /// Writes a batch as a whole. When this returns `Ok`, it survives as `durability` says.
    ///
    /// # Errors
    /// Fails when the store fails. Then nothing of the batch counts as written.
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StorageError>;

    /// Recovery that is due: repaired or restored, and nobody was asked since what this node signed.
    ///
    /// # Errors
    /// Fails when the store fails.
    fn recovery(&self) -> Result<Option<Recovery>, StorageError>;

    /// Takes the recovery mark away: enough peers were asked.
    ///
    /// # Errors
    /// Fails when the store fails.
    fn clear_recovery(&self) -> Result<(), StorageError>;

    /// Sets one record.
    ///
    /// # Errors
    /// As [`Self::write`].
    fn put(
        &self,
        kind: RecordKind,
        suffix: &[u8],
        value: &[u8],
        durability: Durability,
    ) -> Result<(), StorageError> {
        let mut batch = Batch::new();
        batch.put(kind, suffix, value);
        self.write(batch, durability)
    }
}

/// Values by table and whole key.
type Records = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    records: Mutex<Records>,
    recovery: Mutex<Option<Recovery>>,
}

impl MemoryStorage {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The records as they are now, as a backup would hold them: marked as restored.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            records: Mutex::new(lock(&self.records).clone()),
            recovery: Mutex::new(Some(Recovery::Restored)),
        }
    }
}

/// A poisoned lock is still whole: every change under it is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storage for MemoryStorage {
    fn get(&self, kind: RecordKind, suffix: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(lock(&self.records).get(&(kind.table(), kind.key(suffix))).cloned())
    }

    fn scan<'a>(&'a self, kind: RecordKind, prefix: &[u8]) -> Scan<'a> {
        let (start, skip) = (kind.key(prefix), kind.prefix().len());
        let found: Vec<_> = lock(&self.records)
            .range((kind.table(), start.clone())..)
            .take_while(|((table, key), _)| *table == kind.table() && key.starts_with(&start))
            .map(|((_, key), value)| Ok((key[skip..].to_vec(), value.clone())))
            .collect();
        Box::new(found.into_iter())
    }

    fn write(&self, batch: Batch, _: Durability) -> Result<(), StorageError> {
        let mut records = lock(&self.records);
        for change in batch.changes() {
            match change {
                Change::Put(table, key, value) => {
                    records.insert((*table, key.clone()), value.clone());
                }
                Change::Delete(table, key) => {
                    records.remove(&(*table, key.clone()));
                }
            }
        }
        Ok(())
    }

    fn recovery(&self) -> Result<Option<Recovery>, StorageError> {
        Ok(*lock(&self.recovery))
    }

    fn clear_recovery(&self) -> Result<(), StorageError> {
        *lock(&self.recovery) = None;
        Ok(())
    }
}
