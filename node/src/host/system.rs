//! This machine's clock, randomness and storage, each of which a test can put another in place of.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lore_engine::{Clock, Contributions, Entropy, Storage, Watch};

use super::CONSENT_FILE;
use crate::at_rest::{Keyring, SecretTool};
use crate::random::SystemEntropy;

/// The resources that a node takes from the machine that it runs on.
#[derive(Clone)]
pub struct Machine {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Sees every point of a release that is passed; none outside of tests.
    pub watch: Option<Watch>,
    /// Sees the task of every session that is looked through; none outside of tests.
    pub probe: Option<Probe>,
    /// The file of another account whose code a person types to publish a text, where it exists.
    pub consent_file: PathBuf,
    /// The operating system's keyring; none where private records' key is to be in a file.
    pub keyring: Option<Arc<dyn Keyring>>,
    /// Puts another store around the node's; none outside of tests.
    pub around_storage: Option<AroundStorage>,
    /// Puts another reader of sessions around the node's; none outside of tests.
    pub around_sessions: Option<AroundSessions>,
}

/// Called with each session's task: inside of what isolates one session from another when the first
/// argument is true, outside when it is false.
pub type Probe = Arc<dyn Fn(bool, &str) + Send + Sync>;

/// Wraps a node's store.
pub type AroundStorage = Arc<dyn Fn(Arc<dyn Storage>) -> Arc<dyn Storage> + Send + Sync>;

/// Wraps what a node's sessions give to releases.
pub type AroundSessions =
    Arc<dyn Fn(Arc<dyn Contributions>) -> Arc<dyn Contributions> + Send + Sync>;

impl Machine {
    /// The machine as it is, without a keyring.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock { started: Instant::now() }),
            entropy: Arc::new(SystemEntropy),
            watch: None,
            probe: None,
            consent_file: CONSENT_FILE.into(),
            keyring: None,
            around_storage: None,
            around_sessions: None,
        }
    }

    /// The machine as it is, with the keyring of the person who is at it.
    #[must_use]
    pub fn of_a_person() -> Self {
        let keyring = SecretTool::find().map(|tool| Arc::new(tool) as Arc<dyn Keyring>);
        Self { keyring, ..Self::new() }
    }

    pub(super) fn storage(&self, store: Arc<dyn Storage>) -> Arc<dyn Storage> {
        match &self.around_storage {
            Some(wrap) => wrap(store),
            None => store,
        }
    }

    pub(super) fn sessions(&self, sessions: Arc<dyn Contributions>) -> Arc<dyn Contributions> {
        match &self.around_sessions {
            Some(wrap) => wrap(sessions),
            None => sessions,
        }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

struct SystemClock {
    started: Instant,
}

impl Clock for SystemClock {
    fn unix_seconds(&self) -> u64 {
        now_seconds()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Seconds since the Unix epoch by the system's clock. A clock before it counts as the epoch.
#[must_use]
pub fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
