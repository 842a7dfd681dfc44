//! The one door into a log: what a peer sent, by sync or by a push, and what this node signed come through
//! here, and what became valid is stored.

use lore_privacy::NoiseSource;
use lore_protocol::delta::Sound;
use lore_protocol::ids::{DeltaId, FederationId};
use lore_protocol::log::{Ingest, Log};
use lore_protocol::sync::Intake;

use crate::{Batch, Durability, Engine, EngineError, Federation, RecordKind};

/// Takes deltas into one federation's log, and collects what is to be stored.
pub(crate) struct Door<'a> {
    federation: &'a mut Federation,
    batch: Batch,
    /// What was taken in, and its length in bytes.
    taken: Vec<(DeltaId, usize)>,
    secret: [u8; 32],
}

impl<'a> Door<'a> {
    const fn new(federation: &'a mut Federation, secret: [u8; 32]) -> Self {
        Self { federation, batch: Batch { changes: Vec::new() }, taken: Vec::new(), secret }
    }

    fn keep(&mut self, ids: &[DeltaId]) {
        let log = self.federation.log();
        for id in ids {
            if let Some(delta) = log.delta(id) {
                let key = delta_key(log.federation(), id);
                let bytes = delta.to_bytes();
                self.taken.push((*id, bytes.len()));
                self.batch.put(RecordKind::Delta, key, bytes);
            }
        }
    }
}

impl Intake for Door<'_> {
    fn log(&self) -> &Log {
        self.federation.log()
    }

    fn take(&mut self, sound: Sound) -> Ingest {
        let result = self.federation.take(sound);
        if let Ingest::Accepted(ids) = &result {
            self.keep(ids);
        }
        result
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
        self.through_door(federation, durability, |door| door.take(sound))
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
        let secret = self.batch_secret();
        let found = self.federations.get_mut(&federation);
        let found = found.ok_or_else(|| crate::unknown(federation))?;
        let open = found.log().open_epoch();
        let mut door = Door::new(found, secret);
        let result = take(&mut door);
        let opened = door.log().open_epoch() != open;
        let Door { mut batch, taken, .. } = door;
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
            self.note_near(federation);
        }
        self.spread_taken(federation, taken);
        Ok(result)
    }
}

/// Suffix of a delta's record: its federation, then its id.
pub(crate) fn delta_key(federation: FederationId, id: &DeltaId) -> Vec<u8> {
    [&federation.as_bytes()[..], id.as_bytes()].concat()
}
