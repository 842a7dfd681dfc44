//! The fast path: deltas as they are made.

use lore_privacy::NoiseSource;
use lore_protocol::codec;
use lore_protocol::ids::{DeltaId, FederationId, PublicKey};
use lore_protocol::log::{Fault, Ingest};
use lore_protocol::wire::Frame;

use crate::{Durability, Effect, Engine, EngineError, Verdict};

impl<N: NoiseSource> Engine<N> {
    /// Leaves a delta of a log to be gossiped.
    pub(crate) fn announce(&mut self, federation: FederationId, id: DeltaId) {
        let found = self.federations.get(&federation);
        let Some((found, delta)) = found.and_then(|found| Some((found, found.log().delta(&id)?)))
        else {
            return;
        };
        let frame = Frame::of(delta);
        let sealed = found.seal().seal(&frame);
        let frame = codec::encode(&frame);
        self.effects.push(Effect::Publish { federation, delta: id, frame, sealed });
    }

    /// Judges a frame and takes in what it holds.
    pub(crate) fn on_gossip(
        &mut self,
        number: u64,
        from: PublicKey,
        federation: FederationId,
        bytes: &[u8],
    ) -> Result<(), EngineError> {
        let (verdict, behind) = self.judge(federation, bytes)?;
        self.effects.push(Effect::Judge { number, from, verdict });
        if behind {
            self.begin_round(federation, from);
        }
        if verdict == Verdict::Accept {
            self.settle()?;
        }
        Ok(())
    }

    /// The verdict on a frame, and whether it shows that this node lacks something. Rejected is only
    /// what the bytes themselves show to be wrong: else honest relays would be punished.
    fn judge(
        &mut self,
        federation: FederationId,
        bytes: &[u8],
    ) -> Result<(Verdict, bool), EngineError> {
        let Some(found) = self.federations.get(&federation) else {
            return Ok((Verdict::Ignore, false));
        };
        let delta = match found.seal().open(bytes) {
            Ok(Frame::Full(delta)) => delta,
            Ok(Frame::Head(delta)) => {
                let known = found.log().get(&delta.header.id()).is_some();
                return Ok((Verdict::Ignore, !known));
            }
            Err(error) => return Ok(self.rejected(&error)),
        };
        if delta.header.federation != federation {
            return Ok(self.rejected(&Fault::Foreign(delta.header.federation)));
        }
        let sound = match delta.sound() {
            Ok(sound) => sound,
            Err(error) => return Ok(self.rejected(&error)),
        };
        Ok(match self.ingest(federation, sound, Durability::Buffered)? {
            Ingest::Accepted(_) => (Verdict::Accept, false),
            Ingest::Known => (Verdict::Ignore, false),
            Ingest::Waiting(_) => (Verdict::Ignore, true),
            Ingest::Refused(fault) => {
                tracing::info!(%fault, "a gossiped delta was refused");
                self.heard.refused += 1;
                (Verdict::Ignore, false)
            }
        })
    }

    /// At most two lines for each peer: then its score keeps it from being heard.
    fn rejected(&mut self, why: &dyn std::fmt::Display) -> (Verdict, bool) {
        tracing::info!(%why, "a gossiped frame was rejected");
        self.heard.malformed += 1;
        (Verdict::Reject, false)
    }
}
