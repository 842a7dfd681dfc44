//! Rate limit of log lines: peers decide how often some of them are due.
//!
//! Every place in the program that logs has a bucket of lines (a token bucket). A place that is over it is
//! silent, and the next line that it may log says so.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines that one place logs at once.
const BURST: f64 = 200.0;
/// Lines that one place logs in a second, over a long time.
const PER_SECOND: f64 = 1.0;

struct Bucket {
    lines: f64,
    at: Instant,
    left_out: u64,
}

/// The limit, as a layer that silences all others.
#[derive(Default)]
pub(super) struct RateLimit {
    places: Mutex<BTreeMap<usize, Bucket>>,
}

impl RateLimit {
    /// True when a place may log now, with the number of its lines that were left out before.
    fn admit(&self, place: usize, now: Instant) -> (bool, u64) {
        // Buckets change in single steps, so a poisoned map is still whole.
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let full = || Bucket { lines: BURST, at: now, left_out: 0 };
        let bucket = places.entry(place).or_insert_with(full);
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * PER_SECOND;
        bucket.lines = (bucket.lines + gained).min(BURST);
        bucket.at = now;
        if bucket.lines < 1.0 {
            bucket.left_out += 1;
            return (false, 0);
        }
        bucket.lines -= 1.0;
        (true, std::mem::take(&mut bucket.left_out))
    }
}

impl<S: Subscriber> Layer<S> for RateLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let meta = event.metadata();
        // Who asks for debug lines asks for all of them; the file's size is bounded all the same.
        if *meta.level() > Level::INFO || meta.target() == module_path!() {
            return true;
        }
        let (admitted, left_out) = self.admit(std::ptr::from_ref(meta).addr(), Instant::now());
        if left_out > 0 {
            let (file, line) = (meta.file().unwrap_or_default(), meta.line().unwrap_or_default());
            tracing::warn!(left_out, "lines of {file}:{line} were too many, and are not here");
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_place_that_logs_too_much_is_silent_and_says_so_later_and_others_log() {
        let limit = RateLimit::default();
        let now = Instant::now();
        let admitted = (0..10_000).filter(|_| limit.admit(1, now).0).count();
        assert_eq!(admitted, 200);
        assert_eq!(limit.admit(2, now), (true, 0), "another place");
        let later = now + Duration::from_secs(2);
        assert_eq!(limit.admit(1, later), (true, 9_800));
        assert_eq!(limit.admit(1, later), (true, 0));
        assert_eq!(limit.admit(1, later), (false, 0));
    }
}
