//! The privacy ledger on RocksDB.

use lore_privacy::LedgerStore;
use lore_privacy::ledger::{Head, StoreError};
use lore_protocol::ids::Hash;

use crate::store::{Batch, Durability, Store, Table};

const HEAD: &[u8] = b"head";

/// Records by index, with the head; both in one synced batch.
pub(crate) struct StoreLedger {
    store: Store,
}

impl StoreLedger {
    pub(crate) const fn new(store: Store) -> Self {
        Self { store }
    }
}

fn key(index: u64) -> Vec<u8> {
    [b"r".as_slice(), &index.to_be_bytes()].concat()
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError(error.to_string())
}

impl LedgerStore for StoreLedger {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        let Some(bytes) = self.store.get(Table::Ledger, HEAD).map_err(failed)? else {
            return Ok(None);
        };
        let (count, hash) = lore_protocol::codec::decode::<(u64, Hash)>(&bytes).map_err(failed)?;
        Ok(Some(Head { count, hash }))
    }

    fn read(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(Table::Ledger, &key(index)).map_err(failed)
    }

    fn append(&mut self, record: &[u8], head: Head) -> Result<(), StoreError> {
        let index = head.count.checked_sub(1).ok_or_else(|| failed("an empty head"))?;
        let mut batch = Batch::new();
        batch.put(Table::Ledger, key(index), record);
        let head = lore_protocol::codec::encode(&(head.count, head.hash));
        batch.put(Table::Ledger, HEAD, head);
        self.store.write(batch, Durability::Synced).map_err(failed)
    }
}
