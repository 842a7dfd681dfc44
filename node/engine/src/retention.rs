//! Sessions that a coming release may draw on: a node keeps them until then.

use lore_privacy::NoiseSource;
use lore_protocol::ids::FederationId;

use crate::Engine;
use crate::schedule::{earliest_start, scheduled};

impl<N: NoiseSource> Engine<N> {
    /// Start of the earliest window that a release to come may have, in seconds since the Unix epoch: sessions
    /// that began before it feed nothing any more. None when no release is to come. Public events, the charter,
    /// the budget and the clock decide it, never a session.
    #[must_use]
    pub fn draws_from_seconds(&self) -> Option<u64> {
        let ids = self.federations().keys().copied();
        ids.filter(|id| self.silence(*id).is_none())
            .filter_map(|id| self.federation_draws_from(id))
            .min()
    }

    fn federation_draws_from(&self, id: FederationId) -> Option<u64> {
        let budget = self.ledger().budget()?;
        let first = self.ledger().history_from_seconds().unwrap_or(0);
        let terms = &self.federation(id).ok()?.log().charter().privacy;
        let kinds = scheduled(terms, None).into_iter().filter(|(_, at, _)| !at.is_empty());
        kinds
            .map(|(kind, _, _)| {
                let last = self.last_window_end(id, kind).unwrap_or(first);
                let from = last.max(self.ledger().windows_from_seconds());
                earliest_start(from, budget.period_seconds().max(1), self.now_seconds())
            })
            .min()
    }
}
