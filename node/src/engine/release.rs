//! Releases that are due: what turns private sessions into public deltas, through the privacy door.

use std::collections::BTreeSet;

use lore_privacy::release::{
    LessonsSpec, OutcomesSpec, release_id, release_lessons, release_outcomes,
};
use lore_privacy::{Budget, Caps, Chain, Outgoing, Reservation, Schedule, SystemNoise};
use lore_protocol::charter::PrivacyTerms;
use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::log::Log;
use lore_protocol::payload::{ItemId, Mechanism, Origin, Payload, PayloadKind, Window};

use super::{Engine, now_seconds};
use crate::error::CliError;
use crate::store::{Durability, Table};

/// Most keys of one lesson release; the fixed size is the tighter bound.
const MAX_KEYS: u32 = 256;

/// A release of this epoch.
#[derive(Debug, Clone, Copy)]
struct Due {
    federation: FederationId,
    kind: PayloadKind,
    period: u32,
    release: Hash,
    mechanism: Mechanism,
    window: Window,
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
                let made = match due.kind {
                    PayloadKind::Lessons => self.release_lessons(&due),
                    _ => self.release_outcomes(&due),
                };
                match made {
                    Ok(()) => tracing::info!(kind = ?due.kind, period = due.period, "released"),
                    Err(error) => {
                        tracing::warn!(kind = ?due.kind, %error, "not released");
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
        let kinds = [
            (PayloadKind::Lessons, &terms.lessons_at, plan.lessons),
            (PayloadKind::Outcomes, &terms.outcomes_at, plan.outcomes),
        ];
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
            if on_chain(log, member, kind) {
                // Made by the original of a node that was restored from a copy.
                continue;
            }
            let Some(window) = self.window(federation, kind, &budget) else { continue };
            due.push(Due { federation, kind, period, release, mechanism, window });
        }
        Ok(due)
    }

    /// From the last release of this kind, or the start of the period, until now. It depends on public
    /// events and the clock alone.
    fn window(
        &self,
        federation: FederationId,
        kind: PayloadKind,
        budget: &Budget,
    ) -> Option<Window> {
        let now = now_seconds();
        let period_start = now / budget.period_seconds() * budget.period_seconds();
        let before = self.time_setting(&window_key(federation, kind)).unwrap_or(0);
        let start_seconds = before.max(period_start);
        (start_seconds < now).then_some(Window { start_seconds, end_seconds: now })
    }

    fn release_lessons(&mut self, due: &Due) -> Result<(), CliError> {
        let bytes = self.log(due.federation)?.charter().privacy.lessons_payload_bytes;
        let spec = LessonsSpec {
            release: due.release,
            mechanism: due.mechanism,
            window: due.window,
            max_keys: MAX_KEYS,
            padded_bytes: bytes,
        };
        let ticket = self.reserve(due, spec.hash())?;
        let contributions = self.lesson_contributions()?;
        let secret = self.local_secret();
        let released = self
            .ledger
            .sample(ticket, || release_lessons(&spec, &contributions, &secret, &mut SystemNoise))?;
        self.publish(due.federation, &Outgoing::from(released)).map(drop)
    }

    fn release_outcomes(&mut self, due: &Due) -> Result<(), CliError> {
        let found = self
            .federations
            .get(&due.federation)
            .ok_or_else(|| super::publish::unknown(due.federation))?;
        let contexts = u16::try_from(found.log.charter().contexts.len()).unwrap_or(u16::MAX);
        let items = found.fold().sealed().active_items();
        let cells: BTreeSet<(ItemId, u16)> = items
            .into_iter()
            .flat_map(|item| (0..contexts).map(move |context| (item, context)))
            .collect();
        let spec = OutcomesSpec {
            release: due.release,
            mechanism: due.mechanism,
            window: due.window,
            items_root: found.log.tip().body.state_root,
            cells,
        };
        let ticket = self.reserve(due, spec.hash())?;
        let contributions = self.outcome_contributions()?;
        let secret = self.local_secret();
        let released = self.ledger.sample(ticket, || {
            release_outcomes(&spec, &contributions, &secret, &mut SystemNoise)
        })?;
        self.publish(due.federation, &Outgoing::from(released)).map(drop)
    }

    fn reserve(&mut self, due: &Due, spec: Hash) -> Result<lore_privacy::ledger::Ticket, CliError> {
        let member = self.own_member(due.federation)?;
        let terms = &self.log(due.federation)?.charter().privacy;
        let caps = Caps { rho_nano: terms.rho_nano, delta_e18: terms.delta_e18 };
        let reservation = Reservation {
            release: due.release,
            spec,
            chain: Chain { federation: due.federation, member },
            period: due.period,
            at_seconds: now_seconds(),
            kind: due.kind,
            mechanism: due.mechanism,
            window: due.window,
        };
        let ticket = self.ledger.reserve(reservation, caps)?;
        let end = due.window.end_seconds.to_be_bytes();
        let key = window_key(due.federation, due.kind);
        self.store.put(Table::Settings, &key, &end, Durability::Synced)?;
        Ok(ticket)
    }
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

/// The release schedule that a charter fixes.
pub(super) fn schedule(terms: &PrivacyTerms) -> Schedule {
    let count = |at: &[u32]| u32::try_from(at.len()).unwrap_or(u32::MAX);
    Schedule { lessons: count(&terms.lessons_at), outcomes: count(&terms.outcomes_at), votes: 0 }
}

/// The owner's budget within the charter's ceiling: the smaller of each.
fn within(budget: &Budget, terms: &PrivacyTerms) -> Budget {
    Budget {
        rho_nano: budget.rho_nano.min(terms.rho_nano),
        delta_thr_e18: budget.delta_thr_e18.min(terms.delta_e18),
        ..*budget
    }
}

fn window_key(federation: FederationId, kind: PayloadKind) -> Vec<u8> {
    let kind: &[u8] = if kind == PayloadKind::Lessons { b"lessons" } else { b"outcomes" };
    [b"window/".as_slice(), federation.as_bytes(), kind].concat()
}
