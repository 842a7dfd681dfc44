#![allow(clippy::unwrap_used)]
use super::*;

pub(super) struct Silent(std::time::Instant);

impl Silent {
    pub(super) fn new() -> Self {
        Self(std::time::Instant::now())
    }
}

impl Observer for Silent {
    fn seconds(&mut self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

/// A fifth of the samples of [`Depth::Default`], which `./x audit` takes, and so a control whose claim is
/// half of the truth. The planted defects are caught with as many.
const BRIEF: Effort = Effort { runs: 10_000, periods: 10_000, users: 60_000, control: 0.5 };

fn audit(name: &str) {
    let audit = one_with(name, BRIEF, &mut Silent::new()).unwrap();
    println!("{audit:?}");
    assert!(audit.passed, "{audit:?}");
    assert!(audit.control_caught, "the audit has too few samples to see anything: {audit:?}");
}

macro_rules! audits {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                audit(stringify!($name));
            }
        )*

        #[test]
        fn every_audit_is_run() {
            assert_eq!(NAMES, [$(stringify!($name)),*]);
            assert!(one("none", Depth::Default, &mut Silent::new()).is_err());
        }
    };
}

audits!(
    gaussian_sampler,
    laplace_sampler,
    singleton_release,
    outcomes_attack,
    costs_attack,
    lessons_attack,
    vote_attack,
    personal_vote_attack,
    period_attack
);

#[test]
fn the_ledger_lets_one_schedule_through_over_the_sessions_of_a_period() {
    let period = period::Period::new().unwrap();
    let seen = period.run(true, period::shipped).unwrap();
    // Rounding leaves a little of the budget, and no release fits into it.
    let cap = period.cap();
    assert!(seen.claim.rho <= cap.rho && seen.claim.rho > 0.99 * cap.rho);
    assert!(seen.claim.delta <= cap.delta && seen.claim.delta > 0.0);
}

#[test]
fn a_report_passes_only_when_every_claim_holds_and_every_control_was_caught() {
    let audit = |passed, control_caught| Audit {
        name: NAMES[0],
        quantity: "rho",
        claimed: 0.5,
        certified: 0.4,
        epsilon: None,
        samples: 7,
        seconds: 0.1,
        passed,
        control_caught,
    };
    let report = |last: (bool, bool)| {
        serde_json::to_value(Report::of(vec![audit(true, true), audit(last.0, last.1)])).unwrap()
    };
    assert_eq!(report((true, true))["passed"], true);
    assert_eq!(report((false, true))["passed"], false);
    assert_eq!(report((true, false))["passed"], false);
    let shown = report((true, true));
    let fields = shown["audits"][0].as_object().unwrap();
    for field in ["name", "claimed", "certified", "samples", "seconds", "passed", "control_caught"]
    {
        assert!(fields.contains_key(field), "{field}");
    }
}
