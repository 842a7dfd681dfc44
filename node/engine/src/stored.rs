//! Deltas as a store keeps them: in causal order, and marked as checked.
//!
//! A node stores a delta when its log has accepted it. So that a start need not check every signature again, the record
//! ends with a mark: a keyed hash of the delta, under a key that only this node has. A record whose mark is wrong, because
//! the bytes changed or the node has another key now, is checked like a peer's.

use std::sync::mpsc::sync_channel;

use lore_privacy::NoiseSource;
use lore_protocol::delta::{Delta, Header, Sound, prove};
use lore_protocol::ids::{DeltaId, FederationId};

use crate::{Batch, Durability, Engine, EngineError, Federation, RecordKind, Storage, damaged};

/// Length of a mark, in bytes.
const MARK_BYTES: usize = 16;
/// Length of a federation's id and of a delta's, in bytes.
const ID_BYTES: usize = 32;
/// Deltas that are read, checked and taken in together.
const TOGETHER: usize = 1_024;
/// Of them, those that may have been read and not taken in.
const AHEAD: usize = 4;

/// Suffix of a delta's record: its federation, epoch, depth and id, so that ancestors come first.
pub(crate) fn key_of(federation: FederationId, header: &Header, id: DeltaId) -> Vec<u8> {
    let (epoch, depth) = (header.epoch.to_be_bytes(), header.depth.to_be_bytes());
    [&federation.as_bytes()[..], &epoch, &depth, id.as_bytes()].concat()
}

/// The encoded delta in a record of [`RecordKind::Delta`]; none when the record is cut off.
#[must_use]
pub fn delta_in(record: &[u8]) -> Option<&[u8]> {
    record.split_last_chunk::<MARK_BYTES>().map(|(delta, _)| delta)
}

/// Writes and reads the marks of one node.
#[derive(Clone, Copy)]
pub(crate) struct Marks([u8; 32]);

impl Marks {
    /// The value of an accepted delta's record.
    pub(crate) fn record_of(&self, delta: &Delta) -> Vec<u8> {
        let mut bytes = delta.to_bytes();
        let mark = self.mark(&bytes);
        bytes.extend(mark);
        bytes
    }

    fn mark(&self, delta: &[u8]) -> [u8; MARK_BYTES] {
        let mut mark = [0; MARK_BYTES];
        blake3::Hasher::new_keyed(&self.0).update(delta).finalize_xof().fill(&mut mark);
        mark
    }

    /// The delta of a record, as one that was accepted before when its mark is right.
    fn read(&self, record: &[u8]) -> Result<Sound, EngineError> {
        let marked = record.split_last_chunk::<MARK_BYTES>();
        let (bytes, mark) = marked.ok_or_else(|| damaged(&"a stored delta is cut off"))?;
        let sound = Delta::parse(bytes).map_err(|error| damaged(&error))?;
        Ok(if self.mark(bytes) == *mark { sound.accepted_before() } else { sound })
    }
}

/// Deltas read from a store, in causal order, while an earlier part is taken in.
enum Read {
    Some(Vec<Sound>),
    /// There are records of the layout before this one.
    Old,
    Failed(EngineError),
}

/// Reads the deltas of a federation, part by part, until `give` says that nobody wants more.
fn read(
    store: &dyn Storage,
    federation: FederationId,
    marks: Marks,
    mut give: impl FnMut(Read) -> bool,
) {
    let mut some = Vec::with_capacity(TOGETHER);
    let mut end = None;
    for pair in store.scan(RecordKind::Delta, federation.as_bytes()) {
        let one = pair.map_err(EngineError::from).and_then(|(key, record)| {
            Ok(if key.len() == 2 * ID_BYTES { None } else { Some(marks.read(&record)?) })
        });
        match one {
            Ok(Some(sound)) => some.push(sound),
            Ok(None) => end = Some(Read::Old),
            Err(error) => end = Some(Read::Failed(error)),
        }
        if end.is_some() {
            break;
        }
        if some.len() == TOGETHER {
            let full = std::mem::replace(&mut some, Vec::with_capacity(TOGETHER));
            if !give(Read::Some(full)) {
                return;
            }
        }
    }
    give(end.unwrap_or(Read::Some(some)));
}

impl<N: NoiseSource> Engine<N> {
    pub(crate) fn marks(&self) -> Marks {
        Marks(self.local_key("commonlore accepted deltas v1"))
    }

    /// Takes what is stored of a federation into its log: one thread reads while another takes in.
    pub(crate) fn read_stored(&self, federation: &mut Federation) -> Result<(), EngineError> {
        let (id, marks, secret) = (federation.id(), self.marks(), self.batch_secret());
        let store: &dyn Storage = &*self.store;
        let old = std::thread::scope(|scope| {
            let (give, take) = sync_channel(AHEAD);
            scope.spawn(move || read(store, id, marks, |part| give.send(part).is_ok()));
            for part in take {
                match part {
                    Read::Some(mut sounds) => {
                        let keys = federation.log().likely_keys(&sounds);
                        prove(&mut sounds, &keys, &secret);
                        // Stored before, so nothing is to be stored.
                        sounds.into_iter().for_each(|sound| drop(federation.take(sound)));
                    }
                    Read::Old => return Ok(true),
                    Read::Failed(error) => return Err(error),
                }
            }
            Ok(false)
        })?;
        if old {
            self.rewrite_stored(id)?;
            return self.read_stored(federation);
        }
        Ok(())
    }

    /// Gives records of the layout before this one, by id and without a mark, the place and form that they have now.
    fn rewrite_stored(&self, federation: FederationId) -> Result<(), EngineError> {
        let marks = Marks([0; 32]);
        let mut batch = Batch::new();
        for pair in self.store.scan(RecordKind::Delta, federation.as_bytes()) {
            let (old, record) = pair?;
            if old.len() == 2 * ID_BYTES {
                let sound = Delta::parse(&record).map_err(|error| damaged(&error))?;
                let key = key_of(federation, sound.header(), sound.id);
                // Nobody has checked it since it was written, so its mark is a wrong one.
                batch.put(RecordKind::Delta, key, marks.record_of(&sound.delta));
                batch.delete(RecordKind::Delta, old);
            }
        }
        Ok(self.store.write(batch, Durability::Synced)?)
    }
}
