//! The federations of a node: loading them, adding one, and when its epochs opened.

use lore_privacy::NoiseSource;
use lore_protocol::charter::SignedCharter;
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Sound, prove};
use lore_protocol::ids::FederationId;
use lore_protocol::log::Log;

use crate::{Batch, Durability, Engine, EngineError, Federation, RecordKind, damaged};

/// Deltas whose signatures are checked together when a store is read.
const PROVED_TOGETHER: usize = 1_024;

impl<N: NoiseSource> Engine<N> {
    pub(crate) fn load_federations(&mut self) -> Result<(), EngineError> {
        let mut charters = Vec::new();
        for pair in self.store.scan(RecordKind::Charter, b"") {
            charters.push(pair?.1);
        }
        for bytes in charters {
            let charter: SignedCharter = codec::decode(&bytes).map_err(|error| damaged(&error))?;
            let log = Log::new(charter).map_err(|error| damaged(&error))?;
            let id = log.federation();
            let mut federation = Federation::new(log);
            let secret = self.batch_secret();
            let mut stored = self.stored_deltas(id)?.into_iter().peekable();
            while stored.peek().is_some() {
                let mut some: Vec<Sound> = stored.by_ref().take(PROVED_TOGETHER).collect();
                let keys = federation.log().likely_keys(&some);
                prove(&mut some, &keys, &secret);
                // Stored before, so nothing is to be stored.
                some.into_iter().for_each(|sound| drop(federation.take(sound)));
            }
            self.federations.insert(id, federation);
            self.plant(id);
        }
        Ok(())
    }

    /// Stored deltas in causal order.
    fn stored_deltas(&self, federation: FederationId) -> Result<Vec<Sound>, EngineError> {
        let mut all = Vec::new();
        for pair in self.store.scan(RecordKind::Delta, federation.as_bytes()) {
            let (_, bytes) = pair?;
            all.push(Delta::parse(&bytes).map_err(|error| damaged(&error))?);
        }
        all.sort_by_key(|sound| (sound.header().epoch, sound.header().depth, sound.id));
        Ok(all)
    }

    /// What signatures are checked together with; unknown to everybody else.
    pub(crate) fn batch_secret(&self) -> [u8; 32] {
        self.local_key("commonlore batch verification v1")
    }

    pub(crate) fn add_federation(
        &mut self,
        charter: SignedCharter,
    ) -> Result<FederationId, EngineError> {
        let bytes = codec::encode(&charter);
        let log = Log::new(charter).map_err(|error| {
            EngineError::failed("charter", error.to_string())
                .help("ask the inviter for a new invitation")
        })?;
        let id = log.federation();
        let mut batch = Batch::new();
        batch.put(RecordKind::Charter, id.as_bytes(), bytes);
        batch.put(RecordKind::JoinedAt, id.as_bytes(), self.now_seconds().to_be_bytes());
        let edits = codec::encode(&self.deny_edits()?);
        batch.put(RecordKind::DenyEditsAtJoin, id.as_bytes(), edits);
        self.store.write(batch, Durability::Synced)?;
        self.federations.insert(id, Federation::new(log));
        self.plant(id);
        Ok(id)
    }

    /// Time when the checkpoint that opened the open epoch came in, in seconds since the Unix epoch; of the
    /// first epoch, when this node came to the federation.
    pub fn epoch_opened_seconds(&self, federation: FederationId) -> u64 {
        self.seconds_in(RecordKind::EpochOpenedAt, federation)
            .unwrap_or_else(|| self.joined_seconds(federation))
    }

    /// Time when this node came to a federation, in seconds since the Unix epoch.
    pub fn joined_seconds(&self, federation: FederationId) -> u64 {
        self.seconds_in(RecordKind::JoinedAt, federation).unwrap_or(0)
    }

    fn seconds_in(&self, kind: RecordKind, federation: FederationId) -> Option<u64> {
        let bytes = self.store.get(kind, federation.as_bytes()).ok()??;
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }
}
