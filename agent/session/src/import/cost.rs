//! Counts the work of reading, in steps of about one byte, so that a test can bound it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lore_protocol::steps::Steps;

/// Steps that the parts of one import share.
#[derive(Debug, Clone, Default)]
pub(super) struct Cost(Arc<AtomicU64>);

impl Cost {
    pub(super) fn take(&self, steps: usize) {
        self.0.fetch_add(steps as u64, Ordering::Relaxed);
    }

    /// Runs code that counts its steps itself.
    pub(super) fn within<T>(&self, work: impl FnOnce(&Steps) -> T) -> T {
        let steps = Steps::unbounded();
        let done = work(&steps);
        self.0.fetch_add(steps.taken(), Ordering::Relaxed);
        done
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
