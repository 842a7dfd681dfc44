//! Files of revisions: which are needed, which are here, and who is asked for the others.
//!
//! A delta names the files of a skill by their hashes, and never carries them. This module fetches each file for
//! itself from a member that may have it, and stores it when its hash and length are right. What a peer can cost is
//! bounded: few requests at once, a growing pause after each that came to nothing, and a share of the space for all
//! revisions of one voice. A peer that answers with something else, too much, or nothing is passed over for a while;
//! the next one is asked meanwhile.

mod fetch;
mod serve;
mod survey;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lore_privacy::NoiseSource;
use lore_protocol::ids::{BlobId, CheckpointId, FederationId, PublicKey, RevisionId};
use lore_protocol::library::RevisionItem;
use lore_protocol::skill;

use crate::metering::Meters;
use crate::{Batch, Durability, Engine, EngineError, RecordKind, damaged};
use fetch::{Faults, Flight, Want};

/// Bytes that the revisions of one voice may take here while no person approved them.
pub const MAX_VOICE_BYTES: u64 = 32 << 20;
/// Bytes that all revisions may take here.
pub const MAX_ALL_BYTES: u64 = 512 << 20;

/// A person's decisions about revisions, as far as they concern their files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobWishes {
    /// Revisions that were turned down: their files are not fetched, and dropped.
    pub dropped: BTreeSet<RevisionId>,
    /// Revisions that are used: their files stay whatever else is published.
    pub kept: BTreeSet<RevisionId>,
}

/// What a survey was made of.
type Basis = Vec<(FederationId, usize, CheckpointId)>;

/// State of all files.
pub(crate) struct Blobs {
    /// Lengths of the files that are here.
    held: BTreeMap<BlobId, u64>,
    /// Files that each federation's revisions name.
    named: BTreeMap<FederationId, BTreeSet<BlobId>>,
    wanted: BTreeMap<BlobId, Want>,
    /// Requests under way, by number.
    flights: BTreeMap<u64, Flight>,
    faults: BTreeMap<PublicKey, Faults>,
    /// Files that members were sent.
    served: Meters,
    wishes: BlobWishes,
    basis: Option<Basis>,
    /// Time of the next survey, and of the next time that a new connection ends all pauses.
    next_survey: Duration,
    next_reset: Duration,
    version: u64,
}

impl Default for Blobs {
    fn default() -> Self {
        Self {
            held: BTreeMap::new(),
            named: BTreeMap::new(),
            wanted: BTreeMap::new(),
            flights: BTreeMap::new(),
            faults: BTreeMap::new(),
            served: Meters::new(serve::REFILL_BYTES_PER_SECOND),
            wishes: BlobWishes::default(),
            basis: None,
            next_survey: Duration::ZERO,
            next_reset: Duration::ZERO,
            version: 0,
        }
    }
}

impl<N: NoiseSource> Engine<N> {
    /// Reads which files are here.
    pub(crate) fn load_blobs(&mut self) -> Result<(), EngineError> {
        for pair in self.store.scan(RecordKind::BlobLength, b"") {
            let (id, len) = pair?;
            let id = id.try_into().map_err(|_| damaged(&"a file has no id"))?;
            let len = len.try_into().map_err(|_| damaged(&"a file has no length"))?;
            self.blobs.held.insert(BlobId(id), u64::from_be_bytes(len));
        }
        Ok(())
    }

    /// The contents of a file; none when it is not here, or was damaged on disk.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub fn blob(&self, id: BlobId) -> Result<Option<Vec<u8>>, EngineError> {
        let bytes = self.store.get(RecordKind::Blob, id.as_bytes())?;
        Ok(bytes.filter(|bytes| skill::blob_id(bytes) == id))
    }

    /// Returns true when a file is here.
    #[must_use]
    pub fn holds_blob(&self, id: BlobId) -> bool {
        self.blobs.held.contains_key(&id)
    }

    /// Number of a revision's files that are not here yet.
    #[must_use]
    pub fn missing_files(&self, revision: &RevisionItem) -> usize {
        revision.files.iter().filter(|file| !self.holds_blob(file.blob)).count()
    }

    /// Returns true when a federation here has texts of skills, or once had.
    #[must_use]
    pub fn has_revisions(&self) -> bool {
        self.federations.values().any(|found| found.revisions() > 0)
    }

    /// Counter that changes when a file came or went.
    #[must_use]
    pub const fn blobs_version(&self) -> u64 {
        self.blobs.version
    }

    /// Says what a person decided about revisions. The files follow with the next tick.
    pub fn wish_blobs(&mut self, wishes: BlobWishes) {
        if self.blobs.wishes != wishes {
            self.blobs.wishes = wishes;
            self.blobs.basis = None;
            self.blobs.next_survey = Duration::ZERO;
        }
    }

    /// Stores files whose hashes are known to be right.
    pub(crate) fn keep_blobs(
        &mut self,
        files: impl IntoIterator<Item = (BlobId, Vec<u8>)>,
        durability: Durability,
    ) -> Result<(), EngineError> {
        let mut batch = Batch::new();
        let mut kept = Vec::new();
        for (id, bytes) in files {
            let len = bytes.len() as u64;
            batch.put(RecordKind::BlobLength, id.as_bytes(), len.to_be_bytes());
            batch.put(RecordKind::Blob, id.as_bytes(), bytes);
            kept.push((id, len));
        }
        self.store.write(batch, durability)?;
        self.blobs.version += u64::from(!kept.is_empty());
        for (id, len) in kept {
            self.blobs.held.insert(id, len);
            self.blobs.wanted.remove(&id);
        }
        Ok(())
    }

    /// Deletes files.
    fn drop_blobs(&mut self, ids: &[BlobId]) -> Result<(), EngineError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for id in ids {
            batch.delete(RecordKind::Blob, id.as_bytes());
            batch.delete(RecordKind::BlobLength, id.as_bytes());
        }
        self.store.write(batch, Durability::Buffered)?;
        for id in ids {
            self.blobs.held.remove(id);
        }
        self.blobs.version += 1;
        tracing::info!(files = ids.len(), "files of skills that are not needed were dropped");
        Ok(())
    }
}
