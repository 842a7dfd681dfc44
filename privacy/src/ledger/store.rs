//! Storage of entries.

use lore_protocol::ids::Hash;

use crate::error::StoreError;

/// Number of records, and the hash of the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of records.
    pub count: u64,
    /// Hash of the last record.
    pub hash: Hash,
}

/// A durable, append-only list of records with its head.
///
/// # Contract
/// - When [`append`](Self::append) returns `Ok`, record and head survive a loss of power (fsync).
/// - Record and head are written together or not at all: after a crash the head is that of the last
///   whole record.
/// - When it returns an error either may be the case; the caller opens the ledger again to find out.
/// - One process at a time: the store holds a lock for as long as it is open.
pub trait LedgerStore {
    /// The head; none when nothing was ever appended.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    fn head(&self) -> Result<Option<Head>, StoreError>;

    /// The bytes of the record at `index`, from 0.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    fn read(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Appends the record at `head.count - 1` and replaces the head, durably and together.
    ///
    /// # Errors
    /// Fails when the write is not known to have reached the disk.
    fn append(&mut self, record: &[u8], head: Head) -> Result<(), StoreError>;
}

/// A store in memory, for tests and simulations.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    records: Vec<Vec<u8>>,
    head: Option<Head>,
}

impl LedgerStore for MemoryStore {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        Ok(self.head)
    }

    fn read(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let index = usize::try_from(index).map_err(|error| StoreError(error.to_string()))?;
        Ok(self.records.get(index).cloned())
    }

    fn append(&mut self, record: &[u8], head: Head) -> Result<(), StoreError> {
        self.records.push(record.to_vec());
        self.head = Some(head);
        Ok(())
    }
}

#[cfg(test)]
impl MemoryStore {
    pub(super) fn records_mut(&mut self) -> &mut Vec<Vec<u8>> {
        &mut self.records
    }

    pub(super) fn set_head(&mut self, head: Option<Head>) {
        self.head = head;
    }
}
