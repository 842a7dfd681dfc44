//! A node without I/O: what it signs, takes in, releases, answers and asks.
//!
//! [`Engine`] is a state machine. [`Event`]s go in, [`Effect`]s come out of [`Engine::take_effects`]; time,
//! randomness, storage and the private side come in through traits. The daemon drives it over a real
//! network and the simulator over a virtual one.
//!
//! It must not know sockets, files, the operating system, sessions, or how anything is shown to a person.
//!
//! - Every delta enters a log through one door, [`Engine::ingest`], which also stores it.
//! - Everything that is signed goes through the privacy ledger ([`Engine::publish`]).
//! - No input of a peer is an error of [`Engine::handle`]: only the own store and ledger are.

mod admission;
mod authored;
mod batch;
mod blobs;
mod budget;
#[cfg(test)]
mod copies_tests;
mod denylist;
pub mod devices;
mod error;
mod event;
mod federation;
mod federations;
mod founding;
mod gate;
mod handle;
mod heard;
mod ingest;
mod job;
mod joining;
mod ledger;
mod membership;
pub mod metering;
mod peers;
mod pending;
mod quorum;
#[cfg(test)]
mod quorum_tests;
mod records;
mod recovery;
mod release;
#[cfg(test)]
mod release_tests;
#[cfg(test)]
mod reopen_tests;
mod retention;
mod rounds;
mod schedule;
pub mod shelf;
mod sign;
mod spread;
mod storage;
mod surroundings;
mod table;
mod takeover;
#[cfg(test)]
mod tests;
mod vouching;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub use admission::Invited;
pub use batch::{Batch, Change, Durability};
pub use blobs::{BlobWishes, MAX_ALL_BYTES, MAX_VOICE_BYTES};
pub use budget::{Planned, ceiling_epsilon, forbidden_unit};
pub use denylist::{Counts, DenyEntry};
pub use error::{Class, EngineError};
pub use event::{Effect, Event, Joining};
pub use federation::Federation;
pub use founding::{Costs, Created, Terms};
pub use gate::Gate;
pub use heard::Heard;
pub use job::{Finished, Job};
pub use ledger::LedgerRecords;
use lore_privacy::ledger::{Point, Ticket};
use lore_privacy::{Ledger, LocalSecret, NoiseSource, SystemNoise};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{FederationId, Hash, PublicKey};
pub use membership::Revoked;
pub use peers::{MAX_ADDRESS_BYTES, MAX_REPLY_BYTES};
pub use quorum::{Ended, Signing};
pub use records::RecordKind;
pub use recovery::SecondCopy;
pub use schedule::{schedule, within};
pub use storage::{MemoryStorage, Pair, Recovery, Scan, Storage, StorageError};
pub use surroundings::{Ballot, Clock, Contributions, Entropy, NoSessions, Source};
pub use table::Table;
pub use vouching::Asking;

use admission::Challenges;
use joining::Joins;
use metering::Meters;
use quorum::Quorums;
use rounds::Rounds;
use spread::Spreads;
use takeover::Takeovers;

/// Called at every point of a release that is passed, for tests that end the process there.
pub type Watch = Arc<dyn Fn(Point) + Send + Sync>;

/// Parts of an engine.
pub struct Parts<N = SystemNoise> {
    /// The node's signing key.
    pub key: SecretKey,
    /// Its records.
    pub store: Arc<dyn Storage>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Contributions of its sessions to releases.
    pub sessions: Arc<dyn Contributions>,
    /// The noise of its releases: the system's for a node, a seeded one for a simulation.
    pub noise: N,
    /// Watches releases; none outside of tests.
    pub watch: Option<Watch>,
}

/// Settings that its owner chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A name for the node, told to the federation when it joins.
    pub name: String,
    /// Time between rounds of anti-entropy with a member that takes its turn.
    pub sync_interval: Duration,
    /// Gate at which a person approves lesson releases.
    pub gate: Gate,
    /// Peers that a repaired or restored node asks before it signs, or as many as there are. Fewer risk that
    /// nobody asked knows its last delta, and with 0 it signs at once: a second delta of one height is a
    /// fork, and ends the membership.
    pub recovery_peers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            sync_interval: Duration::from_secs(60),
            gate: Gate::Off,
            recovery_peers: 3,
        }
    }
}

/// One node. What it releases is drawn with the noise `N`, and only a node of the system's noise makes
/// bytes that a daemon may send.
pub struct Engine<N = SystemNoise> {
    store: Arc<dyn Storage>,
    key: SecretKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    sessions: Arc<dyn Contributions>,
    noise: N,
    watch: Option<Watch>,
    settings: Settings,
    secret_bytes: [u8; 32],
    ledger: Ledger<LedgerRecords, N>,
    federations: BTreeMap<FederationId, Federation>,
    challenges: Challenges,
    rounds: Rounds,
    spreads: Spreads,
    joins: Joins,
    takeovers: Takeovers,
    quorums: Quorums,
    /// The epoch in which this node last looked whether to vouch again.
    vouched: BTreeMap<FederationId, u32>,
    /// Connected peers, and where they say that they listen.
    connected: BTreeMap<PublicKey, Vec<String>>,
    /// Addresses at which each member was dialled last.
    dialled: BTreeMap<PublicKey, Vec<String>>,
    effects: Vec<Effect>,
    blobs: blobs::Blobs,
    /// Releases that were refused and said so; tried again with the next start.
    refused: BTreeSet<Hash>,
    /// Peers with whom a round was completed since the open epoch began, or since this process did.
    asked: BTreeMap<FederationId, BTreeSet<PublicKey>>,
    /// Federations of which a member has answered since this process began.
    answered: BTreeSet<FederationId>,
    /// Time of the last asking: members must answer before a release.
    asked_at: BTreeMap<FederationId, Duration>,
    /// The right to sample each release that was paid for and has no result yet.
    tickets: BTreeMap<Hash, Ticket>,
    /// The work of those that the driver has not taken, in the order in which they were paid for.
    jobs: VecDeque<Job<N>>,
    /// The release whose work the driver does.
    running: Option<Hash>,
    /// Members that say, of each federation, that this node is no member any more.
    called_gone: BTreeMap<FederationId, BTreeSet<PublicKey>>,
    meters: Meters,
    heard: Heard,
}

impl<N: NoiseSource> Engine<N> {
    /// Opens a node: its ledger, and every federation's log.
    ///
    /// # Errors
    /// Fails when the store or the ledger is damaged.
    pub fn open(parts: Parts<N>, settings: Settings) -> Result<Self, EngineError> {
        let Parts { key, store, clock, entropy, sessions, noise, watch } = parts;
        let secret_bytes = local_secret(&*store, &*entropy)?;
        let ledger = Ledger::open_for(LedgerRecords::new(Arc::clone(&store)))?;
        let mut engine = Self {
            store,
            key,
            clock,
            entropy,
            sessions,
            noise,
            watch,
            settings,
            secret_bytes,
            ledger,
            federations: BTreeMap::new(),
            challenges: Challenges::default(),
            rounds: Rounds::default(),
            spreads: Spreads::default(),
            joins: Joins::default(),
            takeovers: Takeovers::default(),
            quorums: Quorums::default(),
            vouched: BTreeMap::new(),
            connected: BTreeMap::new(),
            dialled: BTreeMap::new(),
            effects: Vec::new(),
            blobs: blobs::Blobs::default(),
            refused: BTreeSet::new(),
            asked: BTreeMap::new(),
            answered: BTreeSet::new(),
            asked_at: BTreeMap::new(),
            tickets: BTreeMap::new(),
            jobs: VecDeque::new(),
            running: None,
            called_gone: BTreeMap::new(),
            meters: Meters::new(metering::REFILL_BYTES_PER_SECOND),
            heard: Heard::default(),
        };
        engine.watch_ledger();
        engine.load_federations()?;
        engine.load_blobs()?;
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

    /// The records, for what the surroundings keep in them.
    #[must_use]
    pub const fn store(&self) -> &Arc<dyn Storage> {
        &self.store
    }

    /// The privacy ledger, to be read.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger<LedgerRecords, N> {
        &self.ledger
    }

    /// Settings that its owner chose.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes what its owner chose.
    pub const fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// Federations of this node.
    #[must_use]
    pub const fn federations(&self) -> &BTreeMap<FederationId, Federation> {
        &self.federations
    }

    /// One federation.
    ///
    /// # Errors
    /// Fails when this node is not in it.
    pub fn federation(&self, id: FederationId) -> Result<&Federation, EngineError> {
        self.federations.get(&id).ok_or_else(|| unknown(id))
    }

    /// Counts of what peers sent since this engine was opened.
    #[must_use]
    pub const fn heard(&self) -> Heard {
        self.heard
    }

    /// Connected peers, sorted.
    pub fn connected(&self) -> impl Iterator<Item = PublicKey> {
        self.connected.keys().copied()
    }

    /// Takes the effects since the last call.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub fn now_seconds(&self) -> u64 {
        self.clock.unix_seconds()
    }

    /// A key for pseudonyms that stay on this node, derived from its secret.
    #[must_use]
    pub fn local_key(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.secret_bytes)
    }

    pub(crate) const fn local_secret(&self) -> LocalSecret {
        LocalSecret::from_bytes(self.secret_bytes)
    }

    fn watch_ledger(&mut self) {
        if let Some(watch) = self.watch.clone() {
            self.ledger.watch(move |point| watch(point));
        }
    }
}

fn unknown(federation: FederationId) -> EngineError {
    EngineError::usage(format!("this node is in no federation {}", federation.short()))
        .kind("unknown_federation")
        .help("see `lore federation show`")
}

fn damaged(error: &dyn std::fmt::Display) -> EngineError {
    EngineError::failed(
        "damaged",
        format!("the store holds something that this program did not write: {error}"),
    )
    .help("run `lore doctor`; a node can also join again and fetch everything from its peers")
}

fn local_secret(store: &dyn Storage, entropy: &dyn Entropy) -> Result<[u8; 32], EngineError> {
    if let Some(bytes) = store.get(RecordKind::LocalSecret, b"")?
        && let Ok(bytes) = bytes.try_into()
    {
        return Ok(bytes);
    }
    let bytes = entropy.bytes()?;
    store.put(RecordKind::LocalSecret, b"", &bytes, Durability::Synced)?;
    Ok(bytes)
}
