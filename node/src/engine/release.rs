//! Releases that are due: what turns private sessions into public deltas, through the privacy door.

use std::collections::BTreeSet;

use lore_privacy::release::{
    CostsSpec, LessonsSpec, OutcomesSpec, Participation, VotesSpec, release_costs, release_id,
    release_lessons, release_outcomes, release_votes,
};
use lore_privacy::{
    Budget, Caps, Chain, CostSchedule, Outgoing, PrivacyError, Released, Reservation, Schedule,
    SystemNoise,
};
use lore_protocol::charter::{CostKind, PrivacyTerms};
use lore_protocol::ids::{FederationId, Hash};
use lore_protocol::payload::{ItemId, Mechanism, Payload, PayloadKind, Window};

use super::contributions::{Candidates, Reader};
use super::{Engine, now_seconds};
use crate::error::CliError;

/// Most keys of one lesson release; the fixed size is the tighter bound.
const MAX_KEYS: u32 = 256;

/// A release of this epoch.
#[derive(Debug, Clone, Copy)]
struct Due {
    chain: Chain,
    release: Hash,
    mechanism: Mechanism,
    window: Window,
    participation: Participation,
}

/// A release with all its public parameters: everything but the sessions.
enum Prepared {
    Lessons(LessonsSpec),
    Outcomes(OutcomesSpec),
    Votes(VotesSpec, Candidates),
    Costs(CostsSpec, Vec<CostKind>),
}

impl Prepared {
    fn hash(&self) -> Hash {
        match self {
            Self::Lessons(spec) => spec.hash(),
            Self::Outcomes(spec) => spec.hash(),
            Self::Votes(spec, _) => spec.hash(),
            Self::Costs(spec, _) => spec.hash(),
        }
    }

    /// Reads the sessions and draws the noise. Runs once, after the release was paid for.
    fn sample(&self, reader: &Reader) -> Result<Released<Payload>, PrivacyError> {
        let (secret, noise) = (&reader.secret, &mut SystemNoise);
        match self {
            Self::Lessons(spec) => release_lessons(spec, &reader.lessons()?, secret, noise),
            Self::Outcomes(spec) => release_outcomes(spec, &reader.outcomes()?, secret, noise),
            Self::Votes(spec, candidates) => {
                release_votes(spec, &reader.votes(candidates)?, secret, noise)
            }
            Self::Costs(spec, kinds) => release_costs(spec, &reader.costs(kinds)?, secret, noise),
        }
    }
}

impl Engine {
    /// Folds what is new, makes the releases that have become due, and ends the epoch when this node
    /// signs and its clock says so. Called after every change, and every now and then.
    ///
    /// # Errors
    /// When the store or the ledger fails. A refused release is logged, not an error: nothing left.
    pub fn settle(&mut self) -> Result<(), CliError> {
        let ids: Vec<FederationId> = self.federations.keys().copied().collect();
        for id in ids {
            if let Some(federation) = self.federations.get_mut(&id) {
                federation.refresh();
            }
            for due in self.due(id)? {
                let Participation { kind, period, .. } = due.participation;
                let unit = due.mechanism.unit;
                match self.release(&due) {
                    Ok(()) => tracing::info!(?kind, ?unit, period, "released"),
                    Err(error) => {
                        tracing::warn!(?kind, ?unit, %error, "not released");
                        self.refused.insert(due.release);
                    }
                }
            }
            if self.checkpoint_is_due(id)? {
                self.federation_checkpoint(id)?;
            }
            if let Some(federation) = self.federations.get_mut(&id) {
                federation.refresh();
            }
        }
        Ok(())
    }

    /// Releases of the open epoch that this node has not made, whatever its sessions hold.
    fn due(&self, federation: FederationId) -> Result<Vec<Due>, CliError> {
        let Some(budget) = self.ledger.budget() else {
            return Ok(Vec::new());
        };
        if self.store.recovery()?.is_some() {
            // A restored ledger may not know what was spent: nothing is paid for before a peer was asked.
            return Ok(Vec::new());
        }
        let log = self.log(federation)?;
        let Some(member) = log.member_of(&self.public_key()) else {
            return Ok(Vec::new());
        };
        let terms = &log.charter().privacy;
        if !terms.units.contains(&budget.unit) {
            // `lore privacy status` says so: see `Engine::silence`.
            return Ok(Vec::new());
        }
        let epoch = log.open_epoch();
        let period = log.charter().period(epoch);
        let offset = epoch % terms.epochs_per_period;
        let plan = match within(&budget, terms).plan(schedule(terms)) {
            Ok(plan) => plan,
            Err(error) => {
                tracing::warn!(%error, "the budget buys no release");
                return Ok(Vec::new());
            }
        };
        let costs_at = terms.costs.as_ref().map_or(&[][..], |costs| &costs.at);
        let kinds = [
            (PayloadKind::Lessons, &terms.lessons_at[..], plan.lessons),
            (PayloadKind::Outcomes, &terms.outcomes_at[..], plan.outcomes),
            (PayloadKind::Votes, &terms.votes_at[..], plan.votes),
            (PayloadKind::Costs, costs_at, plan.costs),
        ];
        let chain = Chain { federation, member };
        let made: BTreeSet<Hash> = self.ledger.releases().map(|(r, _)| r.release).collect();
        let mut due = Vec::new();
        for (kind, at, mechanism) in kinds {
            let index = at.iter().position(|at| *at == offset);
            let (Some(index), Some(mechanism)) = (index, mechanism) else { continue };
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let release = release_id(federation, member, kind, period, index);
            if made.contains(&release) || self.refused.contains(&release) {
                continue;
            }
            let Some(window) = self.window(chain, kind, &budget) else { continue };
            let releases = u32::try_from(at.len()).unwrap_or(u32::MAX);
            let most = terms.releases_per_unit;
            let participation = Participation { federation, kind, period, releases, index, most };
            due.push(Due { chain, release, mechanism, window, participation });
        }
        Ok(due)
    }

    /// Why nothing derived from sessions leaves this node for a federation, if that is so.
    pub(super) fn silence(&self, federation: FederationId) -> Option<&'static str> {
        let Some(budget) = self.ledger.budget() else {
            return Some("no privacy budget is set: this node only receives");
        };
        let units = &self.log(federation).ok()?.charter().privacy.units;
        (!units.contains(&budget.unit)).then_some(
            "the charter does not allow the unit that this node's budget protects: this node only \
             receives; choose another with `lore privacy set --unit`, or another federation",
        )
    }

    /// From the end of the last window of this kind until now.
    fn window(&self, chain: Chain, kind: PayloadKind, budget: &Budget) -> Option<Window> {
        let same = self.ledger.releases().map(|(reservation, _)| reservation);
        let ends = same
            .filter(|reservation| reservation.chain == chain && reservation.kind == kind)
            .map(|reservation| reservation.window.end_seconds);
        next_window(ends.max(), budget.period_seconds(), now_seconds())
    }

    fn release(&mut self, due: &Due) -> Result<(), CliError> {
        let prepared = self.prepare(due)?;
        let ticket = self.reserve(due, prepared.hash())?;
        let reader = Reader {
            store: self.store.clone(),
            secret: self.local_secret(),
            unit: due.mechanism.unit,
            participation: due.participation,
        };
        let released = self.ledger.sample(ticket, || prepared.sample(&reader))?;
        self.publish(due.chain.federation, &Outgoing::from(released)).map(drop)
    }

    /// The parameters of a release: public data only.
    fn prepare(&self, due: &Due) -> Result<Prepared, CliError> {
        let federation = due.chain.federation;
        let found =
            self.federations.get(&federation).ok_or_else(|| super::publish::unknown(federation))?;
        let Due { release, mechanism, window, .. } = *due;
        let (charter, sealed) = (found.log.charter(), found.fold().sealed());
        let items_root = found.log.tip().body.state_root;
        let cells = || -> BTreeSet<(ItemId, u16)> {
            let contexts = u16::try_from(charter.contexts.len()).unwrap_or(u16::MAX);
            let items = sealed.active_items().into_iter();
            items.flat_map(|item| (0..contexts).map(move |context| (item, context))).collect()
        };
        Ok(match due.participation.kind {
            PayloadKind::Lessons => Prepared::Lessons(LessonsSpec {
                release,
                mechanism,
                window,
                max_keys: MAX_KEYS,
                padded_bytes: charter.privacy.lessons_payload_bytes,
            }),
            PayloadKind::Votes => {
                let candidates = Candidates::of(sealed);
                let ballot = candidates.ballot().clone();
                let spec = VotesSpec { release, mechanism, window, items_root, ballot };
                Prepared::Votes(spec, candidates)
            }
            PayloadKind::Costs => {
                let terms = charter.privacy.costs.as_ref();
                let kinds = terms.map(|terms| terms.kinds.clone()).unwrap_or_default();
                let count = u16::try_from(kinds.len()).unwrap_or(u16::MAX);
                let cells = cells();
                let spec =
                    CostsSpec { release, mechanism, window, items_root, cells, kinds: count };
                Prepared::Costs(spec, kinds)
            }
            _ => {
                let cells = cells();
                Prepared::Outcomes(OutcomesSpec { release, mechanism, window, items_root, cells })
            }
        })
    }

    fn reserve(&mut self, due: &Due, spec: Hash) -> Result<lore_privacy::ledger::Ticket, CliError> {
        let terms = &self.log(due.chain.federation)?.charter().privacy;
        let caps = Caps { rho_nano: terms.rho_nano, delta_e18: terms.delta_e18 };
        let reservation = Reservation {
            release: due.release,
            spec,
            chain: due.chain,
            period: due.participation.period,
            at_seconds: now_seconds(),
            kind: due.participation.kind,
            mechanism: due.mechanism,
            window: due.window,
        };
        Ok(self.ledger.reserve(reservation, caps)?)
    }
}

/// The half-open window of the next release: from the end of the last one, within the wall-clock period,
/// until now. Public events and the clock decide it, never a session. Windows of one kind do not
/// overlap, so that a session imported after the window of its start closed feeds nothing.
fn next_window(last_end: Option<u64>, period_seconds: u64, now: u64) -> Option<Window> {
    let period_start = now / period_seconds * period_seconds;
    let start_seconds = last_end.unwrap_or(0).max(period_start);
    (start_seconds < now).then_some(Window { start_seconds, end_seconds: now })
}

/// The release schedule that a charter fixes.
pub(super) fn schedule(terms: &PrivacyTerms) -> Schedule {
    let count = |at: &[u32]| u32::try_from(at.len()).unwrap_or(u32::MAX);
    let costs = terms.costs.as_ref().map(|costs| CostSchedule {
        releases: count(&costs.at),
        kinds: u16::try_from(costs.kinds.len()).unwrap_or(u16::MAX),
        bound: costs.bound,
    });
    Schedule {
        lessons: count(&terms.lessons_at),
        outcomes: count(&terms.outcomes_at),
        votes: count(&terms.votes_at),
        costs,
    }
}

/// The owner's budget within the charter's ceiling: the smaller of each.
fn within(budget: &Budget, terms: &PrivacyTerms) -> Budget {
    Budget {
        rho_nano: budget.rho_nano.min(terms.rho_nano),
        delta_thr_e18: budget.delta_thr_e18.min(terms.delta_e18),
        ..*budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_one_kind_meet_and_never_overlap_and_a_period_starts_anew() {
        let window =
            |last, now| next_window(last, 1_000, now).map(|w| (w.start_seconds, w.end_seconds));
        assert_eq!(window(None, 5_300), Some((5_000, 5_300)));
        assert_eq!(window(Some(5_300), 5_700), Some((5_300, 5_700)));
        // A session that started at 5,200 and comes in at 5,400 is before every window that follows.
        assert_eq!(window(Some(5_700), 6_100), Some((6_000, 6_100)));
        assert_eq!(window(Some(5_700), 5_700), None);
        // A clock that went back opens no window over sessions that were counted.
        assert_eq!(window(Some(5_700), 5_400), None);
    }
}
