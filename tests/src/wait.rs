//! Waiting on a condition.

use std::time::{Duration, Instant};

/// Far longer than anything takes on a busy machine, so that only a real failure ends a wait.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Asks again and again, ever more slowly, until `condition` gives something.
///
/// # Panics
/// After `limit`, saying what was awaited.
pub fn wait_until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(10);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(begun.elapsed() < limit, "waited {limit:?} in vain until {what}");
        std::thread::sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(250));
    }
}
