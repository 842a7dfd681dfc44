//! Releases that are due: what turns private sessions into public deltas, through the privacy door.

use std::collections::{BTreeMap, BTreeSet};

use lore_privacy::release::{
    CostsSpec, LessonsSpec, OutcomesSpec, Participation, VotesSpec, release_costs, release_id,
    release_lessons, release_outcomes, release_votes,
};
use lore_privacy::{
    Budget, Caps, Chain, CostContribution, DenyList, LessonContribution, LocalSecret, NoiseSource,
    OutcomeContribution, Outgoing, PrivacyError, Private, Released, Reservation, VoteContribution,
};
use lore_protocol::charter::CostKind;
use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::log::Log;
use lore_protocol::payload::{ItemId, Mechanism, Origin, Payload, PayloadKind, Window};

use crate::schedule::{schedule, scheduled, within};
use crate::{Ballot, Contributions, Engine, EngineError, Source};

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

/// A release with all its public parameters, and the owner's deny-list as it stood when its window
/// opened: everything but the sessions.
enum Prepared {
    Lessons(LessonsSpec, DenyList),
    Outcomes(OutcomesSpec),
    Votes(VotesSpec, Ballot),
    Costs(CostsSpec, Vec<CostKind>),
}

/// A release with what the sessions give to it.
enum Gathered {
    Lessons(LessonsSpec, Private<Vec<LessonContribution>>),
    Outcomes(OutcomesSpec, Private<Vec<OutcomeContribution>>),
    Votes(VotesSpec, Private<Vec<VoteContribution>>),
    Costs(CostsSpec, Private<Vec<CostContribution>>),
}

impl Prepared {
    fn hash(&self) -> Hash {
        match self {
            Self::Lessons(spec, _) => spec.hash(),
            Self::Outcomes(spec) => spec.hash(),
            Self::Votes(spec, _) => spec.hash(),
            Self::Costs(spec, _) => spec.hash(),
        }
    }

    /// Reads the sessions. Runs after the release was paid for.
    fn gather(
        self,
        sessions: &dyn Contributions,
        source: &Source<'_>,
    ) -> Result<Gathered, PrivacyError> {
        let gathered = match self {
            Self::Lessons(spec, denied) => {
                Gathered::Lessons(spec, denied.filter(sessions.lessons(source)?))
            }
            Self::Outcomes(spec) => Gathered::Outcomes(spec, sessions.outcomes(source)?),
            Self::Votes(spec, ballot) => Gathered::Votes(spec, sessions.votes(source, &ballot)?),
            Self::Costs(spec, kinds) => Gathered::Costs(spec, sessions.costs(source, &kinds)?),
        };
        source.note()?;
        Ok(gathered)
    }
}

impl Gathered {
    /// Draws the noise, once.
    fn draw<N: NoiseSource>(
        &self,
        secret: &LocalSecret,
        noise: &mut N,
    ) -> Result<Released<Payload, N>, PrivacyError> {
        match self {
            Self::Lessons(spec, from) => release_lessons(spec, from, secret, noise),
            Self::Outcomes(spec, from) => release_outcomes(spec, from, secret, noise),
            Self::Votes(spec, from) => release_votes(spec, from, secret, noise),
            Self::Costs(spec, from) => release_costs(spec, from, secret, noise),
        }
    }
}

impl<N: NoiseSource> Engine<N> {
    /// Makes the releases that have become due, and ends the epoch when this node signs and its clock says
    /// so. Called after every change, and every now and then.
    ///
    /// # Errors
    /// When the store or the ledger fails. A refused release is logged, not an error: nothing left.
    pub fn settle(&mut self) -> Result<(), EngineError> {
        if self.reopen_ledger().is_err() {
            return Ok(());
        }
        self.finish_pending();
        let ids: Vec<FederationId> = self.federations.keys().copied().collect();
        for id in ids {
            for due in self.due(id)? {
                let Participation { kind, period, .. } = due.participation;
                let unit = due.mechanism.unit;
                match self.release(&due) {
                    Ok(()) => tracing::info!(?kind, ?unit, period, "released"),
                    Err(error) => {
                        tracing::warn!(?kind, ?unit, %error, "not released");
                        self.refused.insert(due.release);
                        self.void_if_reserved(due.release);
                    }
                }
            }
            if self.checkpoint_is_due(id)? {
                self.federation_checkpoint(id)?;
            }
        }
        Ok(())
    }

    /// Releases of the open epoch that this node has not made, whatever its sessions hold.
    fn due(&self, federation: FederationId) -> Result<Vec<Due>, EngineError> {
        let Some(budget) = self.ledger.budget() else {
            return Ok(Vec::new());
        };
        if !self.may_release(federation)? {
            return Ok(Vec::new());
        }
        let log = self.federation(federation)?.log();
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
        let chain = Chain { federation, member };
        let made: BTreeSet<Hash> = self.ledger.releases().map(|(r, _)| r.release).collect();
        let mut open = BTreeMap::new();
        for (kind, at, _) in scheduled(terms, None) {
            let Some(index) = at.iter().position(|at| *at == offset) else { continue };
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let release = release_id(federation, member, kind, period, index);
            if made.contains(&release) || self.refused.contains(&release) {
                continue;
            }
            if on_chain(log, member, kind) {
                // Made by the original of a node that was restored from a copy.
                continue;
            }
            let Some(window) = self.window(federation, kind, &budget) else { continue };
            let releases = u32::try_from(at.len()).unwrap_or(u32::MAX);
            let most = terms.releases_per_unit;
            let participation = Participation { federation, kind, period, releases, index, most };
            open.insert(kind, (release, window, participation));
        }
        if open.is_empty() {
            // A plan takes milliseconds, and this is called after every change.
            return Ok(Vec::new());
        }
        let plan = match within(&budget, terms).plan(schedule(terms)) {
            Ok(plan) => plan,
            Err(error) => {
                tracing::warn!(%error, "the budget buys no release");
                return Ok(Vec::new());
            }
        };
        let mut due = Vec::new();
        for (kind, _, mechanism) in scheduled(terms, Some(plan)) {
            if let (Some(mechanism), Some(found)) = (mechanism, open.remove(&kind)) {
                let (release, window, participation) = found;
                due.push(Due { chain, release, mechanism, window, participation });
            }
        }
        Ok(due)
    }

    /// Why nothing derived from sessions leaves this node for a federation, if that is so.
    #[must_use]
    pub fn silence(&self, federation: FederationId) -> Option<&'static str> {
        let Some(budget) = self.ledger.budget() else {
            return Some("no privacy budget is set: this node only receives");
        };
        let units = &self.federation(federation).ok()?.log().charter().privacy.units;
        (!units.contains(&budget.unit)).then_some(
            "the charter does not allow the unit that this node's budget protects: this node only \
             receives; choose another with `lore privacy set --unit`, or another federation",
        )
    }

    /// From the end of the last window of this kind until now.
    fn window(
        &self,
        federation: FederationId,
        kind: PayloadKind,
        budget: &Budget,
    ) -> Option<Window> {
        let last = self.last_window_end(federation, kind);
        next_window(last, budget.period_seconds(), self.now_seconds())
    }

    /// End of the last window of a kind, in seconds since the Unix epoch.
    pub(crate) fn last_window_end(
        &self,
        federation: FederationId,
        kind: PayloadKind,
    ) -> Option<u64> {
        let same = self.ledger.releases().map(|(reservation, _)| reservation);
        same.filter(|known| known.chain.federation == federation && known.kind == kind)
            .map(|reservation| reservation.window.end_seconds)
            .max()
    }

    fn release(&mut self, due: &Due) -> Result<(), EngineError> {
        let federation = due.chain.federation;
        let prepared = self.prepare(due)?;
        let deadline = match due.participation.kind {
            PayloadKind::Lessons => self.gate_deadline(federation)?,
            _ => None,
        };
        let ticket = self.reserve(due, prepared.hash())?;
        if let Some(deadline) = deadline {
            self.ledger.hold(&ticket, deadline)?;
        }
        let (unit, participation) = (due.mechanism.unit, due.participation);
        let source = Source::new(due.window, unit, participation, self.local_secret(), &self.store);
        let released = self.ledger.read_and_sample(
            ticket,
            || prepared.gather(&*self.sessions, &source),
            |gathered| gathered.draw(source.secret(), &mut self.noise),
        )?;
        if deadline.is_some() {
            return Ok(());
        }
        self.publish(federation, &Outgoing::from(released)).map(drop)
    }

    /// The parameters of a release: public data and the owner's settings only.
    fn prepare(&self, due: &Due) -> Result<Prepared, EngineError> {
        let federation = due.chain.federation;
        let found = self.federation(federation)?;
        let Due { release, mechanism, window, .. } = *due;
        let (charter, sealed) = (found.log().charter(), found.fold().sealed());
        let items_root = found.log().tip().body.state_root;
        let cells = || -> BTreeSet<(ItemId, u16)> {
            let contexts = u16::try_from(charter.contexts.len()).unwrap_or(u16::MAX);
            let items = sealed.active_items().into_iter();
            items.flat_map(|item| (0..contexts).map(move |context| (item, context))).collect()
        };
        Ok(match due.participation.kind {
            PayloadKind::Lessons => {
                let padded_bytes = charter.privacy.lessons_payload_bytes;
                let spec =
                    LessonsSpec { release, mechanism, window, max_keys: MAX_KEYS, padded_bytes };
                Prepared::Lessons(spec, self.deny_list(federation)?)
            }
            PayloadKind::Votes => {
                let ballot = Ballot::of(sealed);
                let items = ballot.items.clone();
                let spec = VotesSpec { release, mechanism, window, items_root, ballot: items };
                Prepared::Votes(spec, ballot)
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

    fn reserve(
        &mut self,
        due: &Due,
        spec: Hash,
    ) -> Result<lore_privacy::ledger::Ticket, EngineError> {
        let terms = &self.federation(due.chain.federation)?.log().charter().privacy;
        let caps = Caps { rho_nano: terms.rho_nano, delta_e18: terms.delta_e18 };
        let reservation = Reservation {
            release: due.release,
            spec,
            chain: due.chain,
            period: due.participation.period,
            at_seconds: self.now_seconds(),
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

/// Whether a member's chain holds a release of this kind in the open epoch.
fn on_chain(log: &Log, member: MemberId, kind: PayloadKind) -> bool {
    let mut next = log.head(member).map(|(_, id)| id);
    while let Some(entry) = next.and_then(|id| log.get(&id)) {
        let header = entry.sound.header();
        if header.epoch < log.open_epoch() {
            return false;
        }
        let by_hand =
            matches!(&entry.sound.payload, Payload::Lessons(l) if l.origin == Origin::Authored);
        if header.payload_kind == kind && !by_hand {
            return true;
        }
        next = header.prev;
    }
    false
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
