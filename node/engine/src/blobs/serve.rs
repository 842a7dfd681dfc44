//! Serving files to members.

use lore_privacy::NoiseSource;
use lore_protocol::ids::{BlobId, FederationId, PublicKey};
use lore_protocol::wire::Reply;

use super::meter::Meter;
use crate::{Engine, EngineError};

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
        let meter = self.blobs.served.entry(peer).or_insert_with(|| Meter::full(now));
        if !meter.take(len, now) {
            return Ok(Reply::Refused("this node sent you enough files: try again later".into()));
        }
        Ok(Reply::Blob(self.blob(blob)?))
    }
}
