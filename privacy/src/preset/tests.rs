#![allow(clippy::unwrap_used)]
use super::*;

const MICRO_DELTA: u64 = 1_000_000_000_000;

fn preset(epsilon_micros: u64) -> Budget {
    Budget::new(Unit::User, epsilon_micros, MICRO_DELTA, 90).unwrap()
}

fn schedule(lessons: u32) -> Schedule {
    Schedule { lessons, ..Schedule::default() }
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

/// Whole people, each with 1, 2, 4, 9 or 16 lessons of their own in the window, by releases a period.
#[test]
fn the_reference_numbers_of_lessons_come_out() {
    let rows = [
        (1, 1_838, [14, 19, 27, 41, 54]),
        (2, 2_599, [20, 28, 39, 58, 77]),
        (4, 3_675, [28, 39, 55, 83, 110]),
    ];
    for (releases, sigma, people) in rows {
        let lessons = preset(4_000_000).plan(schedule(releases)).unwrap().lessons.unwrap();
        assert_eq!((lessons.l0, lessons.linf, lessons.l2_square), (32, 10_000, 100_000_000));
        assert_eq!((lessons.scale_micros + 5_000_000) / 10_000_000, sigma);
        assert_eq!([1, 2, 4, 9, 16].map(|keys| supporters_with(&lessons, keys)), people);
    }
}

#[test]
fn the_reference_numbers_of_outcomes_and_votes_come_out() {
    let plan = preset(4_000_000).plan(Schedule::default()).unwrap();
    let tenths = |mechanism: Mechanism| (mechanism.scale_micros + 50_000) / 100_000;
    assert_eq!(tenths(plan.outcomes.unwrap()), 174);
    assert_eq!(tenths(plan.votes.unwrap()), 237_237, "of one vote 2.4");
}

const COSTS: CostSchedule = CostSchedule { releases: 4, kinds: 2, bound: 50 };

/// Every unit, every epsilon, few and many releases: the schedule costs what the owner allowed and no
/// more, by the maps and by what every peer checks, and next to nothing is left.
#[test]
fn a_whole_schedule_fits_its_budget_and_leaves_next_to_nothing() {
    for unit in [Unit::User, Unit::Session, Unit::Personal] {
        for epsilon in [500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000] {
            for (lessons, votes, costs) in [(1, 12, None), (2, 1, None), (4, 2, Some(COSTS))] {
                let budget = Budget::new(unit, epsilon, MICRO_DELTA, 90).unwrap();
                let schedule = Schedule { lessons, votes, costs, ..Schedule::default() };
                let plan = budget.plan(schedule).unwrap();
                let kinds = [
                    (plan.lessons, lessons),
                    (plan.outcomes, schedule.outcomes),
                    (plan.votes, votes),
                    (plan.costs, costs.map_or(0, |costs| costs.releases)),
                ];
                let mut spent = crate::Cost::default();
                for (mechanism, releases) in kinds {
                    let Some(mechanism) = mechanism else { continue };
                    assert_eq!(mechanism.unit, unit);
                    mechanism::verify(&mechanism).unwrap();
                    assert!(u128::from(mechanism.rho_nano) >= mechanism.least_rho_nano());
                    let (rho_nano, delta_e18) = (mechanism.rho_nano, mechanism.delta_e18);
                    for _ in 0..releases {
                        spent = spent.plus(crate::Cost { rho_nano, delta_e18 });
                    }
                }
                assert!(budget.caps().admit("owner", crate::Cost::default(), spent).is_ok());
                assert!(budget.rho_nano - spent.rho_nano < budget.rho_nano / 1_000, "{unit:?}");
                let quote = crate::explain::quote(&budget, spent).unwrap();
                assert!(quote.epsilon <= epsilon as f64 / 1e6 && quote.delta <= 1e-6);
                assert_eq!(plan.lessons.is_none(), unit == Unit::Personal);
            }
        }
    }
}

#[test]
fn shares_are_the_presets_and_add_to_everything() {
    let all = |s: Shares| (s.lessons, s.outcomes, s.votes, s.costs);
    assert_eq!(all(Shares::of(Unit::User, false)), (50, 20, 30, 0));
    assert_eq!(all(Shares::of(Unit::Session, true)), (50, 15, 25, 10));
    assert_eq!(all(Shares::of(Unit::Personal, false)), (0, 40, 60, 0));
    for unit in [Unit::User, Unit::Session, Unit::Personal] {
        for costs in [false, true] {
            let (lessons, outcomes, votes, costs) = all(Shares::of(unit, costs));
            assert_eq!(lessons + outcomes + votes + costs, 100);
        }
    }
}

#[test]
fn a_persons_few_votes_have_laplace_noise_and_all_others_gaussian_noise_at_the_same_charge() {
    for (unit, votes, noise) in [
        (Unit::Personal, 1, Noise::Laplace),
        (Unit::Personal, FEW_VOTES, Noise::Laplace),
        (Unit::Personal, FEW_VOTES + 1, Noise::Gaussian),
        (Unit::User, 1, Noise::Gaussian),
        (Unit::Session, 12, Noise::Gaussian),
    ] {
        let mechanism = Budget::new(unit, 4_000_000, MICRO_DELTA, 90)
            .unwrap()
            .plan(Schedule { votes, ..Schedule::default() })
            .unwrap()
            .votes
            .unwrap();
        assert_eq!(mechanism.noise, noise);
        // b is l1 / sqrt(2 rho) and sigma l2 / sqrt(2 rho), in units of one unit's weight.
        let rho = mechanism.rho_nano as f64 / 1e9;
        let scale = mechanism.scale_micros as f64 / 1e6 / f64::from(mechanism.linf);
        let changed = f64::from(unit.cells_changed());
        let length = if noise == Noise::Laplace { changed } else { changed.sqrt() };
        assert!((scale * (2.0 * rho).sqrt() / length - 1.0).abs() < 1e-4);
    }
}

#[test]
fn replacing_a_person_costs_what_the_design_says() {
    // A vote: l1 = 2, b = 2 / epsilon. Outcomes: rho = L0 c^2 / sigma^2.
    let votes = mechanism::laplace(Unit::Personal, Bounds::cells(2, 1), 2_000_000).unwrap();
    assert_eq!(votes.rho_nano, 500_000_000);
    let outcomes = mechanism::gaussian(Unit::Personal, Bounds::cells(6, 1), 10_000_000, 0).unwrap();
    assert!((30_000_000..=30_000_001).contains(&outcomes.rho_nano), "{}", outcomes.rho_nano);
}

#[test]
fn a_small_epsilon_says_how_many_supporters_it_would_need() {
    let needed = preset(100_000).supporters_needed(schedule(1)).unwrap();
    assert!(needed > 400, "{needed}");
    let none = Schedule { lessons: 0, ..Schedule::default() };
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
