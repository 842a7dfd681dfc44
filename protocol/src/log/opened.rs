//! What counts in the open epoch, as it comes: so that a reader need not look at all of it again.

use super::Log;
use crate::ids::{DeltaId, MemberId};

/// Deltas that came to count one by one since the last time that some ceased to count, or were sealed.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    /// Number of times that it began again.
    begun: u64,
    came: Vec<DeltaId>,
}

impl Journal {
    /// Begins again: something else counts now than what was noted.
    pub(super) fn begin(&mut self) {
        self.begun += 1;
        self.came.clear();
    }
}

/// A reader's place in one log.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenPlace {
    /// The journal's `begun` plus one; 0 before anything was read.
    begun: u64,
    read: usize,
}

/// What a reader has to take in.
#[derive(Debug)]
pub enum Opened<'a> {
    /// These came since.
    More(&'a [DeltaId]),
    /// Forget the rest: exactly these count.
    All(Vec<DeltaId>),
}

impl Log {
    /// What came to count in the open epoch since a reader was here last, and moves its place.
    #[must_use]
    pub fn opened_since(&self, place: &mut OpenPlace) -> Opened<'_> {
        let begun = self.opened.begun + 1;
        let from = std::mem::replace(place, OpenPlace { begun, read: self.opened.came.len() });
        match self.opened.came.get(from.read..) {
            Some(came) if from.begun == begun => Opened::More(came),
            _ => Opened::All(self.open_deltas()),
        }
    }

    /// Notes a delta that was just put on its chain, whose lowest fork was at `fork` before.
    pub(super) fn note_opened(
        &mut self,
        author: MemberId,
        place: (u64, DeltaId),
        fork: Option<u64>,
    ) {
        if self.chains.get(&author).is_some_and(|chain| chain.fork() != fork) {
            self.opened.begin();
        } else if self.may_count(author) && self.is_live(author, place) && self.is_due(&place.1) {
            self.opened.came.push(place.1);
        }
    }
}
