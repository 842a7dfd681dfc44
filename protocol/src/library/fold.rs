//! The fold over a log, epoch by epoch.

use super::item::Library;
use crate::ids::{CheckpointId, DeltaId, Hash};
use crate::log::Log;
use crate::payload::Body;
use crate::voice::Voices;

/// Sealed state. [`Open`](super::Open) follows what comes on top of it.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    sealed: Library,
    applied: Vec<CheckpointId>,
    roots: Vec<Hash>,
}

impl Fold {
    /// Brings the sealed state up to the log's last sealed epoch. When the log chose another
    /// checkpoint for an epoch (a split was found), starts again.
    pub fn advance(&mut self, log: &Log) {
        let sealed = log.sealed();
        // A checkpoint names its parent: the same one is here by the same way.
        let last = self.applied.len().checked_sub(1).and_then(|last| sealed.get(last));
        if last.map(|sealed| &sealed.id) != self.applied.last() {
            *self = Self::default();
        }
        for epoch in sealed.iter().skip(self.applied.len()) {
            self.sealed = step(&self.sealed, log, &epoch.voices, epoch.epoch(), &epoch.covered);
            self.applied.push(epoch.id);
            self.roots.push(self.sealed.root());
        }
    }

    /// The library at the last sealed epoch.
    #[must_use]
    pub const fn sealed(&self) -> &Library {
        &self.sealed
    }

    /// The library with everything that counts, sealed or not. [`Fold::advance`] comes first.
    #[must_use]
    pub fn library(&self, log: &Log) -> Library {
        step(&self.sealed, log, &log.tip().voices, log.open_epoch(), &log.open_deltas())
    }

    /// Epochs whose checkpoint claims another state than the one folded here, with both roots.
    #[must_use]
    pub fn disputed(&self, log: &Log) -> Vec<(u32, Hash, Hash)> {
        let pairs = log.sealed().iter().zip(&self.roots).skip(1);
        pairs
            .filter(|(sealed, root)| sealed.body.state_root != **root)
            .map(|(sealed, root)| (sealed.epoch(), sealed.body.state_root, *root))
            .collect()
    }

    /// The checkpoint body that a signer would sign now. [`Fold::advance`] comes first.
    #[must_use]
    pub fn propose(&self, log: &Log) -> Body {
        let (mut body, covered) = log.propose();
        body.state_root = self.root_with(log, &covered);
        body
    }

    /// Root of the sealed state after the open epoch, when its checkpoint covers these deltas. [`Fold::advance`]
    /// comes first.
    #[must_use]
    pub fn root_with(&self, log: &Log, covered: &[DeltaId]) -> Hash {
        step(&self.sealed, log, &log.tip().voices, log.open_epoch(), covered).root()
    }
}

fn step(before: &Library, log: &Log, voices: &Voices, epoch: u32, deltas: &[DeltaId]) -> Library {
    let deltas = deltas.iter().filter_map(|id| log.get(id));
    before.step(log.federation(), log.charter(), voices, epoch, deltas)
}
