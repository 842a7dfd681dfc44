//! Deltas that were taken in not long ago: those that may be asked for, and whose copies are told at once.

use std::collections::{BTreeMap, VecDeque};

use super::ShortId;
use crate::ids::DeltaId;

/// Most deltas that are remembered.
pub(super) const KEPT: usize = 4_096;

/// The newest deltas.
#[derive(Debug)]
pub(super) struct Recent {
    sizes: BTreeMap<ShortId, (DeltaId, usize)>,
    order: VecDeque<ShortId>,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self { sizes: BTreeMap::new(), order: VecDeque::new() }
    }

    /// Remembers a delta of `size_bytes`.
    pub(super) fn insert(&mut self, id: DeltaId, size_bytes: usize) {
        let short = ShortId::from(id);
        if self.sizes.insert(short, (id, size_bytes)).is_some() {
            return;
        }
        self.order.push_back(short);
        if self.order.len() > KEPT
            && let Some(old) = self.order.pop_front()
        {
            self.sizes.remove(&old);
        }
    }

    pub(super) fn contains(&self, id: &ShortId) -> bool {
        self.sizes.contains_key(id)
    }

    /// The id, and the length in bytes.
    pub(super) fn get(&self, id: &ShortId) -> Option<(DeltaId, usize)> {
        self.sizes.get(id).copied()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sizes.len()
    }
}
