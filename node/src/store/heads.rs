//! The hash chain over synced batches, and its head outside the database.
//!
//! Head n is `blake3(head n-1, n, digest of batch n)`. Inside the database the head is part of the
//! batch itself, so it is never ahead of or behind the data. Beside the database, the file `HEADS`
//! has two checksummed slots that are written in turn *after* the batch is on disk and without a
//! sync of their own: after a crash the file is equal to the database or behind it, at worst one
//! slot is torn. A database that is behind the file has lost acknowledged batches.

use std::fs::TryLockError;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use lore_engine::Recovery;
use lore_protocol::ids::Hash;

use super::StoreError;
use crate::lock::{LockedFile, open_private};

/// Name of the file beside the database.
pub(super) const FILE_NAME: &str = "HEADS";
/// Number (8), hash (32), checksum (32).
const SLOT_BYTES: usize = 72;

/// Head of the chain of synced batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of synced batches.
    pub number: u64,
    /// The hash over all of them.
    pub hash: Hash,
}

/// The recovery that a mark in the store stands for.
pub(super) fn recovery_of(mark: &[u8]) -> Option<Recovery> {
    [Recovery::Repaired, Recovery::Restored].into_iter().find(|one| one.name().as_bytes() == mark)
}

impl Head {
    /// Before the first batch.
    pub const START: Self = Self { number: 0, hash: Hash::ZERO };

    /// The head after a batch with this digest.
    pub(super) fn next(&self, digest: &Hash) -> Self {
        let number = self.number + 1;
        Self {
            number,
            hash: Hash::derive(
                "commonlore/store-head/v1",
                &[self.hash.as_bytes(), &number.to_le_bytes(), digest.as_bytes()],
            ),
        }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        [&self.number.to_le_bytes()[..], self.hash.as_bytes()].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, hash) = bytes.split_first_chunk::<8>()?;
        Some(Self { number: u64::from_le_bytes(*number), hash: Hash(hash.try_into().ok()?) })
    }

    fn checksum(bytes: &[u8]) -> Hash {
        Hash::derive("commonlore/store-slot/v1", &[bytes])
    }
}

/// The open file `HEADS`.
pub(super) struct HeadsFile {
    file: LockedFile,
    path: PathBuf,
}

impl HeadsFile {
    /// Opens the file in `dir`, creating it empty when absent, and holds it: RocksDB's own lock
    /// is taken only after recovery has begun, and a look at a database that another process is
    /// writing must not be mistaken for a look at a damaged one.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE_NAME);
        let file = open_private(&path).map_err(StoreError::io("open", &path))?;
        match LockedFile::take(file) {
            Ok(file) => Ok(Self { file, path }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: dir.to_owned() }),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
        }
    }

    /// Identity of this file apart from any copy of it: its inode, and when it was made where the file system
    /// keeps that. Moving it within a file system changes neither.
    pub(super) fn place(&self) -> Result<Vec<u8>, StoreError> {
        let meta = self.file.metadata().map_err(StoreError::io("read", &self.path))?;
        let made = meta.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        let nanos = made.map_or(0, |made| made.as_nanos());
        Ok([&meta.ino().to_le_bytes()[..], &nanos.to_le_bytes()].concat())
    }

    /// The newest whole slot; `None` when there is none.
    pub(super) fn read(&self) -> Result<Option<Head>, StoreError> {
        let len = self.file.metadata().map_err(StoreError::io("read", &self.path))?.len();
        let mut newest: Option<Head> = None;
        for slot in 0..2_u64 {
            let offset = slot * SLOT_BYTES as u64;
            if len < offset + SLOT_BYTES as u64 {
                continue;
            }
            let mut bytes = [0; SLOT_BYTES];
            self.file
                .read_exact_at(&mut bytes, offset)
                .map_err(StoreError::io("read", &self.path))?;
            let (body, checksum) = bytes.split_at(SLOT_BYTES - 32);
            if Head::checksum(body).as_bytes() != checksum {
                continue;
            }
            if let Some(head) = Head::from_bytes(body)
                && newest.is_none_or(|newest| newest.number < head.number)
            {
                newest = Some(head);
            }
        }
        Ok(newest)
    }

    /// Records a head whose batch is on disk.
    pub(super) fn write(&self, head: &Head) -> Result<(), StoreError> {
        let mut bytes = head.to_bytes();
        bytes.extend(Head::checksum(&bytes).as_bytes());
        self.file
            .write_all_at(&bytes, head.number % 2 * SLOT_BYTES as u64)
            .map_err(StoreError::io("write", &self.path))
    }

    /// Forgets all heads: after a repair or restore the chain begins again where the data is.
    pub(super) fn reset(&self, head: &Head) -> Result<(), StoreError> {
        self.file.set_len(0).map_err(StoreError::io("write", &self.path))?;
        self.write(head)?;
        self.file.sync_all().map_err(StoreError::io("write", &self.path))
    }
}

/// Compares the database's head with the file's.
///
/// # Errors
/// [`StoreError::Damaged`] when the database is behind the file, or differs from it.
pub(super) fn compare(path: &Path, stored: Head, file: Option<Head>) -> Result<(), StoreError> {
    let damaged = |detail: String| Err(StoreError::Damaged { path: path.to_owned(), detail });
    match file {
        // The very first batch may have crashed before its head was noted.
        None if stored.number <= 1 => Ok(()),
        None => damaged(format!("the file {FILE_NAME} is missing or unreadable")),
        Some(noted) if stored.number < noted.number => damaged(format!(
            "it ends at write {}, but write {} was acknowledged",
            stored.number, noted.number
        )),
        Some(noted) if stored.number == noted.number && stored.hash != noted.hash => {
            damaged("its writes are not those that were acknowledged".into())
        }
        Some(_) => Ok(()),
    }
}
