//! The fast path: deltas as they are made.

use lore_protocol::codec;
use lore_protocol::ids::{DeltaId, FederationId, PublicKey};
use lore_protocol::log::Ingest;
use lore_protocol::wire::Frame;

use super::Daemon;
use crate::engine::Engine;
use crate::error::CliError;
use crate::network::{GossipId, NetworkHandle, Verdict};
use crate::store::Durability;

/// Gossips a delta. That nobody hears it is no error: sync carries it.
pub(super) async fn publish(
    engine: &Engine,
    network: &NetworkHandle,
    federation: FederationId,
    id: DeltaId,
) -> Result<(), CliError> {
    let found = engine.federations().get(&federation);
    let Some(delta) = found.and_then(|found| found.log.delta(&id)) else {
        return Ok(());
    };
    match network.publish(federation, codec::encode(&Frame::of(delta))).await {
        Ok(outcome) => tracing::debug!(?outcome, delta = %id.short(), "published"),
        Err(error) => tracing::warn!(%error, "not gossiped; sync will carry it"),
    }
    Ok(())
}

impl Daemon {
    pub(super) async fn on_gossip(
        &mut self,
        from: PublicKey,
        topic: FederationId,
        id: GossipId,
        bytes: &[u8],
    ) -> Result<(), CliError> {
        let (verdict, behind) = self.judge(topic, bytes)?;
        self.network.validate(id, from, verdict).await?;
        if behind {
            self.begin_round(topic, from).await?;
        }
        if verdict == Verdict::Accept {
            self.settle()?;
        }
        Ok(())
    }

    /// The verdict on a frame, and whether it shows that this node lacks something. Rejected is only
    /// what the bytes themselves show to be wrong: else honest relays would be punished.
    fn judge(&mut self, topic: FederationId, bytes: &[u8]) -> Result<(Verdict, bool), CliError> {
        if !self.engine.federations().contains_key(&topic) {
            return Ok((Verdict::Ignore, false));
        }
        let delta = match codec::decode::<Frame>(bytes) {
            Ok(Frame::Full(delta)) => delta,
            Ok(Frame::Head(delta)) => {
                let known = self
                    .engine
                    .federations()
                    .get(&topic)
                    .is_some_and(|found| found.log.get(&delta.header.id()).is_some());
                return Ok((Verdict::Ignore, !known));
            }
            Err(_) => return Ok((Verdict::Reject, false)),
        };
        if delta.header.federation != topic {
            return Ok((Verdict::Reject, false));
        }
        let Ok(sound) = delta.sound() else {
            return Ok((Verdict::Reject, false));
        };
        Ok(match self.engine.ingest(topic, sound, Durability::Buffered)? {
            Ingest::Accepted(_) => (Verdict::Accept, false),
            Ingest::Known => (Verdict::Ignore, false),
            Ingest::Waiting(_) => (Verdict::Ignore, true),
            Ingest::Refused(fault) => {
                tracing::info!(%fault, "a gossiped delta was refused");
                (Verdict::Ignore, false)
            }
        })
    }
}
