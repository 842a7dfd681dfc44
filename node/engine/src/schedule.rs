//! What a charter's schedule and an owner's budget come to.

use lore_privacy::{Budget, CostSchedule, Plan, Schedule};
use lore_protocol::charter::PrivacyTerms;
use lore_protocol::payload::{Mechanism, PayloadKind};

/// What a charter schedules: kinds, epochs of a period, and the mechanism that a plan has for each.
pub(crate) fn scheduled(
    terms: &PrivacyTerms,
    plan: Option<Plan>,
) -> [(PayloadKind, &[u32], Option<Mechanism>); 4] {
    let costs_at = terms.costs.as_ref().map_or(&[][..], |costs| &costs.at);
    let of = |pick: fn(Plan) -> Option<Mechanism>| plan.and_then(pick);
    [
        (PayloadKind::Lessons, &terms.lessons_at, of(|plan| plan.lessons)),
        (PayloadKind::Outcomes, &terms.outcomes_at, of(|plan| plan.outcomes)),
        (PayloadKind::Votes, &terms.votes_at, of(|plan| plan.votes)),
        (PayloadKind::Costs, costs_at, of(|plan| plan.costs)),
    ]
}

/// The release schedule that a charter fixes.
#[must_use]
pub fn schedule(terms: &PrivacyTerms) -> Schedule {
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
#[must_use]
pub fn within(budget: &Budget, terms: &PrivacyTerms) -> Budget {
    Budget {
        rho_nano: budget.rho_nano.min(terms.rho_nano),
        delta_thr_e18: budget.delta_thr_e18.min(terms.delta_e18),
        ..*budget
    }
}
