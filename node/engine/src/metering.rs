//! Metering of answers: what one member may have this node send.
//!
//! A question of a few bytes has an answer of half a mebibyte, and may be asked again for ever. So every
//! member has a bucket of bytes (a token bucket) from which answers are taken, and which refills slowly: one
//! for the log, and one for files of skills, so that neither keeps the other waiting. A full bucket for the log holds
//! one whole log and some: an honest member asks for nothing twice, so that it can always catch up from nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use lore_protocol::ids::PublicKey;

/// Bytes that a full bucket holds beside the log: a dozen of the largest answers.
pub const ROOM_BYTES: u64 = 8 << 20;
/// Bytes that a bucket gains in a second.
pub const REFILL_BYTES_PER_SECOND: u64 = 64 << 10;
/// Least bytes that an answer takes: a question has to be read, and digests computed.
const LEAST_BYTES: u64 = 2 << 10;
/// Most buckets. Only members have one, and a member that was not heard of for long has a full one.
const MAX_BUCKETS: usize = 4_096;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    taken: u64,
    at: Duration,
}

/// The buckets of all members, for answers of one kind.
#[derive(Debug)]
pub(crate) struct Meters {
    refill_bytes_per_second: u64,
    buckets: BTreeMap<PublicKey, Bucket>,
}

impl Meters {
    pub(crate) const fn new(refill_bytes_per_second: u64) -> Self {
        Self { refill_bytes_per_second, buckets: BTreeMap::new() }
    }

    /// Seconds until a member may ask again; none when it may now. `full` is what a full bucket holds.
    pub(crate) fn wait_seconds(
        &mut self,
        now: Duration,
        peer: &PublicKey,
        full: u64,
    ) -> Option<u64> {
        let bucket = self.buckets.get_mut(peer)?;
        let gained = now.saturating_sub(bucket.at).as_millis();
        let gained = u64::try_from(gained).unwrap_or(u64::MAX);
        let gained = gained.saturating_mul(self.refill_bytes_per_second) / 1_000;
        bucket.taken = bucket.taken.saturating_sub(gained);
        bucket.at = now;
        let over = bucket.taken.checked_sub(full)?;
        Some(over / self.refill_bytes_per_second + 1)
    }

    /// Takes an answer from a member's bucket, or the work that it was. The last one may take more than is left.
    pub(crate) fn take(&mut self, now: Duration, peer: PublicKey, bytes: usize) {
        if self.buckets.len() >= MAX_BUCKETS && !self.buckets.contains_key(&peer) {
            let least = self.buckets.iter().min_by_key(|(_, bucket)| bucket.taken);
            let least = least.map(|(key, _)| *key);
            least.and_then(|key| self.buckets.remove(&key));
        }
        let bucket = self.buckets.entry(peer).or_insert(Bucket { taken: 0, at: now });
        bucket.taken = bucket.taken.saturating_add((bytes as u64).max(LEAST_BYTES));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const PEER: PublicKey = PublicKey([1; 32]);

    #[test]
    fn a_member_has_what_a_full_bucket_holds_and_then_what_it_gains() {
        let mut meters = Meters::new(REFILL_BYTES_PER_SECOND);
        let second = Duration::from_secs(1);
        let full = 1 << 20;
        let mut answers = 0;
        while meters.wait_seconds(second, &PEER, full).is_none() {
            meters.take(second, PEER, 512 << 10);
            answers += 1;
        }
        assert_eq!(answers, 2);
        assert_eq!(meters.wait_seconds(second, &PublicKey([2; 32]), full), None, "others go on");
        let wait = meters.wait_seconds(second, &PEER, full).unwrap();
        let later = second + Duration::from_secs(wait);
        assert_eq!(meters.wait_seconds(later, &PEER, full), None);
        // Small questions cost too.
        let mut questions = 0;
        while meters.wait_seconds(later, &PEER, full).is_none() {
            meters.take(later, PEER, 1);
            questions += 1;
        }
        assert!(questions <= REFILL_BYTES_PER_SECOND / LEAST_BYTES + 1, "{questions}");
    }

    #[test]
    fn buckets_are_bounded_and_who_took_most_is_not_forgotten() {
        let mut meters = Meters::new(REFILL_BYTES_PER_SECOND);
        meters.take(Duration::ZERO, PEER, 1 << 30);
        for n in 0..10_000_u32 {
            let mut key = [2; 32];
            key[..4].copy_from_slice(&n.to_le_bytes());
            meters.take(Duration::ZERO, PublicKey(key), 1);
        }
        assert_eq!(meters.buckets.len(), MAX_BUCKETS);
        assert!(meters.wait_seconds(Duration::ZERO, &PEER, 1 << 20).is_some());
    }
}
