//! One federation as this node sees it.

use lore_protocol::ids::{FederationId, Hash, MemberId, PublicKey};
use lore_protocol::library::{Fold, Library};
use lore_protocol::log::Log;
use lore_protocol::wire::FrameSeal;

/// Log, fold, and the library they come to.
pub struct Federation {
    log: Log,
    seal: FrameSeal,
    fold: Fold,
    library: Library,
    root: Hash,
    digest: Option<Hash>,
}

impl Federation {
    /// A federation whose log was just read.
    #[must_use]
    pub fn new(log: Log) -> Self {
        let mut federation = Self {
            seal: FrameSeal::new(log.signed_charter()),
            log,
            fold: Fold::default(),
            library: Library::default(),
            root: Hash::ZERO,
            digest: None,
        };
        federation.refresh();
        federation
    }

    /// Folds what is new. Cheap when nothing is.
    pub fn refresh(&mut self) {
        let digest = self.log.digest();
        if self.digest == Some(digest) {
            return;
        }
        self.fold.advance(&self.log);
        self.library = self.fold.library(&self.log);
        self.root = self.library.root();
        self.digest = Some(digest);
    }

    /// The log, to be read: deltas enter it through [`crate::Engine::ingest`] alone.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The log, for the one door into it.
    pub(crate) const fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Seals and opens its gossip.
    #[must_use]
    pub const fn seal(&self) -> &FrameSeal {
        &self.seal
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> FederationId {
        self.log.federation()
    }

    /// The library at the last refresh, with what no checkpoint covers yet.
    #[must_use]
    pub const fn library(&self) -> &Library {
        &self.library
    }

    /// Its root.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
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
