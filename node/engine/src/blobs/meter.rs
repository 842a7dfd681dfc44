//! A bucket of bytes that fills again with time: what one peer is sent of files.

use std::time::Duration;

/// Bytes that a peer is sent at once, and in each second after that.
const BURST_BYTES: u64 = 32 << 20;
const BYTES_A_SECOND: u64 = 1 << 20;

/// The bucket of one peer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    left: u64,
    at: Duration,
}

impl Meter {
    pub(super) const fn full(now: Duration) -> Self {
        Self { left: BURST_BYTES, at: now }
    }

    /// Takes bytes; false when there are not so many.
    pub(super) fn take(&mut self, bytes: u64, now: Duration) -> bool {
        let millis = u64::try_from(now.saturating_sub(self.at).as_millis()).unwrap_or(u64::MAX);
        let more = millis.saturating_mul(BYTES_A_SECOND / 1_000);
        self.left = self.left.saturating_add(more).min(BURST_BYTES);
        self.at = now;
        let enough = bytes <= self.left;
        self.left -= if enough { bytes } else { 0 };
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_gets_a_burst_and_then_a_rate() {
        let mut meter = Meter::full(Duration::ZERO);
        assert!((0..32).all(|_| meter.take(1 << 20, Duration::ZERO)));
        assert!(!meter.take(1, Duration::ZERO));
        assert!(!meter.take(1 << 20, Duration::from_millis(500)));
        assert!(meter.take(1 << 20, Duration::from_secs(2)));
    }
}
