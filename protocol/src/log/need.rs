//! Deltas that must be here whatever a fork excludes, because something that counts rests on them.
//!
//! A fork may become known here before the deltas that it excludes, and elsewhere after them; what is
//! excluded is not kept (its author could write it without end). So a log may lack what others hold and
//! rest on: the branch that a final checkpoint covers, or a dep of somebody else. Such a delta is needed,
//! and so is what it rests on in turn. A checkpoint names only the tip of a branch; from there the log
//! walks back along prev and deps, and remembers the ids it passed, so that a branch longer than the
//! room for waiting deltas, or a room that the branch's author has filled, ends nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::Log;
use crate::delta::{Header, Sound};
use crate::ids::DeltaId;

/// The way back from what final checkpoints cover: deltas that were seen and could not be accepted yet,
/// and what they rest on. No more than those checkpoints cover.
#[derive(Debug, Clone, Default)]
pub(super) struct Path {
    steps: BTreeMap<DeltaId, Step>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    /// Its depth, or before it was seen a depth that it cannot exceed.
    depth: u32,
    seen: bool,
}

impl Path {
    fn insert(&mut self, id: DeltaId, step: Step) {
        let known = self.steps.entry(id).or_insert(step);
        known.depth = known.depth.min(step.depth);
        known.seen |= step.seen;
    }

    pub(super) fn remove(&mut self, id: &DeltaId) {
        self.steps.remove(id);
    }

    pub(super) fn clear(&mut self) {
        self.steps.clear();
    }

    /// Ids to ask for: where the way goes on; once it has arrived at what is here, everything on it
    /// that found no room to wait, deepest in the past first.
    fn wanted(&self) -> impl Iterator<Item = DeltaId> {
        let known = self.steps.values().all(|step| step.seen);
        let steps = self.steps.iter().filter(|(_, step)| known || !step.seen);
        let sorted: BTreeSet<(u32, DeltaId)> = steps.map(|(id, step)| (step.depth, *id)).collect();
        sorted.into_iter().map(|(_, id)| id)
    }

    /// Steps, and how many of them were seen.
    fn size(&self) -> (usize, usize) {
        (self.steps.len(), self.steps.values().filter(|step| step.seen).count())
    }
}

impl Log {
    /// Returns true when something that counts, or a final checkpoint, rests on this delta.
    pub(super) fn is_needed(&self, sound: &Sound) -> bool {
        self.is_covered_ahead(&sound.id)
            || self.waiting.wants(sound.chain(), sound.id)
            || self.may_prove_ahead(sound.header())
    }

    /// Returns true when a final checkpoint that is not sealed here is known to cover this delta.
    fn is_covered_ahead(&self, id: &DeltaId) -> bool {
        self.path.steps.contains_key(id) || self.points_ahead().any(|point| point == *id)
    }

    /// Remembers what a delta rests on that cannot be accepted yet, when a final checkpoint covers it.
    pub(super) fn walk_back(&mut self, sound: &Sound) {
        if !self.is_covered_ahead(&sound.id) {
            return;
        }
        let depth = sound.header().depth;
        self.path.insert(sound.id, Step { depth, seen: true });
        for id in ancestors(sound.header()) {
            if !self.entries.contains_key(&id) {
                self.path.insert(id, Step { depth: depth.saturating_sub(1), seen: false });
            }
        }
    }

    /// Forgets the way back when every branch has arrived.
    pub(super) fn end_path(&mut self) {
        if !self.path.steps.is_empty() && self.points_ahead().next().is_none() {
            self.path.clear();
        }
    }

    /// Ids that something here rests on and that a peer may have, at most `limit`: first what final
    /// checkpoints cover, which no member's own junk can crowd out.
    #[must_use]
    pub fn wants(&self, limit: usize) -> Vec<DeltaId> {
        let points = self.points_ahead().filter(|id| !self.path.steps.contains_key(id));
        let covered = self.path.wanted().chain(points);
        let covered = covered.filter(|id| !self.waiting.contains(id));
        let mut seen = BTreeSet::new();
        let wants = covered.chain(self.waiting.wanted()).filter(|id| seen.insert(*id));
        wants.take(limit).collect()
    }

    /// Counts that change when a batch brings anything: deltas, what waits, and the way back.
    pub(crate) fn progress(&self) -> (usize, (usize, usize), (usize, usize)) {
        (self.entries.len(), self.waiting.size(), self.path.size())
    }
}

/// Prev and deps.
pub(super) fn ancestors(header: &Header) -> impl Iterator<Item = DeltaId> + '_ {
    header.prev.into_iter().chain(header.deps.iter().copied())
}
