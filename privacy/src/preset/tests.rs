#![allow(clippy::unwrap_used)]
use super::*;
use crate::utility::{supporters_for, upper_tail};

const MICRO_DELTA: u64 = 1_000_000_000_000;

fn preset(epsilon_micros: u64) -> Budget {
    Budget::new(Unit::User, epsilon_micros, MICRO_DELTA, 90).unwrap()
}

fn schedule(lessons: u32) -> Schedule {
    Schedule {
        lessons,
        ..Schedule::default()
    }
}

#[test]
fn epsilon_4_at_delta_1e_6_split_in_half_is_rho_29613() {
    let budget = preset(4_000_000);
    assert_eq!(budget.delta_conv_e18, MICRO_DELTA / 2);
    assert_eq!(budget.delta_thr_e18, MICRO_DELTA / 2);
    assert_eq!(budget.rho_nano / 10_000, 29_613);
}

#[test]
fn converting_back_never_shows_more_than_the_owner_allowed() {
    for epsilon in [100_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000] {
        let budget = preset(epsilon);
        let back = epsilon_micros(budget.rho_nano, budget.delta_conv_e18).unwrap();
        assert!(back <= epsilon, "{back} for {epsilon}");
        let more = epsilon_micros(budget.rho_nano + 10, budget.delta_conv_e18).unwrap();
        assert!(more >= epsilon, "rho of {epsilon} is not the largest");
    }
}

/// Least threshold when the exact tail of the discrete Gaussian is charged for l0 keys: what opendp's
/// map, which bounds it by the continuous tail, is compared with.
fn exact_threshold(l0: i32, scale_micros: u64, delta: f64) -> u32 {
    (2..1_000)
        .find(|t| 1.0 - (1.0 - upper_tail(scale_micros, i64::from(*t) - 1)).powi(l0) <= delta)
        .unwrap()
}

#[test]
fn the_reference_numbers_of_lessons_come_out() {
    // releases, sigma in 1e-2 rounded, (threshold, supporters) by the exact tail, and as charged
    let rows = [
        (1, 318, (18, 23), (19, 24)),
        (2, 450, (26, 33), (26, 33)),
        (4, 637, (36, 46), (37, 47)),
    ];
    for (releases, sigma, exact, charged) in rows {
        let lessons = preset(4_000_000)
            .plan(schedule(releases))
            .unwrap()
            .lessons
            .unwrap();
        assert_eq!((lessons.l0, lessons.linf), (3, 1));
        assert_eq!((lessons.scale_micros + 5_000) / 10_000, sigma);
        let delta = 5e-7 / f64::from(releases);
        let threshold = exact_threshold(3, lessons.scale_micros, delta);
        let needed = supporters_for(SURE, lessons.scale_micros, threshold);
        assert_eq!((threshold, needed), exact, "exact, {releases} releases");
        assert_eq!(
            (lessons.threshold, supporters_needed(&lessons)),
            charged,
            "charged, {releases} releases"
        );
    }
}

#[test]
fn the_reference_numbers_of_outcomes_and_votes_come_out() {
    let plan = preset(4_000_000).plan(Schedule::default()).unwrap();
    let tenths = |mechanism: Mechanism| (mechanism.scale_micros + 50_000) / 100_000;
    assert_eq!(tenths(plan.outcomes.unwrap()), 142);
    assert_eq!(tenths(plan.votes.unwrap()), 101);
}

#[test]
fn a_whole_schedule_fits_its_budget_and_leaves_next_to_nothing() {
    for (epsilon, lessons) in [(500_000, 1), (1_000_000, 2), (4_000_000, 1), (8_000_000, 4)] {
        let budget = preset(epsilon);
        let schedule = schedule(lessons);
        let plan = budget.plan(schedule).unwrap();
        let of = |mechanism: Option<Mechanism>, releases: u32| {
            mechanism.map_or(0, |m| m.rho_nano * u64::from(releases))
        };
        let spent = of(plan.lessons, schedule.lessons)
            + of(plan.outcomes, schedule.outcomes)
            + of(plan.votes, schedule.votes);
        assert!(spent <= budget.rho_nano);
        assert!(budget.rho_nano - spent < budget.rho_nano / 1_000);
        let delta = plan.lessons.unwrap().delta_e18 * u64::from(lessons);
        assert!(delta <= budget.delta_thr_e18);
    }
}

#[test]
fn a_small_epsilon_says_how_many_supporters_it_would_need() {
    let needed = preset(100_000).supporters_needed(schedule(1)).unwrap();
    assert!(needed > 500, "{needed}");
    let none = Schedule {
        lessons: 0,
        outcomes: 1,
        votes: 1,
    };
    assert!(preset(100_000).supporters_needed(none).is_err());
}

#[test]
fn impossible_budgets_are_refused() {
    for (epsilon, delta, days) in [
        (0, MICRO_DELTA, 90),
        (20_000_001, MICRO_DELTA, 90),
        (4_000_000, 0, 90),
        (4_000_000, 1_000_000_000_000_001, 90),
        (4_000_000, MICRO_DELTA, 0),
    ] {
        assert!(Budget::new(Unit::User, epsilon, delta, days).is_err());
    }
}
