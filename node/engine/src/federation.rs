//! One federation as this node sees it.

use std::sync::{Mutex, OnceLock, PoisonError};

use lore_protocol::delta::Sound;
use lore_protocol::ids::{CheckpointId, FederationId, Hash, MemberId, PublicKey};
use lore_protocol::library::{Fold, Library, Open};
use lore_protocol::log::{Entry, Ingest, Log};
use lore_protocol::payload::Payload;

/// Log, fold, and the library they come to.
pub struct Federation {
    log: Log,
    fold: Fold,
    /// Revisions, and words against anything, that the log took in.
    revisions: usize,
    /// Brought up to date when the library is read: most deltas come in without that.
    open: Mutex<Open>,
    view: OnceLock<View>,
}

struct View {
    library: Library,
    root: Hash,
}

impl Federation {
    /// A federation whose log was just read.
    #[must_use]
    pub fn new(log: Log) -> Self {
        let mut fold = Fold::default();
        fold.advance(&log);
        let revisions = log.entries().filter(|(_, entry)| is_about_revisions(entry)).count();
        Self { log, fold, revisions, open: Mutex::default(), view: OnceLock::new() }
    }

    /// Takes a delta into the log, and folds what a checkpoint seals by it.
    pub(crate) fn take(&mut self, sound: Sound) -> Ingest {
        let before = self.version();
        let result = self.log.ingest(sound);
        if let Ingest::Accepted(ids) = &result {
            let taken = ids.iter().filter_map(|id| self.log.get(id));
            self.revisions += taken.filter(|entry| is_about_revisions(entry)).count();
        }
        if self.version() != before {
            self.fold.advance(&self.log);
            self.view = OnceLock::new();
        }
        result
    }

    /// Changes with the log: it grows, or another checkpoint of an epoch is chosen.
    fn version(&self) -> (usize, CheckpointId) {
        (self.log.len(), self.log.tip().id)
    }

    /// Number of deltas that decide which files are needed; it only grows.
    pub(crate) const fn revisions(&self) -> usize {
        self.revisions
    }

    /// The log, to be read: deltas enter it through [`crate::Engine::ingest`] alone.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> FederationId {
        self.log.federation()
    }

    /// The library, with what no checkpoint covers yet.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.view().library
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.view().root
    }

    fn view(&self) -> &View {
        self.view.get_or_init(|| {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let library = open.follow(&self.fold, &self.log).clone();
            View { root: library.root(), library }
        })
    }

    /// The fold, for sealed state and proposals.
    #[must_use]
    pub const fn fold(&self) -> &Fold {
        &self.fold
    }

    /// The member id of a key: on the roster, or admitted and waiting for a checkpoint.
    #[must_use]
    pub fn member(&self, key: &PublicKey) -> Option<MemberId> {
        self.log.member_of(key)
    }
}

const fn is_about_revisions(entry: &Entry) -> bool {
    matches!(entry.sound.payload, Payload::Revision(_) | Payload::Revoke(_))
}
