//! The privacy ledger among the other records.

use std::sync::Arc;

use lore_privacy::ledger::{Head, StoreError};
use lore_privacy::{Ledger, LedgerStore, NoiseSource};
use lore_protocol::ids::Hash;

use crate::{Batch, Durability, Engine, EngineError, RecordKind, Storage};

/// Records by index, with the head; both in one synced batch.
pub struct LedgerRecords {
    store: Arc<dyn Storage>,
}

impl LedgerRecords {
    /// The ledger in a store.
    #[must_use]
    pub fn new(store: Arc<dyn Storage>) -> Self {
        Self { store }
    }
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError(error.to_string())
}

impl<N: NoiseSource> Engine<N> {
    /// After a failed write nobody knows what is stored, so the ledger is read again: what was reserved
    /// and not sampled becomes a void. Stays closed while the store fails, as on a full disk.
    ///
    /// # Errors
    /// Fails when the store still fails.
    pub(crate) fn reopen_ledger(&mut self) -> Result<(), EngineError> {
        if self.ledger.has_failed() {
            self.ledger = Ledger::open_for(LedgerRecords::new(Arc::clone(&self.store)))?;
            self.watch_ledger();
            tracing::info!("the privacy ledger can be written again");
        }
        Ok(())
    }
}

impl LedgerStore for LedgerRecords {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        let Some(bytes) = self.store.get(RecordKind::LedgerHead, b"").map_err(failed)? else {
            return Ok(None);
        };
        let (count, hash) = lore_protocol::codec::decode::<(u64, Hash)>(&bytes).map_err(failed)?;
        Ok(Some(Head { count, hash }))
    }

    fn read(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(RecordKind::LedgerEntry, &index.to_be_bytes()).map_err(failed)
    }

    fn append(&mut self, record: &[u8], head: Head) -> Result<(), StoreError> {
        let index = head.count.checked_sub(1).ok_or_else(|| failed("an empty head"))?;
        let mut batch = Batch::new();
        batch.put(RecordKind::LedgerEntry, index.to_be_bytes(), record);
        let head = lore_protocol::codec::encode(&(head.count, head.hash));
        batch.put(RecordKind::LedgerHead, b"", head);
        self.store.write(batch, Durability::Synced).map_err(failed)
    }
}
