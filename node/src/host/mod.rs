//! A node on this machine: the engine over RocksDB, with its users' sessions and what its owner is shown.
//!
//! The daemon drives one [`Node`]; a verb without a daemon opens the same node for itself. What the
//! engine wants sent is then left: it is in the store, and sync carries it later.

mod consent;
mod contributions;
#[cfg(test)]
mod contributions_tests;
mod conversation;
mod convert;
mod denylist;
mod devices;
mod digests;
mod evolve;
mod exports;
mod federations;
mod forget;
#[cfg(test)]
mod forget_tests;
mod gate;
mod hints;
mod known;
mod lessons;
mod privacy;
mod published;
mod reasons;
#[cfg(test)]
mod release_tests;
mod review;
mod search;
#[cfg(test)]
mod search_tests;
mod sessions;
mod shares;
mod shelf;
mod skills;
mod states;
mod status;
mod system;
mod texts;
mod verbs;
mod versions;
mod watch;
#[cfg(test)]
mod watch_tests;

use std::path::PathBuf;
use std::sync::Arc;

pub use consent::CONSENT_FILE;
pub(crate) use convert::verified;
pub(crate) use evolve::read_brief;
pub(crate) use federations::joined;
pub(crate) use known::call_of;
pub use lessons::Handwritten;
use lore_connect::hook::HintKey;
use lore_engine::devices::{DeviceParts, Devices};
use lore_engine::{Engine, Event, Gate, LedgerRecords, Parts, Settings, Storage, Table};
use lore_privacy::SystemNoise;
use lore_privacy::ledger::Verified;
pub(crate) use search::found;
pub use system::{AroundSessions, AroundStorage, Machine, Probe, now_seconds};
pub(crate) use watch::Watched;

use crate::at_rest::{DataKey, Encrypted, KeyWish};
use crate::config::Config;
use crate::error::CliError;
use crate::home::Home;
use crate::store::Store;
use crate::watch::Watcher;
use contributions::Sessions;

/// One node of this machine.
pub struct Node {
    home: Home,
    store: Arc<dyn Storage>,
    engine: Engine,
    shelf: shelf::ShelfKeeper,
    probe: Option<Probe>,
    consent_file: PathBuf,
    /// The store without what stands around it.
    disk: Store,
    /// Days that sessions are kept; none: for ever.
    keep_days: Option<u32>,
    /// Time of the next look for sessions that are past their time, in seconds since the Unix epoch.
    next_look: u64,
    /// Takes deleted records out of the store's files.
    scrubbing: Option<std::thread::JoinHandle<()>>,
    /// Follows the agents of those who asked for it; none while a step of it is being done.
    watcher: Option<Watcher>,
    /// Devices of this node's users.
    devices: Devices,
    /// State of what they are given.
    given: devices::GivenState,
    /// State of what hooks of agents read.
    hints: hints::HintState,
    /// State of skills in agents' directories.
    exports: exports::ExportState,
    /// State of what the engine was told about texts.
    texts: texts::TextState,
}

impl Node {
    /// Opens the node of a home: store, ledger, and every federation's log.
    ///
    /// # Errors
    /// Fails when the home was not initialised, is in use, or the store is damaged.
    pub fn open(home: Home, machine: &Machine) -> Result<Self, CliError> {
        let key = home.load_key()?;
        let disk = Store::open(&home.store_path())?;
        let config = Config::load(&home.config_path());
        let wish = config.as_ref().map(|config| config.sessions.key).unwrap_or_default();
        let (store, hint_key) = private_store(&home, &disk, machine, wish)?;
        let settings = Settings {
            name: config.as_ref().map(|config| config.name.clone()).unwrap_or_default(),
            sync_interval: config
                .as_ref()
                .map_or(Settings::default().sync_interval, |config| config.sync_interval),
            gate: Gate::Off,
            ..Settings::default()
        };
        let devices = Devices::open(DeviceParts {
            key: key.clone(),
            store: Arc::clone(&store),
            clock: Arc::clone(&machine.clock),
            entropy: Arc::clone(&machine.entropy),
            sync_interval: settings.sync_interval,
        })?;
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
        let shelf = shelf::ShelfKeeper::open(&*store)?;
        let (keep_days, next_look, scrubbing) = (None, 0, None);
        let mut node = Self {
            home,
            store,
            engine,
            shelf,
            probe,
            consent_file,
            disk,
            keep_days,
            next_look,
            scrubbing,
            watcher: Some(Watcher::default()),
            devices,
            given: devices::GivenState::default(),
            hints: hints::HintState::new(hint_key),
            exports: exports::ExportState::default(),
            texts: texts::TextState::default(),
        };
        node.refresh_settings();
        node.note_arrivals()?;
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
            self.refresh_settings();
            self.engine.publish_due_texts()?;
            self.drop_old_sessions()?;
            self.tend_texts();
            self.tend_devices()?;
            self.refresh_hints();
            self.refresh_exports();
        }
        Ok(self.engine.handle(event)?)
    }

    /// Signs the texts and makes the releases that are due, and ends an epoch that is over. Their work is done
    /// here and now: a daemon takes it with [`Engine::take_job`] instead.
    ///
    /// # Errors
    /// Fails when the store or the ledger fails.
    pub fn settle(&mut self) -> Result<(), CliError> {
        self.refresh_settings();
        self.engine.publish_due_texts()?;
        self.engine.settle()?;
        Ok(self.engine.run_jobs()?)
    }

    /// Reads what the owner may change while the node runs: whether a person approves lesson releases, how long
    /// sessions are kept, and the policy of the shelf. Nothing is deleted by a configuration that cannot be read, and
    /// nothing new reaches the shelf.
    fn refresh_settings(&mut self) {
        let config = Config::load(&self.home.config_path());
        self.keep_days = config.as_ref().ok().and_then(|config| config.sessions.keep_days);
        if let Ok(config) = &config {
            self.shelf.policy = config.shelf_policy;
        }
        self.engine.settings_mut().gate = match config {
            Ok(config) => config.gate_seconds.map_or(Gate::Off, |seconds| Gate::Ask { seconds }),
            Err(error) => Gate::Unreadable(error.to_string()),
        };
    }
}

/// The store of a home with its private records in clear, and the key of what hooks read. What an older program left in clear on disk is
/// encrypted, and taken out of the files.
fn private_store(
    home: &Home,
    disk: &Store,
    machine: &Machine,
    wish: KeyWish,
) -> Result<(Arc<dyn Storage>, Option<HintKey>), CliError> {
    let inner = machine.storage(Arc::new(disk.clone()));
    let is_new = !Encrypted::has_key(&*inner)?;
    let key = DataKey::of(home, machine.keyring.as_deref(), wish, is_new)?;
    let (store, rewritten) = Encrypted::open(inner, &key)?;
    if rewritten {
        disk.scrub(&[Table::Sessions, Table::Settings])?;
    }
    let hint_key = key.hint_key(home);
    Ok((Arc::new(store), hint_key))
}

/// Verifies the ledger of a home that no process holds, reading only.
///
/// # Errors
/// [`lore_privacy::PrivacyError::Damaged`] with the first entry that does not hold; store errors.
pub fn verify_ledger(home: &Home) -> Result<Verified, CliError> {
    let store = Store::open(&home.store_path())?;
    Ok(lore_privacy::ledger::verify(&LedgerRecords::new(Arc::new(store)))?)
}
