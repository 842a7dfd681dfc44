//! Surroundings of a virtual node: the clock that all share, its randomness, and its disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lore_engine::{
    Batch, Change, Clock, Durability, EngineError, Entropy, MemoryStorage, RecordKind, Recovery,
    Scan, Storage, StorageError, Table, delta_in,
};
use lore_protocol::ids::DeltaId;

use crate::queue::Micros;
use crate::rng::Stream;

/// Start of a simulation, in seconds since the Unix epoch.
const BEGIN_SECONDS: u64 = 1_700_000_000;

/// Virtual time, in microseconds since the beginning.
#[derive(Default)]
pub(super) struct VirtualClock(AtomicU64);

impl VirtualClock {
    pub(super) fn set(&self, now: Micros) {
        self.0.store(now, Ordering::Relaxed);
    }
}

/// Clock of one node: virtual time, and a wall clock that is off by a number of seconds.
pub(super) struct SkewedClock {
    time: Arc<VirtualClock>,
    fast_seconds: i64,
}

impl SkewedClock {
    pub(super) const fn new(time: Arc<VirtualClock>, fast_seconds: i64) -> Self {
        Self { time, fast_seconds }
    }
}

impl Clock for SkewedClock {
    fn unix_seconds(&self) -> u64 {
        let seconds = BEGIN_SECONDS + self.time.0.load(Ordering::Relaxed) / 1_000_000;
        seconds.saturating_add_signed(self.fast_seconds)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.time.0.load(Ordering::Relaxed))
    }
}

/// Randomness of one node from its stream. A restart goes on where the last process stopped.
pub(super) struct Draw(Mutex<Stream>);

impl Draw {
    pub(super) const fn new(stream: Stream) -> Self {
        Self(Mutex::new(stream))
    }
}

impl Entropy for Draw {
    fn bytes(&self) -> Result<[u8; 32], EngineError> {
        Ok(lock(&self.0).bytes())
    }
}

/// A delta that a log took in: its id, and the hash of its bytes.
pub(super) type Stored = (DeltaId, blake3::Hash);

/// Records in memory. Every delta that a log takes in is stored, so that the disk sees them all.
#[derive(Default)]
pub(super) struct Disk {
    records: MemoryStorage,
    stored: Mutex<Vec<Stored>>,
}

impl Disk {
    /// Copy that a backup of this disk brings back: marked as restored.
    pub(super) fn copy(&self) -> Self {
        Self { records: self.records.copy(), stored: Mutex::default() }
    }

    /// Deltas that were stored since the last call.
    pub(super) fn take_stored(&self) -> Vec<Stored> {
        std::mem::take(&mut *lock(&self.stored))
    }
}

/// A poisoned lock is still whole: every change under it is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storage for Disk {
    fn get(&self, kind: RecordKind, suffix: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.records.get(kind, suffix)
    }

    fn scan<'a>(&'a self, kind: RecordKind, prefix: &[u8]) -> Scan<'a> {
        self.records.scan(kind, prefix)
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        let deltas = batch.changes().iter().filter_map(|change| match change {
            Change::Put(Table::Deltas, key, bytes) => {
                Some((DeltaId(*key.last_chunk()?), blake3::hash(delta_in(bytes)?)))
            }
            _ => None,
        });
        lock(&self.stored).extend(deltas);
        self.records.write(batch, durability)
    }

    fn recovery(&self) -> Result<Option<Recovery>, StorageError> {
        self.records.recovery()
    }

    fn clear_recovery(&self) -> Result<(), StorageError> {
        self.records.clear_recovery()
    }
}
