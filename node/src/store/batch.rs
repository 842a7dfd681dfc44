//! A batch of changes that happens as a whole or not at all.

use lore_protocol::ids::Hash;

use super::Table;

/// What "done" means for a write. Both survive the death of the process; only `Synced` survives
/// the loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On disk before the call returns: the ledger, the own chain and its head. Hundreds to
    /// thousands a second, so put what belongs together into one batch.
    Synced,
    /// In the operating system's hands; whatever can be fetched or computed again.
    Buffered,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Put(Table, Vec<u8>, Vec<u8>),
    Delete(Table, Vec<u8>),
}

/// Changes in the order in which they apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub(super) changes: Vec<Change>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(
        &mut self,
        table: Table,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> &mut Self {
        self.changes.push(Change::Put(table, key.into(), value.into()));
        self
    }

    /// Removes `key`; absent is fine.
    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) -> &mut Self {
        self.changes.push(Change::Delete(table, key.into()));
        self
    }

    /// Adds another batch's changes after these.
    pub fn append(&mut self, mut other: Self) -> &mut Self {
        self.changes.append(&mut other.changes);
        self
    }

    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many changes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// A hash of the changes, for the chain of synced batches.
    pub(super) fn digest(&self) -> Hash {
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
