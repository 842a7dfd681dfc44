//! Fetching: one file a request, a few requests at once, and another peer when one gives nothing.

use std::time::Duration;

use lore_privacy::NoiseSource;
use lore_protocol::ids::{BlobId, FederationId, Hash, PublicKey};
use lore_protocol::skill::blob_id;
use lore_protocol::wire::{Reply, Request};

use crate::{Durability, Engine, EngineError};

/// Most requests for files under way at once, and with one peer. So many replies are in memory at most.
const MAX_FLIGHTS: usize = 8;
const MAX_FLIGHTS_WITH_ONE: usize = 2;
/// Pause of a file that every peer was asked for in vain: it doubles from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Pause of a peer after an answer that is wrong or did not come, likewise.
const FIRST_FAULT_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_FAULT_PAUSE: Duration = Duration::from_secs(3_600);
/// Least time between two times that a new connection ends all pauses of files.
const RESET_PAUSE: Duration = Duration::from_secs(10);

/// A file that is needed and not here.
#[derive(Debug, Clone)]
pub(super) struct Want {
    federation: FederationId,
    len: u64,
    /// Key of the revision's author, who is asked first.
    author: Option<PublicKey>,
    /// Peers that were asked since the last pause, and pauses so far.
    asked: usize,
    pauses: u32,
    not_before: Duration,
}

impl Want {
    pub(super) const fn new(federation: FederationId, len: u64, author: Option<PublicKey>) -> Self {
        Self { federation, len, author, asked: 0, pauses: 0, not_before: Duration::ZERO }
    }

    /// Takes over how far an earlier survey came with the same file.
    pub(super) const fn goes_on(&mut self, earlier: &Self) {
        self.asked = earlier.asked;
        self.pauses = earlier.pauses;
        self.not_before = earlier.not_before;
    }
}

/// A request under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    blob: BlobId,
    peer: PublicKey,
}

/// Answers of a peer that came to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    count: u32,
    until: Duration,
}

/// The pause after so many faults, doubling from the first to the longest.
fn pause(first: Duration, longest: Duration, count: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(count.min(16)).unwrap_or(u32::MAX)).min(longest)
}

impl<N: NoiseSource> Engine<N> {
    /// A new connection may be with a member that has what nobody else had.
    pub(crate) fn connection_may_have_blobs(&mut self) {
        let now = self.clock.monotonic();
        if now >= self.blobs.next_reset {
            self.blobs.next_reset = now + RESET_PAUSE;
            for want in self.blobs.wanted.values_mut() {
                (want.asked, want.not_before) = (0, Duration::ZERO);
            }
        }
    }

    /// Sends requests while there is room for them.
    pub(super) fn fetch_blobs(&mut self, now: Duration) {
        if self.blobs.wanted.is_empty() || self.connected.is_empty() {
            return;
        }
        let due = self.blobs.wanted.iter().filter(|(_, want)| now >= want.not_before);
        let due: Vec<(BlobId, Want)> = due.map(|(id, want)| (*id, want.clone())).collect();
        for (blob, want) in due {
            if self.blobs.flights.len() >= MAX_FLIGHTS {
                return;
            }
            if self.blobs.flights.values().any(|flight| flight.blob == blob) {
                continue;
            }
            let peers = self.peers_for(&want, blob);
            let rest = peers.get(want.asked..).unwrap_or_default();
            let able = |peer: &&PublicKey| {
                self.blobs.faults.get(*peer).is_none_or(|faults| now >= faults.until)
            };
            let Some(place) = rest.iter().position(|peer| able(&peer)) else {
                if let Some(want) = self.blobs.wanted.get_mut(&blob) {
                    want.asked = 0;
                    want.not_before = now + pause(FIRST_PAUSE, LONGEST_PAUSE, want.pauses);
                    want.pauses = want.pauses.saturating_add(1);
                }
                continue;
            };
            let peer = rest[place];
            let busy = self.blobs.flights.values().filter(|flight| flight.peer == peer);
            // The first one is waited for: it is the most likely to have the file, and a silent one is passed over
            // once its requests have failed.
            if busy.count() >= MAX_FLIGHTS_WITH_ONE {
                continue;
            }
            let federation = want.federation;
            let number = self.request(peer, &Request::Blob { federation, blob });
            self.blobs.flights.insert(number, Flight { blob, peer });
            if let Some(want) = self.blobs.wanted.get_mut(&blob) {
                want.asked += place + 1;
            }
        }
    }

    /// Connected members, the author first, the others in an order that differs by file.
    fn peers_for(&self, want: &Want, blob: BlobId) -> Vec<PublicKey> {
        let mut peers = self.companions(want.federation);
        peers.retain(|peer| self.connected.contains_key(peer));
        peers.sort_by_cached_key(|peer| {
            let draw =
                Hash::derive("commonlore/blob-order/v1", &[blob.as_bytes(), peer.as_bytes()]);
            (want.author != Some(*peer), draw)
        });
        peers
    }

    /// Takes an answer; false when it is to no request for a file.
    pub(crate) fn on_blob_reply(
        &mut self,
        number: u64,
        from: PublicKey,
        reply: Option<&Reply>,
    ) -> Result<bool, EngineError> {
        let Some(flight) = self.blobs.flights.get(&number).copied() else { return Ok(false) };
        if flight.peer != from {
            tracing::warn!(peer = %from.short(), "a peer answered what another was asked");
            return Ok(true);
        }
        self.blobs.flights.remove(&number);
        let now = self.clock.monotonic();
        let len = self.blobs.wanted.get(&flight.blob).map(|want| want.len);
        match (reply, len) {
            // It came from elsewhere, or is not needed any more.
            (Some(Reply::Blob(_)), None) => {}
            (Some(Reply::Blob(Some(bytes))), Some(len))
                if bytes.len() as u64 == len && blob_id(bytes) == flight.blob =>
            {
                self.blobs.faults.remove(&from);
                self.keep_blobs([(flight.blob, bytes.clone())], Durability::Buffered)?;
            }
            (Some(Reply::Blob(None) | Reply::Refused(_)), _) => {
                tracing::debug!(peer = %from.short(), "a peer does not have a file");
            }
            _ => {
                tracing::warn!(peer = %from.short(), "a peer answered with another file");
                self.heard.malformed += 1;
                self.blame(from, now);
            }
        }
        self.fetch_blobs(now);
        Ok(true)
    }

    /// A request will not be answered.
    pub(crate) fn fail_blob(&mut self, number: u64) {
        if let Some(flight) = self.blobs.flights.remove(&number) {
            let now = self.clock.monotonic();
            self.blame(flight.peer, now);
            self.fetch_blobs(now);
        }
    }

    fn blame(&mut self, peer: PublicKey, now: Duration) {
        let faults = self.blobs.faults.entry(peer).or_default();
        faults.until = now + pause(FIRST_FAULT_PAUSE, LONGEST_FAULT_PAUSE, faults.count);
        faults.count = faults.count.saturating_add(1);
    }
}
