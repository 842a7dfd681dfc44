//! The one door into a log: what a peer sent, what gossip brought and what this node signed come through
//! here, and what became valid is stored.

use lore_privacy::NoiseSource;
use lore_protocol::delta::Sound;
use lore_protocol::ids::{DeltaId, FederationId};
use lore_protocol::log::{Ingest, Log};
use lore_protocol::sync::Intake;

use crate::stored::{Marks, key_of};
use crate::{Batch, Durability, Engine, EngineError, Federation, RecordKind};

/// Takes deltas into one federation's log, and collects what is to be stored.
pub(crate) struct Door<'a> {
    federation: &'a mut Federation,
    batch: Batch,
    secret: [u8; 32],
    marks: Marks,
}

impl<'a> Door<'a> {
    const fn new(federation: &'a mut Federation, secret: [u8; 32], marks: Marks) -> Self {
        Self { federation, batch: Batch { changes: Vec::new() }, secret, marks }
    }

    fn keep(&mut self, ids: &[DeltaId]) {
        let log = self.federation.log();
        for id in ids {
            if let Some(delta) = log.delta(id) {
                let key = key_of(log.federation(), &delta.header, *id);
                self.batch.put(RecordKind::Delta, key, self.marks.record_of(delta));
            }
        }
    }
}

impl Intake for Door<'_> {
    fn log(&self) -> &Log {
        self.federation.log()
    }

    fn take(&mut self, sound: Sound) -> (Ingest, Option<Sound>) {
        let (result, back) = self.federation.take(sound);
        if let Ingest::Accepted(ids) = &result {
            self.keep(ids);
        }
        (result, back)
    }

    fn secret(&self) -> Option<[u8; 32]> {
        Some(self.secret)
    }
}

impl<N: NoiseSource> Engine<N> {
    /// Takes a delta into a federation's log and stores what became valid.
    ///
    /// # Errors
    /// Fails when the store fails; never because of the delta.
    pub fn ingest(
        &mut self,
        federation: FederationId,
        sound: Sound,
        durability: Durability,
    ) -> Result<Ingest, EngineError> {
        self.through_door(federation, durability, |door| door.take(sound).0)
    }

    /// Opens the door of a federation for several deltas, which are stored together.
    pub(crate) fn through_door<T>(
        &mut self,
        federation: FederationId,
        durability: Durability,
        take: impl FnOnce(&mut Door<'_>) -> T,
    ) -> Result<T, EngineError> {
        // Taken first: when an epoch opened is public, and how long the rest takes is not.
        let now = self.now_seconds();
        let (secret, marks) = (self.batch_secret(), self.marks());
        let found = self.federations.get_mut(&federation);
        let found = found.ok_or_else(|| crate::unknown(federation))?;
        let open = found.log().open_epoch();
        let mut door = Door::new(found, secret, marks);
        let result = take(&mut door);
        let opened = door.log().open_epoch() != open;
        let mut batch = door.batch;
        if opened {
            batch.put(RecordKind::EpochOpenedAt, federation.as_bytes(), now.to_be_bytes());
        }
        if !batch.is_empty() {
            self.store.write(batch, durability)?;
        }
        if opened {
            self.forget_answers(federation);
            // There may be members whose addresses are not known yet, and who told of them may be gone soon.
            self.rounds.hurry();
        }
        Ok(result)
    }
}
