//! Serving files to members.

use lore_privacy::NoiseSource;
use lore_protocol::ids::{BlobId, FederationId, PublicKey};
use lore_protocol::wire::Reply;

use crate::{Engine, EngineError};

/// Bytes of files that a member is sent at once, and in each second after that.
const BURST_BYTES: u64 = 32 << 20;
pub(super) const REFILL_BYTES_PER_SECOND: u64 = 1 << 20;

impl<N: NoiseSource> Engine<N> {
    /// Answers a member that asks for a file: only one that a revision of this federation names.
    pub(crate) fn serve_blob(
        &mut self,
        peer: PublicKey,
        federation: FederationId,
        blob: BlobId,
    ) -> Result<Reply, EngineError> {
        let named = self.blobs.named.get(&federation).is_some_and(|all| all.contains(&blob));
        let len = self.blobs.held.get(&blob).copied().filter(|_| named);
        let Some(len) = len else { return Ok(Reply::Blob(None)) };
        let now = self.clock.monotonic();
        if let Some(wait) = self.blobs.served.wait_seconds(now, &peer, BURST_BYTES) {
            return Ok(Reply::Refused(format!(
                "this node sent you enough files; ask again in {wait} s"
            )));
        }
        self.blobs.served.take(now, peer, usize::try_from(len).unwrap_or(usize::MAX));
        Ok(Reply::Blob(self.blob(blob)?))
    }
}
