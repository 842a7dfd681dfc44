//! The engine: one node's state, and everything that can be done with it without a network.
//!
//! The daemon drives one engine; a verb without a daemon opens the same engine for itself. What the
//! engine wants sent is left in its outbox: with no daemon it stays in the store and sync carries it
//! later.

mod admission;
mod contributions;
mod denylist;
mod evolve;
mod fault;
mod federation;
mod federations;
mod gate;
mod ledger;
mod lessons;
mod peers;
mod privacy;
mod publish;
mod release;
#[cfg(test)]
mod release_tests;
mod search;
mod sessions;
mod skills;
mod status;
mod verbs;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use evolve::read_brief;
pub use federation::Federation;
pub use ledger::verify_ledger;
pub use lessons::Handwritten;
use lore_privacy::{Ledger, LocalSecret};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{DeltaId, FederationId, Hash, PublicKey};
pub(crate) use search::found;

use crate::error::CliError;
use crate::home::Home;
use crate::store::{Durability, Store, Table};
use admission::Challenges;
use ledger::StoreLedger;

const SECRET_KEY: &[u8] = b"local-secret";

/// What the engine wants the daemon to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Gossip a delta of this node.
    Publish(FederationId, DeltaId),
    /// Take part in a federation's gossip.
    Subscribe(FederationId),
}

/// One node.
pub struct Engine {
    home: Home,
    store: Store,
    key: SecretKey,
    secret_bytes: [u8; 32],
    ledger: Ledger<StoreLedger>,
    federations: BTreeMap<FederationId, Federation>,
    challenges: Challenges,
    outbox: Vec<Effect>,
    /// Releases that were refused and said so; tried again with the next start.
    refused: BTreeSet<Hash>,
    /// Peers with whom a round was completed since this process began.
    asked: BTreeMap<FederationId, BTreeSet<PublicKey>>,
}

impl Engine {
    /// Opens the node of a home: store, ledger, and every federation's log.
    ///
    /// # Errors
    /// When the home was not initialised, is in use, or the store is damaged.
    pub fn open(home: Home) -> Result<Self, CliError> {
        let key = home.load_key()?;
        let store = Store::open(&home.store_path())?;
        let secret_bytes = local_secret(&store)?;
        let ledger = Ledger::open(StoreLedger::new(store.clone()))?;
        let mut engine = Self {
            home,
            store,
            key,
            secret_bytes,
            ledger,
            federations: BTreeMap::new(),
            challenges: Challenges::default(),
            outbox: Vec::new(),
            refused: BTreeSet::new(),
            asked: BTreeMap::new(),
        };
        fault::watch(&mut engine.ledger, engine.home.root());
        engine.load_federations()?;
        engine.end_recovery()?;
        engine.finish_pending();
        Ok(engine)
    }

    /// This node's key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// The signing key, for the transport.
    #[must_use]
    pub const fn secret_key(&self) -> &SecretKey {
        &self.key
    }

    /// The store, for what the daemon itself remembers.
    #[must_use]
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Federations of this node.
    #[must_use]
    pub const fn federations(&self) -> &BTreeMap<FederationId, Federation> {
        &self.federations
    }

    /// A federation, for the sync machine.
    pub fn federation_mut(&mut self, id: FederationId) -> Option<&mut Federation> {
        self.federations.get_mut(&id)
    }

    /// What is to be sent since the last call.
    pub fn take_outbox(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.outbox)
    }

    fn local_secret(&self) -> LocalSecret {
        LocalSecret::from_bytes(self.secret_bytes)
    }
}

/// Seconds since the Unix epoch. A clock before it counts as the epoch.
pub(crate) fn now_seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    now.saturating_add_signed(fault::clock_offset())
}

/// Thirty-two bytes of the operating system's randomness.
pub(crate) fn random_bytes() -> Result<[u8; 32], CliError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        CliError::failed(
            "no_randomness",
            format!("the operating system gives no randomness: {error}"),
        )
        .help("check that /dev/urandom is readable")
    })?;
    Ok(bytes)
}

fn local_secret(store: &Store) -> Result<[u8; 32], CliError> {
    if let Some(bytes) = store.get(Table::Settings, SECRET_KEY)?
        && let Ok(bytes) = bytes.try_into()
    {
        return Ok(bytes);
    }
    let bytes = random_bytes()?;
    store.put(Table::Settings, SECRET_KEY, &bytes, Durability::Synced)?;
    Ok(bytes)
}
