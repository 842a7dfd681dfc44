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

fn audit(name: &str) {
    let audit = one(name, Depth::Default, &mut Silent::new()).unwrap();
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
    lessons_attack,
    vote_attack,
    personal_vote_attack
);
