//! The owner's budget: setting it within every charter, and the releases that it pays for.

use lore_privacy::release::release_id;
use lore_privacy::{Budget, NoiseSource};
use lore_protocol::charter::EpochRule;
use lore_protocol::ids::FederationId;
use lore_protocol::payload::{Mechanism, PayloadKind, Unit};

use crate::schedule::{schedule, scheduled, within};
use crate::{Engine, EngineError, Federation};

/// A release that is still to come in a federation's open period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The federation.
    pub federation: FederationId,
    /// Its name.
    pub name: String,
    /// What is released.
    pub kind: PayloadKind,
    /// The epoch in which it is due.
    pub epoch: u32,
    /// How many epochs away that is.
    pub epochs_ahead: u32,
    /// About when, in seconds since the Unix epoch; none where a founder ends epochs by hand.
    pub about_seconds: Option<u64>,
    /// The mechanism that the budget pays for; none without a budget.
    pub mechanism: Option<Mechanism>,
}

impl<N: NoiseSource> Engine<N> {
    /// Sets the owner's budget, and makes the releases that are due under it.
    ///
    /// # Errors
    /// When a charter or the ledger does not allow it, or the store fails.
    pub fn set_budget(&mut self, budget: Budget) -> Result<(), EngineError> {
        self.check_charters(&budget)?;
        self.ledger.set_budget(budget, self.clock.unix_seconds())?;
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
            if budget.rho_nano > terms.rho_nano || budget.delta_thr_e18 > terms.delta_e18 {
                return Err(EngineError::refused(
                    "over_ceiling",
                    format!(
                        "the charter of `{name}` has a ceiling of epsilon {} per unit and period \
                         (rho {}e-9, delta for thresholds {}e-18), and this budget is rho {}e-9 and \
                         delta {}e-18",
                        terms.epsilon_display,
                        terms.rho_nano,
                        terms.delta_e18,
                        budget.rho_nano,
                        budget.delta_thr_e18
                    ),
                )
                .help(format!(
                    "set at most `lore privacy set --epsilon {} --delta 0.000001`",
                    terms.epsilon_display
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
            for (index, at) in (0_u32..).zip(at).filter(|(_, at)| **at >= offset) {
                let release =
                    member.map(|member| release_id(found.id(), member, kind, period, index));
                let made = |id| self.ledger.releases().any(|(known, _)| known.release == id);
                if release.is_some_and(made) {
                    continue;
                }
                let ahead = at - offset;
                let seconds = match charter.epoch {
                    EpochRule::Hours(hours) => {
                        opened.map(|opened| opened + u64::from(ahead) * u64::from(hours) * 3600)
                    }
                    EpochRule::Rounds => None,
                };
                planned.push(Planned {
                    federation: found.id(),
                    name: charter.name.clone(),
                    kind,
                    epoch: open + ahead,
                    epochs_ahead: ahead,
                    about_seconds: seconds,
                    mechanism,
                });
            }
        }
        planned
    }
}

/// That a charter does not allow a unit of privacy, and which it allows.
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
