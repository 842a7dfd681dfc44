//! The numbers behind `lore privacy status`, `set` and `explain`, as values to print or serialise.
//!
//! Everything here is computed from the ledger's public side: budgets, parameters and costs. Nothing is
//! read from sessions, so that showing it tells nothing about them.

use lore_protocol::ids::Hash;
use lore_protocol::payload::{Mechanism, Noise, PayloadKind, Unit, WEIGHT};

use crate::ledger::{Ledger, LedgerStore};
use crate::preset::{Budget, Schedule, epsilon_micros, supporters_needed};
use crate::{Caps, Cost, PrivacyError, utility};

/// Limits of the guarantee, in sentences to print.
pub const NOT_COVERED: &[&str] = &[
    "facts that many users of this node share pass the threshold by design",
    "that this node takes part, when it fetches, and how many members know it",
    "what a model provider or a tool sees while a session runs, or when its owner lets a model read it",
    "one person behind several accounts or several nodes, and users who influence each other elsewhere",
    "side channels of this machine, and a release whose work takes longer than the charter's delay, with those that wait for it",
    "texts and decisions that a person publishes on purpose: what is kept or dropped at the gate, and \
     the voids that a refusal causes",
    "a program that runs under the account of this node: it can do all that the node can",
    "whether a peer really drew the noise it declares",
    "a clock that is set forward: windows and periods end early; and a home that is put back to an \
     earlier state in place",
    "what redaction does not recognise: it is no part of the guarantee",
];

/// A cost with the epsilon and delta that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Quote {
    /// Rho, in 1e-9.
    pub rho_nano: u64,
    /// Delta of thresholds, in 1e-18.
    pub delta_thr_e18: u64,
    /// Epsilon of rho at the budget's `delta_conv`, rounded up to 1e-6.
    pub epsilon: f64,
    /// `delta_conv` and the delta of thresholds together.
    pub delta: f64,
}

/// Spent and left.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Status {
    /// The owner's budget; none means that nothing is released.
    pub budget: Option<Budget>,
    /// First second of the wall-clock period.
    pub period_start_seconds: u64,
    /// First second after it.
    pub period_end_seconds: u64,
    /// Spent in it, over all federations.
    pub spent: Option<Quote>,
    /// Left in it.
    pub left: Option<Caps>,
    /// Spent ever: rho and delta added over all periods, then converted once.
    pub lifetime: Option<Quote>,
    /// Releases that wait for a commit, voids that are due, and bytes not yet handed to the network.
    pub pending: usize,
}

/// Releases of one kind that a budget buys.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Purchase {
    /// The kind.
    pub kind: PayloadKind,
    /// Number in a period.
    pub releases: u32,
    /// With the cost of one.
    pub mechanism: Mechanism,
    /// Standard deviation of the noise on one count; of lessons and votes in whole units, what one weighs that
    /// speaks for nothing else.
    pub sigma: f64,
    /// The cost of one, as a formula with its numbers.
    pub formula: String,
    /// For thresholded releases: units that must support a key for a 95 % chance.
    pub supporters_needed: Option<u32>,
    /// For outcomes: standard error of a success rate of 0.6 from 30 sessions a node over 20 nodes.
    pub rate_standard_error: Option<f64>,
}

/// Spend in one wall-clock period of the budget's length.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct PeriodSpend {
    /// First second of the period.
    pub start_seconds: u64,
    /// First second after it.
    pub end_seconds: u64,
    /// Spent in it, over all federations.
    pub spent: Quote,
}

/// One release of the past.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Line {
    /// The release.
    pub release: Hash,
    /// The kind.
    pub kind: PayloadKind,
    /// The charter's period.
    pub period: u32,
    /// Reserved, sampled, voided or committed.
    pub state: &'static str,
    /// Wall-clock time at which it was paid for, in seconds since the Unix epoch.
    pub at_seconds: u64,
    /// Its cost.
    pub cost: Cost,
    /// The same as a formula with its numbers.
    pub formula: String,
}

/// Effect of one more release.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Next {
    /// The kind.
    pub kind: PayloadKind,
    /// Its cost.
    pub cost: Cost,
    /// For thresholded releases: units that must support a key for a 95 % chance.
    pub supporters_needed: Option<u32>,
    /// True when the budget still admits it.
    pub fits: bool,
    /// Spent after it, if it fits.
    pub spent_after: Option<Quote>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Explanation {
    /// Spent and left.
    pub status: Status,
    /// Releases that the budget buys under the schedule.
    pub buys: Vec<Purchase>,
    /// Spent in every period so far.
    pub periods: Vec<PeriodSpend>,
    /// Every release so far.
    pub releases: Vec<Line>,
    /// Effect of one more of each kind.
    pub next: Vec<Next>,
    /// Limits of the guarantee.
    pub not_covered: &'static [&'static str],
}

/// Spent and left around `now_seconds`.
///
/// # Errors
/// Fails when a conversion fails.
pub fn status<S: LedgerStore>(
    ledger: &Ledger<S>,
    now_seconds: u64,
) -> Result<Status, PrivacyError> {
    let budget = ledger.budget();
    let seconds = budget.map_or(1, |budget| budget.period_seconds());
    let start = now_seconds / seconds * seconds;
    let spent = ledger.node_spend(now_seconds);
    let quoted = |cost| budget.map(|budget| quote(&budget, cost)).transpose();
    Ok(Status {
        budget,
        period_start_seconds: start,
        period_end_seconds: start.saturating_add(seconds),
        spent: quoted(spent)?,
        left: budget.map(|budget| budget.caps().left(spent)),
        lifetime: quoted(ledger.lifetime())?,
        pending: ledger.pending().len(),
    })
}

/// Lists what a budget buys: printed by `lore privacy set` before it asks.
///
/// # Errors
/// Fails when the budget is too small for the schedule.
pub fn buys(budget: &Budget, schedule: Schedule) -> Result<Vec<Purchase>, PrivacyError> {
    let plan = budget.plan(schedule)?;
    let kinds = [
        (PayloadKind::Lessons, schedule.lessons, plan.lessons),
        (PayloadKind::Outcomes, schedule.outcomes, plan.outcomes),
        (PayloadKind::Votes, schedule.votes, plan.votes),
        (PayloadKind::Costs, schedule.costs.map_or(0, |costs| costs.releases), plan.costs),
    ];
    let purchases = kinds.into_iter().filter_map(|(kind, releases, mechanism)| {
        let mechanism = mechanism?;
        // Keys and candidates share a weight: in whole units it says more.
        let shares = matches!(kind, PayloadKind::Lessons | PayloadKind::Votes);
        let one = if shares { f64::from(WEIGHT) } else { 1.0 };
        let sigma = mechanism.deviation_micros() as f64 / 1e6 / one;
        Some(Purchase {
            kind,
            releases,
            mechanism,
            sigma,
            formula: formula(&mechanism),
            supporters_needed: (mechanism.threshold > 0).then(|| supporters_needed(&mechanism)),
            rate_standard_error: (kind == PayloadKind::Outcomes)
                .then(|| utility::rate_standard_error(sigma, 20, 30, 0.6)),
        })
    });
    Ok(purchases.collect())
}

/// Everything that `lore privacy explain` shows.
///
/// # Errors
/// Fails when the budget is too small for the schedule, or a conversion fails.
pub fn explain<S: LedgerStore>(
    ledger: &Ledger<S>,
    schedule: Schedule,
    now_seconds: u64,
) -> Result<Explanation, PrivacyError> {
    let budget = ledger.budget();
    let buys = match &budget {
        Some(budget) => buys(budget, schedule)?,
        None => Vec::new(),
    };
    let mut next = Vec::new();
    if let Some(budget) = &budget {
        let spent = ledger.node_spend(now_seconds);
        for purchase in &buys {
            let cost = Cost {
                rho_nano: purchase.mechanism.rho_nano,
                delta_e18: purchase.mechanism.delta_e18,
            };
            let after = budget.caps().admit("owner's budget", spent, cost).ok();
            next.push(Next {
                kind: purchase.kind,
                cost,
                supporters_needed: purchase.supporters_needed,
                fits: after.is_some(),
                spent_after: after.map(|sums| quote(budget, sums)).transpose()?,
            });
        }
    }
    let mut periods = Vec::new();
    if let Some(budget) = &budget {
        for (start_seconds, cost) in ledger.node_periods() {
            let end_seconds = start_seconds.saturating_add(budget.period_seconds());
            periods.push(PeriodSpend { start_seconds, end_seconds, spent: quote(budget, cost)? });
        }
    }
    let releases = ledger.releases().map(|(reservation, state)| Line {
        release: reservation.release,
        kind: reservation.kind,
        period: reservation.period,
        state,
        at_seconds: reservation.at_seconds,
        cost: reservation.cost(),
        formula: formula(&reservation.mechanism),
    });
    Ok(Explanation {
        status: status(ledger, now_seconds)?,
        buys,
        periods,
        releases: releases.collect(),
        next,
        not_covered: NOT_COVERED,
    })
}

/// A cost as (epsilon, delta) at the budget's split.
///
/// # Errors
/// Fails when the conversion fails.
pub fn quote(budget: &Budget, cost: Cost) -> Result<Quote, PrivacyError> {
    let epsilon = epsilon_micros(cost.rho_nano, budget.delta_conv_e18)?;
    // A node that spent nothing has revealed nothing: no delta is due either.
    let conversion = if cost.rho_nano == 0 { 0 } else { budget.delta_conv_e18 };
    Ok(Quote {
        rho_nano: cost.rho_nano,
        delta_thr_e18: cost.delta_e18,
        epsilon: epsilon as f64 / 1e6,
        delta: conversion.saturating_add(cost.delta_e18) as f64 / 1e18,
    })
}

/// The cost of a mechanism with its numbers filled in.
#[must_use]
pub fn formula(mechanism: &Mechanism) -> String {
    let Mechanism { l0, linf, l2_square, .. } = mechanism;
    let scale = mechanism.scale_micros as f64 / 1e6;
    let rho = mechanism.rho_nano as f64 / 1e9;
    let unit = match mechanism.unit {
        Unit::User => "user",
        Unit::Session => "session",
        Unit::Personal => "person replaced",
    };
    let cells = match mechanism.noise {
        Noise::Gaussian => format!(
            "per {unit}: rho = l2^2 / (2 * sigma^2) = {l2_square} / (2 * {scale}^2) = {rho}"
        ),
        Noise::Laplace => format!(
            "per {unit}: epsilon = l0 * linf / b = {l0} * {linf} / {scale}, \
             rho = epsilon^2 / 2 = {rho}"
        ),
    };
    if mechanism.threshold == 0 {
        return cells;
    }
    let delta = mechanism.delta_e18 as f64 / 1e18;
    let threshold = mechanism.threshold;
    format!(
        "{cells}; delta = the largest of 1 - (1 - P[noise >= {threshold} - w])^k for k = 1 to {l0} keys of \
         weight w = min({linf}, sqrt({l2_square} / k)), charged as {delta:.3e}"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::MemoryStore;

    fn budget() -> Budget {
        Budget::new(Unit::User, 4_000_000, 1_000_000_000_000, 90).unwrap()
    }

    #[test]
    fn what_is_not_covered_is_as_long_as_the_list_of_the_statement() {
        let statement = include_str!("../../PRIVACY.md");
        let section = statement.split("## Not covered").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let items = section.lines().filter(|line| line.starts_with("- ")).count();
        assert_eq!(items, NOT_COVERED.len());
    }

    #[test]
    fn without_a_budget_there_is_nothing_spent_and_nothing_bought() {
        let ledger = Ledger::open(MemoryStore::default()).unwrap();
        let explained = explain(&ledger, Schedule::default(), 5).unwrap();
        assert!(explained.status.budget.is_none() && explained.status.left.is_none());
        assert!(explained.buys.is_empty() && explained.next.is_empty());
    }

    #[test]
    fn a_fresh_budget_shows_what_it_buys_and_what_the_first_release_would_cost() {
        let mut ledger = Ledger::open(MemoryStore::default()).unwrap();
        ledger.set_budget(budget(), 0).unwrap();
        let explained = explain(&ledger, Schedule::default(), 5).unwrap();
        let spent = explained.status.spent.unwrap();
        assert_eq!((spent.rho_nano, spent.epsilon, spent.delta), (0, 0.0, 0.0));
        assert_eq!(explained.status.left, Some(budget().caps()));
        assert_eq!(explained.buys[0].supporters_needed, Some(14));
        assert!(explained.buys[1].rate_standard_error.unwrap() > 0.02);
        assert!(explained.next.iter().all(|next| next.fits));
        let after = explained.next[0].spent_after.unwrap();
        assert!(after.epsilon > 2.0 && after.epsilon < 4.0, "{}", after.epsilon);
        assert!(after.delta <= 1e-6);
    }

    #[test]
    fn the_formula_names_its_numbers() {
        let plan = budget().plan(Schedule::default()).unwrap();
        let text = formula(&plan.lessons.unwrap());
        assert!(
            text.starts_with("per user: rho = l2^2 / (2 * sigma^2) = 100000000 / (2 * 18376"),
            "{text}"
        );
        assert!(text.contains("k = 1 to 32 keys"), "{text}");
    }

    #[test]
    fn the_whole_schedule_quotes_no_more_than_the_owner_allowed() {
        let all = Cost { rho_nano: budget().rho_nano, delta_e18: budget().delta_thr_e18 };
        let quoted = quote(&budget(), all).unwrap();
        assert!(quoted.epsilon <= 4.0 && quoted.delta <= 1e-6);
        assert!(quoted.epsilon > 3.999);
    }

    #[test]
    fn an_explanation_serialises() {
        let ledger = Ledger::open(MemoryStore::default()).unwrap();
        let explained = explain(&ledger, Schedule::default(), 5).unwrap();
        let json = serde_json::to_value(&explained).unwrap();
        assert!(json["status"]["budget"].is_null());
        assert!(json["not_covered"].as_array().is_some_and(|all| all.len() > 5));
    }
}
