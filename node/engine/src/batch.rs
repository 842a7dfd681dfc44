//! A batch of changes that happens as a whole or not at all.

use lore_protocol::ids::Hash;

use crate::{RecordKind, Table};

/// Meaning of "done" for a write. Both survive the death of the process; only `Synced` survives
/// the loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On disk before the call returns: the ledger, the own chain and its head. Hundreds to
    /// thousands a second, so put what belongs together into one batch.
    Synced,
    /// In the operating system's hands; whatever can be fetched or computed again.
    Buffered,
}

/// One change of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets a key to a value.
    Put(Table, Vec<u8>, Vec<u8>),
    /// Removes a key; absent is fine.
    Delete(Table, Vec<u8>),
}

/// Changes in the order in which they apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub(crate) changes: Vec<Change>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a record.
    pub fn put(
        &mut self,
        kind: RecordKind,
        suffix: impl AsRef<[u8]>,
        value: impl Into<Vec<u8>>,
    ) -> &mut Self {
        let key = kind.key(suffix.as_ref());
        self.changes.push(Change::Put(kind.table(), key, value.into()));
        self
    }

    /// Removes a record; absent is fine.
    pub fn delete(&mut self, kind: RecordKind, suffix: impl AsRef<[u8]>) -> &mut Self {
        self.changes.push(Change::Delete(kind.table(), kind.key(suffix.as_ref())));
        self
    }

    /// Adds another batch's changes after these.
    pub fn append(&mut self, mut other: Self) -> &mut Self {
        self.changes.append(&mut other.changes);
        self
    }

    /// The batch with each change replaced by another one.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn try_map<E>(self, change: impl FnMut(Change) -> Result<Change, E>) -> Result<Self, E> {
        let changes = self.changes.into_iter().map(change).collect::<Result<_, _>>()?;
        Ok(Self { changes })
    }

    /// The changes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns true when nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// A hash of the changes, for a store that chains its synced batches.
    #[must_use]
    pub fn digest(&self) -> Hash {
        let mut parts: Vec<&[u8]> = Vec::with_capacity(self.changes.len() * 4);
        for change in &self.changes {
            match change {
                Change::Put(table, key, value) => {
                    parts.extend([b"put".as_slice(), table.name().as_bytes(), key, value]);
                }
                Change::Delete(table, key) => {
                    parts.extend([b"del".as_slice(), table.name().as_bytes(), key]);
                }
            }
        }
        Hash::derive("commonlore/store-batch/v1", &parts)
    }
}
