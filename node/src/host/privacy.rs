//! The owner's privacy settings, and what they come to.

use lore_control as control;
use lore_engine::{Federation, SecondCopy};
use lore_privacy::{Budget, Schedule, explain, preset};
use lore_protocol::payload::{PayloadKind, Unit, WEIGHT};

use super::Node;
use super::convert::{self, count};
use crate::error::CliError;

fn wanted(wanted: &control::PrivacySet, before: Option<Budget>) -> Result<Budget, CliError> {
    let unit = wanted.unit.map(convert::protected);
    let unit = unit.or_else(|| before.map(|budget| budget.unit)).unwrap_or(Unit::User);
    Ok(Budget::new(unit, wanted.epsilon_micros, wanted.delta_e18, wanted.period_days)?)
}

impl Node {
    /// The schedule that binds: the first federation's, else the default.
    fn schedule(&self) -> Schedule {
        let terms = self.engine.federations().values().next().map(|f| &f.log().charter().privacy);
        terms.map_or_else(Schedule::default, lore_engine::schedule)
    }

    pub(super) fn privacy_status(&self) -> Result<control::PrivacyStatus, CliError> {
        let status = explain::status(self.engine.ledger(), self.engine.now_seconds())?;
        let silent = self.engine.federations().keys().filter_map(|id| {
            let why = self.engine.silence(*id)?.to_string();
            Some(control::Silence { federation: control::FederationId::of(id), why })
        });
        Ok(control::PrivacyStatus {
            spending: convert::spending(&status),
            unit: self.engine.ledger().budget().map(|budget| convert::unit(budget.unit)),
            only_receives: silent.collect(),
            users: count(self.users()?),
            gate: self.gate_setting(),
            at_the_gate: count(self.engine.ledger().held()?.len()),
            deny_list_waiting: count(self.deny_list_waiting()?),
            due: self.next_of_each_kind(),
            problems: self.privacy_problems()?,
        })
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

    /// That another copy of this home is at work in a federation, and what to do.
    pub(super) fn second_copy_in(&self, found: &Federation) -> Result<Option<String>, CliError> {
        let name = &found.log().charter().name;
        Ok(match self.engine.second_copy()? {
            Some(SecondCopy::Fork(id)) if id == found.id() => Some(format!(
                "two copies of this home signed deltas of one height for `{name}`, which ends its \
                 membership at the next checkpoint: this node signs nothing any more, in any \
                 federation; stop the other copy, and join again with a new home"
            )),
            Some(SecondCopy::Ahead(id)) if id == found.id() => Some(format!(
                "members of `{name}` hold deltas of this node that this home did not sign: another copy \
                 is at work, or this home was put back to an earlier state; it signs nothing any more, \
                 in any federation; use the newest copy alone, or, if this is the only one, stop it, run \
                 `lore store backup DIR`, remove the home's `store` and run `lore store restore DIR`, \
                 after which it asks members first"
            )),
            _ => None,
        })
    }

    fn problems_in(&self, found: &Federation, budget: &Budget) -> Result<Vec<String>, CliError> {
        let charter = found.log().charter();
        let (terms, name) = (&charter.privacy, &charter.name);
        let mut problems = Vec::new();
        problems.extend(self.second_copy_in(found)?);
        if !terms.units.contains(&budget.unit) {
            problems.push(lore_engine::forbidden_unit(name, &terms.units));
            return Ok(problems);
        }
        problems.extend(self.too_few(found, budget)?);
        problems.extend(self.no_lessons_due(found, budget));
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
            Unit::Session => (self.conversation_count()?, "conversations"),
            Unit::Personal => (self.session_count()?, "sessions"),
        };
        Ok((units < needed).then(|| {
            format!(
                "a lesson of `{name}` needs about {needed} {what} that support it and this node has \
                 {units} in all: nothing is likely to be released; a larger epsilon or fewer releases \
                 need fewer"
            )
        }))
    }

    /// That this node released no lessons in the federation's open period and has no more time to, if so.
    fn no_lessons_due(&self, found: &Federation, budget: &Budget) -> Option<String> {
        let terms = &found.log().charter().privacy;
        let due = self.engine.planned().into_iter().any(|planned| {
            planned.federation == found.id() && planned.kind == PayloadKind::Lessons
        });
        let period = found.log().charter().period(found.log().open_epoch());
        let made = self.engine.ledger().releases().any(|(known, _)| {
            known.chain.federation == found.id()
                && known.kind == PayloadKind::Lessons
                && known.period == period
        });
        let scheduled = budget.unit != Unit::Personal && !terms.lessons_at.is_empty();
        (scheduled && !due && !made).then(|| {
            format!(
                "no lessons are released to `{}` any more in its open period of {} epochs",
                found.log().charter().name,
                terms.epochs_per_period
            )
        })
    }

    /// The same for every federation, for the answer to an import.
    pub(super) fn too_few_anywhere(&self) -> Result<Vec<String>, CliError> {
        let Some(budget) = self.engine.ledger().budget() else { return Ok(Vec::new()) };
        let each = self.engine.federations().values().map(|found| self.too_few(found, &budget));
        Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    pub(super) fn privacy_explain(&self) -> Result<control::Explanation, CliError> {
        let now = self.engine.now_seconds();
        let found = explain::explain(self.engine.ledger(), self.schedule(), now)?;
        let releases: Result<Vec<_>, CliError> =
            found.releases.iter().map(convert::past_release).collect();
        Ok(control::Explanation {
            status: convert::spending(&found.status),
            buys: found.buys.iter().map(convert::purchase).collect(),
            periods: found.periods.iter().map(convert::period_spend).collect(),
            releases: releases?,
            next: found.next.iter().map(convert::next_release).collect(),
            not_covered: found.not_covered.iter().map(ToString::to_string).collect(),
            due: self.planned(),
            problems: self.privacy_problems()?,
        })
    }

    /// Releases that are still to come, with their public times. A function of charters, checkpoints and
    /// the ledger.
    pub(super) fn planned(&self) -> Vec<control::DueRelease> {
        let shown = |planned: lore_engine::Planned| {
            let mechanism = planned.mechanism;
            control::DueRelease {
                federation: control::FederationId::of(planned.federation),
                name: planned.name,
                kind: convert::kind(planned.kind),
                epoch: planned.epoch,
                epochs_ahead: planned.epochs_ahead,
                about_seconds: planned.about_seconds,
                cost: mechanism.as_ref().map(convert::cost_of),
                formula: mechanism.as_ref().map(explain::formula),
                supporters_needed: mechanism
                    .filter(|m| m.threshold > 0)
                    .map(|m| preset::supporters_needed(&m)),
            }
        };
        self.engine.planned().into_iter().map(shown).collect()
    }

    /// The next release of each kind in each federation.
    fn next_of_each_kind(&self) -> Vec<control::DueRelease> {
        let mut next: Vec<control::DueRelease> = Vec::new();
        for due in self.planned() {
            if !next.iter().any(|one| one.federation == due.federation && one.kind == due.kind) {
                next.push(due);
            }
        }
        next
    }

    /// Preview of what a budget would buy, before it is set.
    pub(super) fn privacy_buys(
        &self,
        offer: &control::PrivacyBuys,
    ) -> Result<control::BudgetOffer, CliError> {
        let control::PrivacyBuys { epsilon_micros, delta_e18, period_days, unit } = *offer;
        let set = control::PrivacySet {
            epsilon_micros,
            delta_e18,
            period_days,
            unit,
            since_seconds: None,
        };
        let budget = wanted(&set, self.engine.ledger().budget())?;
        self.engine.check_charters(&budget)?;
        let buys = explain::buys(&budget, self.schedule())?;
        Ok(control::BudgetOffer {
            budget: convert::budget(&budget),
            buys: buys.iter().map(convert::purchase).collect(),
            shared: self.shared_lessons(&budget)?,
        })
    }

    /// How far the sessions here are from a release, for the owner's screen.
    fn shared_lessons(&self, budget: &Budget) -> Result<Option<control::SharedLessons>, CliError> {
        let Some((mechanism, support)) = self.engine.support(budget)? else { return Ok(None) };
        let found = support.expose_to_owner();
        let whole = |weight: u64| weight as f64 / f64::from(WEIGHT);
        Ok(Some(control::SharedLessons {
            private: true,
            units: found.units,
            lessons: found.lessons,
            most_shared_by: found.most_shared_by,
            most_support: whole(found.most),
            support_needed: whole(preset::weight_needed(&mechanism)),
            enough: found.enough,
        }))
    }

    pub(super) fn privacy_set(
        &mut self,
        set: &control::PrivacySet,
    ) -> Result<control::PrivacyStatus, CliError> {
        let before = self.engine.ledger().budget();
        // Asked when the owner decides and never when a release is due: a release that depended on the
        // number of users would tell whether there is a second one.
        if before.is_none() && set.unit.is_none() && self.users()? == 1 {
            return Err(CliError::refused(
                "one_user",
                "one person's sessions are here: a personal node only receives unless you say otherwise",
            )
            .help(
                "to send votes and outcomes (no lessons) that hide what the sessions hold, repeat with \
                 `--unit personal`; if more people will use this node, with `--unit user`",
            ));
        }
        let budget = wanted(set, before)?;
        self.refresh_settings();
        self.engine.set_budget_since(budget, set.since_seconds)?;
        self.privacy_status()
    }
}
