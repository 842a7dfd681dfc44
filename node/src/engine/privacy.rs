//! The owner's privacy settings, and what they come to.

use lore_privacy::{Budget, Schedule, explain};
use lore_protocol::payload::Unit;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Engine, now_seconds};
use crate::error::CliError;

/// A budget as its owner asks for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Epsilon per period, in millionths.
    pub epsilon_micros: u64,
    /// Delta per period, in 1e-18.
    pub delta_e18: u64,
    /// Length of a period, in days.
    pub period_days: u32,
    /// What is protected; none: what was before, or else users.
    #[serde(default)]
    pub unit: Option<Unit>,
}

impl Wanted {
    fn budget(&self, before: Option<Budget>) -> Result<Budget, CliError> {
        let unit = self.unit.or_else(|| before.map(|budget| budget.unit)).unwrap_or(Unit::User);
        Ok(Budget::new(unit, self.epsilon_micros, self.delta_e18, self.period_days)?)
    }
}

impl Engine {
    /// The schedule that binds: the first federation's, else the default.
    fn schedule(&self) -> Schedule {
        let terms = self.federations.values().next().map(|f| &f.log.charter().privacy);
        terms.map_or_else(Schedule::default, super::release::schedule)
    }

    pub(super) fn privacy_status(&self) -> Result<Value, CliError> {
        let status = explain::status(&self.ledger, now_seconds())?;
        let mut value = json!(status);
        if let Some(fields) = value.as_object_mut() {
            let silent: Vec<Value> = self
                .federations
                .keys()
                .filter_map(|id| Some(json!({ "federation": id, "why": self.silence(*id)? })))
                .collect();
            fields.insert("unit".into(), json!(self.ledger.budget().map(|budget| budget.unit)));
            fields.insert("only_receives".into(), json!(silent));
            fields.insert("users".into(), json!(self.users()?));
        }
        Ok(value)
    }

    pub(super) fn privacy_explain(&self) -> Result<Value, CliError> {
        Ok(json!(explain::explain(&self.ledger, self.schedule(), now_seconds())?))
    }

    /// What a budget would buy, before it is set.
    pub(super) fn privacy_preview(&self, wanted: &Wanted) -> Result<Value, CliError> {
        let budget = wanted.budget(self.ledger.budget())?;
        Ok(json!({ "budget": budget, "buys": explain::buys(&budget, self.schedule())? }))
    }

    pub(super) fn privacy_set(&mut self, wanted: &Wanted) -> Result<Value, CliError> {
        let before = self.ledger.budget();
        // Asked when the owner decides and never when a release is due: a release that depended on the
        // number of users would tell whether there is a second one.
        if before.is_none() && wanted.unit.is_none() && self.users()? == 1 {
            return Err(CliError::refused(
                "one_user",
                "one person's sessions are here: a personal node only receives unless you say otherwise",
            )
            .help(
                "to send votes and outcomes (no lessons) that hide what the sessions hold, repeat with \
                 `--unit personal`; if more people will use this node, with `--unit user`",
            ));
        }
        let budget = wanted.budget(before)?;
        for found in self.federations.values() {
            let terms = &found.log.charter().privacy;
            if budget.rho_nano > terms.rho_nano {
                tracing::info!(
                    federation = %found.id().short(),
                    ceiling = %terms.epsilon_display,
                    "the charter's ceiling is lower than this budget and binds"
                );
            }
        }
        self.ledger.set_budget(budget, now_seconds())?;
        self.refused.clear();
        self.settle()?;
        self.privacy_status()
    }
}
