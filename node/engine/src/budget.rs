//! The owner's budget: setting it within every charter, and the releases that it pays for.

use lore_privacy::preset::{epsilon_micros, weight_needed};
use lore_privacy::release::{LessonsSpec, Participation, Support, release_id, support};
use lore_privacy::{Budget, NoiseSource, Private, Schedule};
use lore_protocol::charter::{EpochRule, PrivacyTerms};
use lore_protocol::ids::{FederationId, Hash};
use lore_protocol::payload::{Mechanism, PayloadKind, Unit, Window};

use crate::founding::{DELTA_E18, decimal};
use crate::schedule::{schedule, scheduled, within};
use crate::{Engine, EngineError, Federation, Source};

/// A release that is still to come in a federation's open period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The federation.
    pub federation: FederationId,
    /// Its name.
    pub name: String,
    /// Kind of the release.
    pub kind: PayloadKind,
    /// The epoch in which it is due; the open one for a release that waits for its window to fill.
    pub epoch: u32,
    /// Number of epochs until that one.
    pub epochs_ahead: u32,
    /// About when it is sent, in seconds since the Unix epoch; none where a founder ends epochs by hand.
    pub about_seconds: Option<u64>,
    /// The mechanism that the budget pays for; none without a budget.
    pub mechanism: Option<Mechanism>,
}

impl<N: NoiseSource> Engine<N> {
    /// Sets the owner's budget, and makes the releases that are due under it.
    ///
    /// # Errors
    /// Fails when a charter or the ledger does not allow it, or the store fails.
    pub fn set_budget(&mut self, budget: Budget) -> Result<(), EngineError> {
        self.set_budget_since(budget, None)
    }

    /// As [`Engine::set_budget`], and lets the first window of every kind begin at a date that the owner names,
    /// in seconds since the Unix epoch. A window lies in one period and goes back one period at most; what a
    /// window took in already is in no other.
    ///
    /// # Errors
    /// As there, and for a date to come.
    pub fn set_budget_since(
        &mut self,
        budget: Budget,
        since_seconds: Option<u64>,
    ) -> Result<(), EngineError> {
        self.check_charters(&budget)?;
        let now = self.clock.unix_seconds();
        if since_seconds.is_some_and(|since| since > now) {
            return Err(EngineError::usage("sessions are taken in from a date that has passed")
                .help("leave `--since` out to begin with the open period"));
        }
        self.ledger.set_budget_since(budget, now, since_seconds)?;
        self.refused.clear();
        self.settle()
    }

    /// Refuses what a charter that this node agreed to does not allow.
    ///
    /// # Errors
    /// The first charter that forbids the budget, and what it allows.
    pub fn check_charters(&self, budget: &Budget) -> Result<(), EngineError> {
        for found in self.federations.values() {
            let charter = found.log().charter();
            let (terms, name) = (&charter.privacy, &charter.name);
            let ceiling = ceiling_epsilon(terms);
            if budget.rho_nano > terms.rho_nano || budget.delta_thr_e18 > terms.delta_e18 {
                return Err(EngineError::refused(
                    "over_ceiling",
                    format!(
                        "the charter of `{name}` has a ceiling of epsilon {ceiling} per unit and period \
                         (rho {}e-9, delta for thresholds {}e-18), and this budget is rho {}e-9 and \
                         delta {}e-18",
                        terms.rho_nano,
                        terms.delta_e18,
                        budget.rho_nano,
                        budget.delta_thr_e18
                    ),
                )
                .help(format!(
                    "set at most `lore privacy set --epsilon {ceiling} --delta 0.000001`"
                )));
            }
            if !terms.units.contains(&budget.unit) {
                return Err(EngineError::refused(
                    "unit_not_allowed",
                    forbidden_unit(name, &terms.units),
                )
                .help("set a unit that the charter allows with `lore privacy set --unit`"));
            }
        }
        Ok(())
    }

    /// Support of the lessons in this node's sessions, as the first federation's next lesson release would count
    /// it, with its mechanism under that budget; none where it has no lesson releases. For the owner's screen:
    /// nothing that is sent or decided depends on it.
    ///
    /// # Errors
    /// Fails when the sessions cannot be read, or the budget buys nothing.
    pub fn support(
        &self,
        budget: &Budget,
    ) -> Result<Option<(Mechanism, Private<Support>)>, EngineError> {
        let found = self.federations.values().next();
        let terms = found.map(|found| &found.log().charter().privacy);
        let budget = terms.map_or(*budget, |terms| within(budget, terms));
        let plan = budget.plan(terms.map_or_else(Schedule::default, schedule))?;
        let Some(mechanism) = plan.lessons else { return Ok(None) };
        let federation = found.map_or(FederationId::ZERO, Federation::id);
        let window = Window { start_seconds: 0, end_seconds: u64::MAX };
        let spec = LessonsSpec {
            topic_words: terms.map_or(0, |terms| terms.topic_words),
            known: found.map(|found| found.fold().sealed().keys()).unwrap_or_default(),
            ..LessonsSpec::new(Hash::ZERO, mechanism, window, 0)
        };
        // A place in no schedule, which is not written down: looking feeds nothing.
        let (kind, period) = (PayloadKind::Lessons, u32::MAX);
        let participation =
            Participation { federation, kind, period, releases: 1, index: 0, most: None };
        let secret = self.local_secret();
        let source = Source::new(window, mechanism.unit, participation, secret, &self.store);
        let lessons = self.deny_list(federation)?.filter(self.sessions.lessons(&source)?);
        let needed = weight_needed(&mechanism);
        Ok(Some((mechanism, support(&spec, &lessons, source.secret(), needed)?)))
    }

    /// Releases that are still to come in each federation's open period, with their public times. A
    /// function of charters, checkpoints and the ledger.
    #[must_use]
    pub fn planned(&self) -> Vec<Planned> {
        self.federations.values().flat_map(|found| self.planned_in(found)).collect()
    }

    fn planned_in(&self, found: &Federation) -> Vec<Planned> {
        let (log, charter) = (found.log(), found.log().charter());
        let terms = &charter.privacy;
        let open = log.open_epoch();
        let (period, offset) = (charter.period(open), open % terms.epochs_per_period);
        let budget = self.ledger.budget();
        let plan = budget.and_then(|budget| within(&budget, terms).plan(schedule(terms)).ok());
        let opened = self.epoch_opened_seconds(found.id());
        let member = log.member_of(&self.public_key());
        let mut planned = Vec::new();
        for (kind, at, mechanism) in scheduled(terms, plan) {
            // Of the epochs that have passed, the latest one's release is still to come.
            let first = at.iter().rposition(|at| *at <= offset).unwrap_or(0);
            for (index, at) in (0_u32..).zip(at).skip(first) {
                let release =
                    member.map(|member| release_id(found.id(), member, kind, period, index));
                if release.is_some_and(|id| self.ledger.reservation(&id).is_some()) {
                    continue;
                }
                let ahead = at.saturating_sub(offset).max(self.epochs_to_wait(found, kind));
                if offset + ahead >= terms.epochs_per_period {
                    continue;
                }
                let about_seconds = match charter.epoch {
                    EpochRule::Hours(hours) => {
                        let epochs = u64::from(ahead) * u64::from(hours) * 3600;
                        let windows = terms.windows;
                        let wait = windows.grid_seconds.saturating_add(windows.send_after_seconds);
                        Some(opened + epochs + u64::from(wait))
                    }
                    EpochRule::Rounds => None,
                };
                planned.push(Planned {
                    federation: found.id(),
                    name: charter.name.clone(),
                    kind,
                    epoch: open + ahead,
                    epochs_ahead: ahead,
                    about_seconds,
                    mechanism,
                });
            }
        }
        planned
    }

    /// Epochs until a release of this kind can draw on a window that had time to fill.
    fn epochs_to_wait(&self, found: &Federation, kind: PayloadKind) -> u32 {
        let last = self.last_window_end(found.id(), kind);
        let from = self.releases_from(found.id(), last).unwrap_or_else(|| {
            let least = found.log().charter().privacy.windows.least_seconds;
            self.now_seconds().saturating_add(u64::from(least))
        });
        let end = self.window_end(found.id()).unwrap_or(0);
        let missing = from.saturating_sub(end);
        match found.log().charter().epoch {
            EpochRule::Hours(hours) => {
                let hour = u64::from(hours).max(1) * 3600;
                u32::try_from(missing.div_ceil(hour)).unwrap_or(u32::MAX)
            }
            EpochRule::Rounds => u32::from(missing > 0),
        }
    }
}

/// Epsilon that a charter's ceiling comes to, for people, computed here from its rho and rounded up: a number that a
/// founder could write beside it would be the founder's word.
#[must_use]
pub fn ceiling_epsilon(terms: &PrivacyTerms) -> String {
    // Of this delta one half converts rho; the other pays for thresholds.
    match epsilon_micros(terms.rho_nano, DELTA_E18 / 2) {
        Ok(micros) => decimal(micros.div_ceil(1_000).saturating_mul(1_000)),
        Err(_) => "without a bound".to_owned(),
    }
}

/// Says that a charter does not allow a unit of privacy, and which it allows.
#[must_use]
pub fn forbidden_unit(name: &str, units: &[Unit]) -> String {
    let allowed: Vec<&str> = units
        .iter()
        .map(|unit| match unit {
            Unit::User => "user",
            Unit::Session => "session",
            Unit::Personal => "personal",
        })
        .collect();
    format!("the charter of `{name}` allows as unit of privacy only: {}", allowed.join(", "))
}
