//! The privacy ledger on RocksDB.

use lore_privacy::ledger::{Head, StoreError, Verified};
use lore_privacy::{Ledger, LedgerStore};
use lore_protocol::ids::Hash;

use super::Engine;
use crate::error::CliError;
use crate::home::Home;
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

/// Verifies the ledger of a home that no process holds, reading only.
///
/// # Errors
/// [`lore_privacy::PrivacyError::Damaged`] with the first entry that does not hold; store errors.
pub fn verify_ledger(home: &Home) -> Result<Verified, CliError> {
    let store = Store::open(&home.store_path())?;
    Ok(lore_privacy::ledger::verify(&StoreLedger::new(store))?)
}

impl Engine {
    /// After a failed write nobody knows what is stored, so the ledger is read again: what was reserved
    /// and not sampled becomes a void. Stays closed while the store fails, as on a full disk.
    ///
    /// # Errors
    /// When the store still fails.
    pub(super) fn reopen_ledger(&mut self) -> Result<(), CliError> {
        if self.ledger.has_failed() {
            self.ledger = Ledger::open(StoreLedger::new(self.store.clone()))?;
            super::fault::watch(&mut self.ledger, self.home.root());
            tracing::info!("the privacy ledger can be written again");
        }
        Ok(())
    }
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
        if super::fault::disk_is_full() {
            return Err(failed(std::io::Error::from(std::io::ErrorKind::StorageFull)));
        }
        let index = head.count.checked_sub(1).ok_or_else(|| failed("an empty head"))?;
        let mut batch = Batch::new();
        batch.put(Table::Ledger, key(index), record);
        let head = lore_protocol::codec::encode(&(head.count, head.hash));
        batch.put(Table::Ledger, HEAD, head);
        self.store.write(batch, Durability::Synced).map_err(failed)
    }
}
