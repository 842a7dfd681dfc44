//! The owner's privacy settings, and what they come to.

use lore_privacy::{Budget, Schedule, explain, preset};
use lore_protocol::payload::Unit;
use serde::Deserialize;
use serde_json::{Value, json};

use lore_engine::Federation;

use super::Node;
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

impl Node {
    /// The schedule that binds: the first federation's, else the default.
    fn schedule(&self) -> Schedule {
        let terms = self.engine.federations().values().next().map(|f| &f.log().charter().privacy);
        terms.map_or_else(Schedule::default, lore_engine::schedule)
    }

    pub(super) fn privacy_status(&self) -> Result<Value, CliError> {
        let status = explain::status(self.engine.ledger(), self.engine.now_seconds())?;
        let mut value = json!(status);
        if let Some(fields) = value.as_object_mut() {
            let silent: Vec<Value> = self
                .engine
                .federations()
                .keys()
                .filter_map(|id| {
                    Some(json!({ "federation": id, "why": self.engine.silence(*id)? }))
                })
                .collect();
            fields.insert(
                "unit".into(),
                json!(self.engine.ledger().budget().map(|budget| budget.unit)),
            );
            fields.insert("only_receives".into(), json!(silent));
            fields.insert("users".into(), json!(self.users()?));
            fields.insert("gate".into(), self.gate_setting());
            fields.insert("at_the_gate".into(), json!(self.engine.ledger().held()?.len()));
            fields.insert("deny_list_waiting".into(), json!(self.deny_list_waiting()?));
            fields.insert("problems".into(), json!(self.privacy_problems()?));
        }
        Ok(value)
    }

    /// Why nothing, or nothing useful, would be released, in sentences that say what to do.
    fn privacy_problems(&self) -> Result<Vec<String>, CliError> {
        let mut problems = Vec::new();
        let Some(budget) = self.engine.ledger().budget() else { return Ok(problems) };
        if self.engine.now_seconds() / budget.period_seconds()
            < self.engine.ledger().latest_seconds() / budget.period_seconds()
        {
            problems.push(
                "the clock is in an earlier period than the ledger: set it right; nothing is \
                 released until then"
                    .into(),
            );
        }
        if self.store.recovery()?.is_some() {
            problems.push(
                "the store was repaired or restored: nothing is released until peers were asked"
                    .into(),
            );
        }
        if self.engine.ledger().has_failed() {
            problems.push(
                "a write to the privacy ledger failed, as on a full disk: nothing is released until \
                 there is room; then restart the node"
                    .into(),
            );
        }
        for found in self.engine.federations().values() {
            problems.extend(self.problems_in(found, &budget)?);
        }
        Ok(problems)
    }

    fn problems_in(&self, found: &Federation, budget: &Budget) -> Result<Vec<String>, CliError> {
        let charter = found.log().charter();
        let (terms, name) = (&charter.privacy, &charter.name);
        let mut problems = Vec::new();
        if self.engine.ledger_is_behind(found.id())? {
            problems.push(format!(
                "`{name}` knows more of this node's releases than its own ledger: this home is an \
                 old copy; use the original, or join anew with a new home"
            ));
        }
        if !terms.units.contains(&budget.unit) {
            problems.push(lore_engine::forbidden_unit(name, &terms.units));
            return Ok(problems);
        }
        problems.extend(self.too_few(found, budget)?);
        Ok(problems)
    }

    /// That this node has fewer units than a lesson needs, if that is so.
    fn too_few(&self, found: &Federation, budget: &Budget) -> Result<Option<String>, CliError> {
        let charter = found.log().charter();
        let (terms, name) = (&charter.privacy, &charter.name);
        let plan = lore_engine::within(budget, terms).plan(lore_engine::schedule(terms));
        let Ok(Some(lessons)) = plan.map(|plan| plan.lessons) else { return Ok(None) };
        let needed = u64::from(preset::supporters_needed(&lessons));
        let (units, what) = match budget.unit {
            Unit::User => (self.users()? as u64, "users"),
            Unit::Session | Unit::Personal => (self.session_count()?, "sessions"),
        };
        Ok((units < needed).then(|| {
            format!(
                "a lesson of `{name}` needs about {needed} {what} that support it and this node has \
                 {units} in all: nothing is likely to be released; a larger epsilon or fewer releases \
                 need fewer"
            )
        }))
    }

    /// The same for every federation, for whoever brings in sessions.
    pub(super) fn too_few_anywhere(&self) -> Result<Vec<String>, CliError> {
        let Some(budget) = self.engine.ledger().budget() else { return Ok(Vec::new()) };
        let each = self.engine.federations().values().map(|found| self.too_few(found, &budget));
        Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    pub(super) fn privacy_explain(&self) -> Result<Value, CliError> {
        let mut value = json!(explain::explain(
            self.engine.ledger(),
            self.schedule(),
            self.engine.now_seconds()
        )?);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("due".into(), json!(self.planned()));
            fields.insert("problems".into(), json!(self.privacy_problems()?));
        }
        Ok(value)
    }

    /// Releases that are still to come, with their public times. A function of charters, checkpoints and
    /// the ledger.
    pub(super) fn planned(&self) -> Vec<Value> {
        let shown = |planned: lore_engine::Planned| {
            let mechanism = planned.mechanism;
            json!({
                "federation": planned.federation,
                "name": planned.name,
                "kind": planned.kind,
                "epoch": planned.epoch,
                "epochs_ahead": planned.epochs_ahead,
                "about_seconds": planned.about_seconds,
                "cost": mechanism.map(|m| json!({
                    "rho_nano": m.rho_nano, "delta_e18": m.delta_e18,
                })),
                "formula": mechanism.map(|m| explain::formula(&m)),
                "supporters_needed": mechanism
                    .filter(|m| m.threshold > 0)
                    .map(|m| preset::supporters_needed(&m)),
            })
        };
        self.engine.planned().into_iter().map(shown).collect()
    }

    /// What a budget would buy, before it is set.
    pub(super) fn privacy_buys(&self, wanted: &Wanted) -> Result<Value, CliError> {
        let budget = wanted.budget(self.engine.ledger().budget())?;
        self.engine.check_charters(&budget)?;
        Ok(json!({ "budget": budget, "buys": explain::buys(&budget, self.schedule())? }))
    }

    pub(super) fn privacy_set(&mut self, wanted: &Wanted) -> Result<Value, CliError> {
        let before = self.engine.ledger().budget();
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
        self.refresh_gate();
        self.engine.set_budget(budget)?;
        self.privacy_status()
    }
}
