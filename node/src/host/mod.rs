//! A node on this machine: the engine over RocksDB, with its users' sessions and what its owner is shown.
//!
//! The daemon drives one [`Node`]; a verb without a daemon opens the same node for itself. What the
//! engine wants sent is then left: it is in the store, and sync carries it later.

mod consent;
mod contributions;
mod conversation;
mod convert;
mod denylist;
mod evolve;
mod federations;
mod gate;
mod lessons;
mod privacy;
#[cfg(test)]
mod release_tests;
mod search;
mod sessions;
mod shares;
mod skills;
mod status;
mod system;
mod verbs;

use std::path::PathBuf;
use std::sync::Arc;

pub use consent::CONSENT_FILE;
pub(crate) use convert::verified;
pub(crate) use evolve::read_brief;
pub(crate) use federations::joined;
pub use lessons::Handwritten;
use lore_engine::{Engine, Event, Gate, LedgerRecords, Parts, Settings, Storage};
use lore_privacy::SystemNoise;
use lore_privacy::ledger::Verified;
pub(crate) use search::found;
pub(crate) use system::random_bytes;
pub use system::{AroundSessions, AroundStorage, Machine, Probe, now_seconds};

use crate::config::Config;
use crate::error::CliError;
use crate::home::Home;
use crate::store::Store;
use contributions::Sessions;

/// One node of this machine.
pub struct Node {
    home: Home,
    store: Arc<dyn Storage>,
    engine: Engine,
    probe: Option<Probe>,
    consent_file: PathBuf,
}

impl Node {
    /// Opens the node of a home: store, ledger, and every federation's log.
    ///
    /// # Errors
    /// Fails when the home was not initialised, is in use, or the store is damaged.
    pub fn open(home: Home, machine: &Machine) -> Result<Self, CliError> {
        let key = home.load_key()?;
        let store = machine.storage(Arc::new(Store::open(&home.store_path())?));
        let config = Config::load(&home.config_path());
        let settings = Settings {
            name: config.as_ref().map(|config| config.name.clone()).unwrap_or_default(),
            sync_interval: config
                .as_ref()
                .map_or(Settings::default().sync_interval, |config| config.sync_interval),
            gate: Gate::Off,
            ..Settings::default()
        };
        let parts = Parts {
            key,
            store: Arc::clone(&store),
            clock: Arc::clone(&machine.clock),
            entropy: Arc::clone(&machine.entropy),
            sessions: machine
                .sessions(Arc::new(Sessions::new(Arc::clone(&store), machine.probe.clone()))),
            noise: SystemNoise,
            watch: machine.watch.clone(),
        };
        let engine = Engine::open(parts, settings)?;
        let probe = machine.probe.clone();
        let consent_file = machine.consent_file.clone();
        let mut node = Self { home, store, engine, probe, consent_file };
        node.refresh_gate();
        Ok(node)
    }

    /// The engine, to be read.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine.
    pub const fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Takes in what happened outside.
    ///
    /// # Errors
    /// Fails when the store or the ledger fails.
    pub fn handle(&mut self, event: Event) -> Result<(), CliError> {
        if event == Event::Tick {
            self.refresh_gate();
            self.engine.publish_due_texts()?;
        }
        Ok(self.engine.handle(event)?)
    }

    /// Signs the texts and makes the releases that are due, and ends an epoch that is over. Their work is done
    /// here and now: a daemon takes it with [`Engine::take_job`] instead.
    ///
    /// # Errors
    /// Fails when the store or the ledger fails.
    pub fn settle(&mut self) -> Result<(), CliError> {
        self.refresh_gate();
        self.engine.publish_due_texts()?;
        self.engine.settle()?;
        Ok(self.engine.run_jobs()?)
    }

    /// Reads whether a person approves lesson releases: the owner may change it while the node runs.
    fn refresh_gate(&mut self) {
        self.engine.settings_mut().gate = match Config::load(&self.home.config_path()) {
            Ok(config) => config.gate_seconds.map_or(Gate::Off, |seconds| Gate::Ask { seconds }),
            Err(error) => Gate::Unreadable(error.to_string()),
        };
    }
}

/// Verifies the ledger of a home that no process holds, reading only.
///
/// # Errors
/// [`lore_privacy::PrivacyError::Damaged`] with the first entry that does not hold; store errors.
pub fn verify_ledger(home: &Home) -> Result<Verified, CliError> {
    let store = Store::open(&home.store_path())?;
    Ok(lore_privacy::ledger::verify(&LedgerRecords::new(Arc::new(store)))?)
}
