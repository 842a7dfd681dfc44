//! When a failed call is tried again.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use super::ModelError;

/// Exponential backoff with full jitter (Brooker, "Exponential Backoff and Jitter", AWS 2015), never
/// earlier than the endpoint asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Most attempts after the first.
    pub most: u32,
    /// Upper end of the first wait; doubles with every attempt.
    pub first: Duration,
    /// Longest wait of our own choosing.
    pub longest: Duration,
    /// Longest wait that an endpoint may ask for; when it asks for more, the call has failed.
    pub longest_asked: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            most: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            longest_asked: Duration::from_secs(300),
        }
    }
}

impl Retries {
    /// Returns the time to wait before attempt `done + 1`, or None when it is given up. `random` is uniform.
    #[must_use]
    pub fn wait(&self, done: u32, error: &ModelError, random: u64) -> Option<Duration> {
        if !error.is_retryable() || done >= self.most {
            return None;
        }
        let bound = self.first.saturating_mul(1 << done.min(16)).min(self.longest);
        let bound_ms = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX - 1);
        let jitter = Duration::from_millis(random % (bound_ms + 1));
        match error.retry_after() {
            Some(asked) if asked > self.longest_asked => None,
            // Jitter is added: everybody was told the same time.
            Some(asked) => Some(asked + jitter.min(self.first)),
            None => Some(jitter),
        }
    }
}

/// Randomness that is good enough for waiting: the standard library's per-process hash keys.
pub(crate) fn random() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Retries = Retries {
        most: 3,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(3),
        longest_asked: Duration::from_secs(100),
    };

    fn limited(seconds: Option<u64>) -> ModelError {
        ModelError::RateLimited {
            retry_after: seconds.map(Duration::from_secs),
            message: String::new(),
        }
    }

    #[test]
    fn waits_grow_to_a_bound_and_end() {
        let longest = |done| POLICY.wait(done, &limited(None), 999).map(|_| ()).is_some();
        assert_eq!([0, 1, 2, 3].map(longest), [true, true, true, false]);
        for random in [0, 7, 2_999, u64::MAX] {
            assert!(POLICY.wait(0, &limited(None), random) <= Some(Duration::from_secs(1)));
            assert!(POLICY.wait(2, &limited(None), random) <= Some(Duration::from_secs(3)));
        }
        assert_eq!(POLICY.wait(2, &limited(None), 2_999), Some(Duration::from_millis(2_999)));
    }

    #[test]
    fn never_earlier_than_asked_and_not_for_ever() {
        for random in [0, 500, u64::MAX] {
            assert!(POLICY.wait(0, &limited(Some(20)), random) >= Some(Duration::from_secs(20)));
        }
        assert_eq!(POLICY.wait(0, &limited(Some(101)), 0), None);
    }

    #[test]
    fn what_does_not_get_better_is_not_tried_again() {
        let error = ModelError::Auth { message: String::new() };
        assert_eq!(POLICY.wait(0, &error, 0), None);
    }

    #[test]
    fn two_nodes_do_not_wait_the_same() {
        assert_ne!(random(), random());
    }
}
