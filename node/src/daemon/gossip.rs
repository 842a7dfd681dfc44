//! The fast path: deltas as they are made.

use lore_protocol::codec;
use lore_protocol::ids::{DeltaId, FederationId, PublicKey};
use lore_protocol::log::{Fault, Ingest};
use lore_protocol::wire::Frame;

use super::Daemon;
use crate::error::CliError;
use crate::network::{Direction, GossipId, Verdict};
use crate::store::Durability;

impl Daemon {
    /// Gossips a delta. That nobody hears it is no error: sync carries it.
    pub(super) async fn gossip(
        &self,
        federation: FederationId,
        id: DeltaId,
    ) -> Result<(), CliError> {
        let found = self.engine.federations().get(&federation);
        let Some((found, delta)) = found.and_then(|found| Some((found, found.log.delta(&id)?)))
        else {
            return Ok(());
        };
        let frame = Frame::of(delta);
        if let Some(record) = &self.record {
            // The recorder sees what the network task cannot: the frame before it is sealed.
            record(Direction::Out, &codec::encode(&frame));
        }
        match self.network.publish(federation, found.seal().seal(&frame)).await {
            Ok(outcome) => tracing::debug!(?outcome, delta = %id.short(), "published"),
            Err(error) => tracing::warn!(%error, "not gossiped; sync will carry it"),
        }
        Ok(())
    }

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
        let Some(found) = self.engine.federations().get(&topic) else {
            return Ok((Verdict::Ignore, false));
        };
        let delta = match found.seal().open(bytes) {
            Ok(Frame::Full(delta)) => delta,
            Ok(Frame::Head(delta)) => {
                let known = found.log.get(&delta.header.id()).is_some();
                return Ok((Verdict::Ignore, !known));
            }
            Err(error) => return Ok(rejected(&error)),
        };
        if delta.header.federation != topic {
            return Ok(rejected(&Fault::Foreign(delta.header.federation)));
        }
        let sound = match delta.sound() {
            Ok(sound) => sound,
            Err(error) => return Ok(rejected(&error)),
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

/// At most two lines for each peer: then its score keeps it from being heard.
fn rejected(why: &dyn std::fmt::Display) -> (Verdict, bool) {
    tracing::info!(%why, "a gossiped frame was rejected");
    (Verdict::Reject, false)
}
