//! Texts that a person agreed to publish: they wait in the store, and are signed when their delay is over.

use std::collections::{BTreeMap, BTreeSet};

use lore_privacy::{Authored, Outgoing, Released};
use lore_protocol::ids::{BlobId, FederationId, Hash};
use lore_protocol::payload::Payload;
use lore_protocol::skill::blob_id;

use crate::{Batch, Durability, Engine, EngineError, RecordKind, damaged};

impl Engine {
    /// Checks that this node could sign a text for a federation now.
    ///
    /// # Errors
    /// Why it could not.
    pub fn may_publish(&self, federation: FederationId) -> Result<(), EngineError> {
        self.may_sign(federation).map(drop)
    }

    /// Keeps what a person agreed to publish until its delay is over, with the files that a revision names. Nothing is
    /// signed here.
    ///
    /// # Errors
    /// Fails when this node could not sign it now, the files are not those that it names, or the store fails.
    pub fn publish_later(
        &self,
        consent: &Authored,
        files: &BTreeMap<BlobId, Vec<u8>>,
    ) -> Result<(), EngineError> {
        self.may_sign(consent.federation())?;
        let id = consent.id();
        let mut batch = Batch::new();
        batch.put(RecordKind::WaitingText, id.as_bytes(), consent.record());
        for blob in files_of(consent.payload()) {
            let bytes =
                files.get(&blob).filter(|bytes| blob_id(bytes) == blob).ok_or_else(|| {
                    EngineError::failed(
                        "files",
                        format!("the file {} is not at hand", blob.short()),
                    )
                })?;
            batch.put(RecordKind::WaitingFiles, waiting_key(&id, blob), bytes.clone());
        }
        Ok(self.store.write(batch, Durability::Synced)?)
    }

    /// Texts that wait, the next one first.
    ///
    /// # Errors
    /// Fails when the store fails or holds something else.
    pub fn waiting_texts(&self) -> Result<Vec<Authored>, EngineError> {
        let mut found = Vec::new();
        for pair in self.store.scan(RecordKind::WaitingText, b"") {
            let (id, record) = pair?;
            let id =
                id.try_into().map(Hash).map_err(|_| damaged(&"a name of a text is no hash"))?;
            found.push(Authored::read(&id, &record).map_err(|error| damaged(&error))?);
        }
        found.sort_by_key(|consent: &Authored| (consent.due_seconds(), consent.id()));
        Ok(found)
    }

    /// Withdraws a text that waits.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub fn withdraw_text(&self, id: &Hash) -> Result<(), EngineError> {
        let mut batch = Batch::new();
        let waiting = self.waiting_texts()?;
        for consent in waiting.iter().filter(|consent| consent.id() == *id) {
            for blob in files_of(consent.payload()) {
                batch.delete(RecordKind::WaitingFiles, waiting_key(id, blob));
            }
        }
        batch.delete(RecordKind::WaitingText, id.as_bytes());
        Ok(self.store.write(batch, Durability::Synced)?)
    }

    /// Signs the texts whose delay is over. What cannot be signed now goes on waiting.
    ///
    /// # Errors
    /// Fails when the store fails or holds something else.
    pub fn publish_due_texts(&mut self) -> Result<(), EngineError> {
        let now = self.now_seconds();
        for consent in self.waiting_texts()?.into_iter().filter(|consent| consent.counts(now)) {
            let id = consent.id();
            if !self.has_published(&consent) {
                self.keep_waiting_files(&consent)?;
                let released = Released::authored(&consent, now)?;
                if let Err(error) = self.publish(consent.federation(), &Outgoing::from(released)) {
                    if self.refused.insert(id) {
                        tracing::warn!(text = %id.short(), %error, "a text cannot be signed yet");
                    }
                    continue;
                }
            }
            self.withdraw_text(&id)?;
        }
        Ok(())
    }

    /// Puts the files of a revision where members are served from, before it is signed: who hears of it asks at once.
    fn keep_waiting_files(&mut self, consent: &Authored) -> Result<(), EngineError> {
        let id = consent.id();
        let mut files = Vec::new();
        for blob in files_of(consent.payload()) {
            let bytes = self.store.get(RecordKind::WaitingFiles, &waiting_key(&id, blob))?;
            let bytes = bytes.ok_or_else(|| damaged(&"a file of a waiting text is gone"))?;
            if !self.holds_blob(blob) {
                files.push((blob, bytes));
            }
        }
        self.keep_blobs(files, Durability::Synced)
    }

    /// Returns true when this node's chain holds these bytes already: a crash may come between signing them and
    /// taking them from the list.
    fn has_published(&self, consent: &Authored) -> bool {
        let Ok(found) = self.federation(consent.federation()) else { return false };
        let log = found.log();
        let Some(member) = log.member_of(&self.public_key()) else { return false };
        let mut next = log.head(member).map(|(_, id)| id);
        while let Some(entry) = next.and_then(|id| log.get(&id)) {
            if *entry.payload() == *consent.payload() {
                return true;
            }
            next = entry.header().prev;
        }
        false
    }
}

/// Files that a payload names, each once.
fn files_of(payload: &Payload) -> BTreeSet<BlobId> {
    match payload {
        Payload::Revision(revision) => revision.files.iter().map(|file| file.blob).collect(),
        _ => BTreeSet::new(),
    }
}

fn waiting_key(id: &Hash, blob: BlobId) -> Vec<u8> {
    [&id.as_bytes()[..], blob.as_bytes()].concat()
}
