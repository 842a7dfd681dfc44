//! A clock that stands until a test sets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lore_engine::Clock;
use lore_node::host::Machine;

/// A day in the middle of an accounting period of 90 days, in seconds since the Unix epoch.
pub const MIDDLE_OF_A_PERIOD: u64 = 20_000 * 86_400;

/// Time that passes when the test says so.
#[derive(Debug)]
pub struct SetClock(AtomicU64);

impl SetClock {
    /// A clock that shows these seconds since the Unix epoch.
    #[must_use]
    pub fn at(seconds: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seconds)))
    }

    /// Lets seconds pass.
    pub fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A machine with this clock.
    #[must_use]
    pub fn machine(self: &Arc<Self>) -> Machine {
        Machine { clock: Arc::clone(self) as _, ..Machine::new() }
    }
}

impl Clock for SetClock {
    fn unix_seconds(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.unix_seconds())
    }
}
