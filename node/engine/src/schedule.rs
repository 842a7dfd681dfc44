//! Schedule that a charter and an owner's budget come to.

use lore_privacy::{Budget, CostSchedule, Plan, Schedule};
use lore_protocol::charter::PrivacyTerms;
use lore_protocol::payload::{Mechanism, PayloadKind, Window};

/// Releases that a charter schedules: kinds, epochs of a period, and the mechanism that a plan has for each.
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
        keys_per_unit: terms.keys_per_unit,
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

/// The first window that begins at `from` or later, ends at `moment` or with the wall-clock period that it
/// lies in, and is at least `least` seconds long. Half-open, in seconds since the Unix epoch. Windows of one
/// kind do not overlap, so that a session imported after the window of its start closed feeds nothing; what
/// lies more than one period back feeds nothing either.
pub(crate) fn next_window(
    from: u64,
    least: u64,
    period_seconds: u64,
    moment: u64,
) -> Option<Window> {
    let this_period = moment.saturating_sub(1) / period_seconds * period_seconds;
    let start = earliest_start(from, period_seconds, moment);
    let window = |start_seconds: u64, end_seconds: u64| {
        let length = end_seconds.saturating_sub(start_seconds);
        (length > 0 && length >= least).then_some(Window { start_seconds, end_seconds })
    };
    if start < this_period {
        return window(start, this_period).or_else(|| window(this_period, moment));
    }
    window(start, moment)
}

/// The earliest start of a window of [`next_window`].
pub(crate) fn earliest_start(from: u64, period_seconds: u64, moment: u64) -> u64 {
    let this_period = moment.saturating_sub(1) / period_seconds * period_seconds;
    // Of an older period only what was not released yet: without an earlier release there is none.
    let earliest = if from == 0 { this_period } else { this_period.saturating_sub(period_seconds) };
    from.max(earliest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: u64, moment: u64) -> Option<(u64, u64)> {
        next_window(from, 10, 1_000, moment).map(|w| (w.start_seconds, w.end_seconds))
    }

    #[test]
    fn windows_of_one_kind_meet_and_never_overlap() {
        assert_eq!(window(0, 5_300), Some((5_000, 5_300)));
        assert_eq!(window(5_300, 5_700), Some((5_300, 5_700)));
        assert_eq!(window(5_700, 5_700), None);
        assert_eq!(window(5_700, 5_709), None, "it had no time to fill");
        // A clock that went back opens no window over sessions that were counted.
        assert_eq!(window(5_700, 5_400), None);
    }

    #[test]
    fn a_window_lies_in_one_period_and_the_rest_of_the_old_one_comes_first() {
        assert_eq!(window(5_700, 6_100), Some((5_700, 6_000)));
        assert_eq!(window(6_000, 6_100), Some((6_000, 6_100)));
        assert_eq!(window(5_995, 6_100), Some((6_000, 6_100)), "too little of the old one is left");
        assert_eq!(window(5_700, 6_000), Some((5_700, 6_000)));
        // A node that was away for long does not go back further than one period.
        assert_eq!(window(1_200, 6_100), Some((5_000, 6_000)));
    }
}
