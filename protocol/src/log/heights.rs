//! Ids by height: nearly always one at each, so that they are kept as pairs.

use std::collections::BTreeSet;

use crate::ids::DeltaId;

/// Ids of one chain by height.
#[derive(Debug, Clone, Default)]
pub(super) struct Heights(BTreeSet<(u64, DeltaId)>);

impl Heights {
    pub(super) fn insert(&mut self, seq: u64, id: DeltaId) {
        self.0.insert((seq, id));
    }

    /// All of them, by height and id.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, DeltaId)> + '_ {
        self.0.iter().copied()
    }

    /// Those at a height.
    pub(super) fn at(&self, seq: u64) -> impl Iterator<Item = DeltaId> + '_ {
        let from_here = self.0.range((seq, DeltaId::ZERO)..);
        from_here.take_while(move |(at, _)| *at == seq).map(|(_, id)| *id)
    }

    /// Those from a height on.
    pub(super) fn from(&self, seq: u64) -> impl DoubleEndedIterator<Item = (u64, DeltaId)> + '_ {
        self.0.range((seq, DeltaId::ZERO)..).copied()
    }

    /// Those from a height on and below another.
    pub(super) fn between(
        &self,
        from: u64,
        below: u64,
    ) -> impl DoubleEndedIterator<Item = (u64, DeltaId)> + '_ {
        let some = from < below;
        let range = some.then(|| self.0.range((from, DeltaId::ZERO)..(below, DeltaId::ZERO)));
        range.into_iter().flatten().copied()
    }

    /// The lowest height with several.
    pub(super) fn doubled(&self) -> Option<u64> {
        lowest_twins(self.iter())
    }
}

/// The lowest height that two of these share; they come by height.
pub(super) fn lowest_twins(mut by_height: impl Iterator<Item = (u64, DeltaId)>) -> Option<u64> {
    let mut last = None;
    by_height.find(|(seq, _)| last.replace(*seq) == Some(*seq)).map(|(seq, _)| seq)
}
