//! Releases that are due: what turns private sessions into public deltas, through the privacy door.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lore_privacy::release::{
    CostsSpec, LessonsSpec, OutcomesSpec, Participation, VotesSpec, release_id,
};
use lore_privacy::{Budget, Caps, Chain, NoiseSource, PrivacyError, Reservation};
use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::log::Log;
use lore_protocol::payload::{ItemId, Mechanism, PayloadKind, Window};

use crate::job::{Finished, Job, Prepared};
use crate::schedule::{next_window, schedule, scheduled, within};
use crate::{Ballot, Engine, EngineError};

/// Most keys of one lesson release; the fixed size is the tighter bound.
const MAX_KEYS: u32 = 256;

/// A release that has become due, with the window that it draws on.
#[derive(Debug, Clone, Copy)]
struct Due {
    chain: Chain,
    release: Hash,
    mechanism: Mechanism,
    window: Window,
    participation: Participation,
}

impl<N: NoiseSource> Engine<N> {
    /// Makes the releases that have become due, and ends the epoch when this node signs and its clock says
    /// so. Called after every change, and every now and then.
    ///
    /// # Errors
    /// Fails when the store or the ledger fails. A refused release is logged, not an error: nothing left.
    pub fn settle(&mut self) -> Result<(), EngineError> {
        if self.reopen_ledger().is_err() {
            return Ok(());
        }
        self.finish_pending();
        let ids: Vec<FederationId> = self.federations.keys().copied().collect();
        for id in ids {
            self.ask_where_answers_lack(id)?;
            // All at once and at a public moment: did one wait for the work of another, an epoch that opens
            // meanwhile would give it a later window, which would tell how long that work took.
            for due in self.due(id)? {
                if let Err(error) = self.begin_release(&due) {
                    let kind = due.participation.kind;
                    tracing::warn!(?kind, unit = ?due.mechanism.unit, %error, "not released");
                    self.refused.insert(due.release);
                    self.void_if_reserved(due.release);
                }
            }
            self.tend_vouches(id)?;
            self.tend_epoch(id)?;
        }
        Ok(())
    }

    /// Releases that have become due and that this node has not made, whatever its sessions hold: of each
    /// kind the latest one of the period, once its window has closed.
    fn due(&self, federation: FederationId) -> Result<Vec<Due>, EngineError> {
        let Some(budget) = self.ledger.budget() else {
            return Ok(Vec::new());
        };
        if !self.may_release(federation)? || self.is_former_member(federation)? {
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
        let mut open = BTreeMap::new();
        for (kind, at, _) in scheduled(terms, None) {
            let Some(index) = at.iter().rposition(|at| *at <= offset) else { continue };
            let from = epoch - offset + at.get(index).copied().unwrap_or(0);
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let release = release_id(federation, member, kind, period, index);
            if self.ledger.reservation(&release).is_some() || self.refused.contains(&release) {
                continue;
            }
            if on_chain(log, member, kind, from) {
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
        if self.is_former_member(federation).unwrap_or(false) {
            return Some("this node left this federation or was removed from it");
        }
        if self.second_copy().is_ok_and(|copy| copy.is_some()) {
            return Some("another copy of this home is at work: this one signs nothing any more");
        }
        let Some(budget) = self.ledger.budget() else {
            return Some("no privacy budget is set: this node only receives");
        };
        let units = &self.federation(federation).ok()?.log().charter().privacy.units;
        (!units.contains(&budget.unit)).then_some(
            "the charter does not allow the unit that this node's budget protects: this node only \
             receives; choose another with `lore privacy set --unit`, or another federation",
        )
    }

    /// The next window of this kind, once it has closed. Public events, the charter, the budget and the
    /// clock decide it, never a session or how long one takes to read.
    fn window(
        &self,
        federation: FederationId,
        kind: PayloadKind,
        budget: &Budget,
    ) -> Option<Window> {
        let terms = self.federation(federation).ok()?.log().charter().privacy.windows;
        let moment = self.window_end(federation)?;
        let last = self.last_window_end(federation, kind);
        let ready = self.releases_from(federation, last)?;
        if moment > self.now_seconds() || moment < ready {
            return None;
        }
        let first = self.ledger.history_from_seconds().unwrap_or(0);
        let from = last.unwrap_or(first).max(self.ledger.windows_from_seconds());
        next_window(from, u64::from(terms.least_seconds), budget.period_seconds(), moment)
    }

    /// End of windows that close with the opening of the open epoch: the next point of the charter's grid
    /// after its checkpoint came in.
    pub(crate) fn window_end(&self, federation: FederationId) -> Option<u64> {
        let grid = self.federation(federation).ok()?.log().charter().privacy.windows.grid_seconds;
        let grid = u64::from(grid).max(1);
        let opened = self.epoch_opened_seconds(federation);
        Some((opened / grid + 1) * grid)
    }

    /// Earliest end of a window: a full one after this node came to the federation, after its
    /// first budget, and after the last window of the kind. Nobody can make it spend faster.
    pub(crate) fn releases_from(
        &self,
        federation: FederationId,
        last_window_end: Option<u64>,
    ) -> Option<u64> {
        let least = self.federation(federation).ok()?.log().charter().privacy.windows.least_seconds;
        let since = self.ledger.budget_since_seconds()?;
        let begun = since.max(self.joined_seconds(federation)).max(last_window_end.unwrap_or(0));
        Some(begun.saturating_add(u64::from(least)))
    }

    /// Time when what was drawn from a window is sent, or its void: public, whatever the work took.
    pub(crate) fn sent_at(&self, federation: FederationId, window: Window) -> u64 {
        let delay = self
            .federation(federation)
            .map_or(0, |found| found.log().charter().privacy.windows.send_after_seconds);
        window.end_seconds.saturating_add(u64::from(delay))
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

    /// Time up to which sessions were counted, or promised to be, in seconds since the Unix epoch: the latest end of
    /// a window of any release. A session that began before it must not change any more.
    #[must_use]
    pub fn counted_until_seconds(&self) -> u64 {
        let ends = self.ledger.releases().map(|(reservation, _)| reservation.window.end_seconds);
        ends.max().unwrap_or(0)
    }

    /// Pays for a release and leaves its work to be taken with [`Engine::take_job`].
    fn begin_release(&mut self, due: &Due) -> Result<(), EngineError> {
        let federation = due.chain.federation;
        let prepared = self.prepare(due)?;
        let deadline = match due.participation.kind {
            PayloadKind::Lessons => self.gate_deadline(federation, due.window)?,
            _ => None,
        };
        let ticket = self.reserve(due, prepared.hash())?;
        if let Some(deadline) = deadline {
            self.ledger.hold(&ticket, deadline)?;
        }
        self.jobs.push_back(Job {
            release: due.release,
            prepared,
            window: due.window,
            unit: due.mechanism.unit,
            participation: due.participation,
            secret: self.local_secret(),
            store: Arc::clone(&self.store),
            sessions: Arc::clone(&self.sessions),
            noise: self.noise.fork(),
        });
        self.tickets.insert(due.release, ticket);
        Ok(())
    }

    /// Work of a release that is to be done, on any thread; [`Engine::finish_job`] takes what comes of it. One
    /// at a time: none while the result of another is not here.
    pub fn take_job(&mut self) -> Option<Job<N>> {
        if self.running.is_some() {
            return None;
        }
        let job = self.jobs.pop_front()?;
        self.running = Some(job.release);
        Some(job)
    }

    /// Returns true when a release was paid for and its result is not here.
    #[must_use]
    pub fn is_working(&self) -> bool {
        !self.tickets.is_empty()
    }

    /// Records the result of a release's work, which is sent when its time has come. A result that is
    /// missing, or not the one that was paid for, makes the release a void.
    ///
    /// # Errors
    /// Fails when the store or the ledger fails.
    pub fn finish_job(&mut self, finished: Finished<N>) -> Result<(), EngineError> {
        let Finished { release, made } = finished;
        self.running.take_if(|running| *running == release);
        if let Some(ticket) = self.tickets.remove(&release) {
            match self.ledger.sample(ticket, || made) {
                Ok(_) => tracing::info!("a release is drawn"),
                Err(error) => {
                    tracing::warn!(%error, "not released");
                    self.void_if_reserved(release);
                    if matches!(error, PrivacyError::Store(_)) {
                        return Err(error.into());
                    }
                }
            }
        }
        self.settle()
    }

    /// Does the work of all releases that are due, here and now: for a driver without other threads.
    ///
    /// # Errors
    /// As [`Engine::finish_job`].
    pub fn run_jobs(&mut self) -> Result<(), EngineError> {
        while let Some(job) = self.take_job() {
            self.finish_job(job.run())?;
        }
        Ok(())
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
            let items = sealed.active_items(contexts).into_iter();
            items.flat_map(|item| (0..contexts).map(move |context| (item, context))).collect()
        };
        Ok(match due.participation.kind {
            PayloadKind::Lessons => {
                let padded_bytes = charter.privacy.lessons_payload_bytes;
                let spec = LessonsSpec {
                    release,
                    mechanism,
                    window,
                    topic_words: charter.privacy.topic_words,
                    items_root,
                    known: sealed.keys(),
                    max_keys: MAX_KEYS,
                    padded_bytes,
                };
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
                // A lesson has no costs of its own.
                let is_revision = |cell: &(ItemId, u16)| matches!(cell.0, ItemId::Revision(_));
                let cells = cells().into_iter().filter(is_revision).collect();
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

/// Returns true when a member's chain holds a release of this kind of an epoch from `from_epoch` on.
fn on_chain(log: &Log, member: MemberId, kind: PayloadKind, from_epoch: u32) -> bool {
    let mut next = log.head(member).map(|(_, id)| id);
    while let Some(entry) = next.and_then(|id| log.get(&id)) {
        let header = entry.header();
        if header.epoch < from_epoch {
            return false;
        }
        if header.payload_kind == kind && entry.is_released() {
            return true;
        }
        next = header.prev;
    }
    false
}
