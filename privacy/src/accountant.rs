//! Spend and budget: sums of integers against caps.
//!
//! The filter for approximate zero-concentrated DP of Whitehouse, Ramdas, Rogers and Wu (2023,
//! "Fully-Adaptive Composition in Differential Privacy", Theorem 1 in its zCDP form): releases chosen
//! adaptively, with costs chosen adaptively, satisfy the caps as long as every release is admitted only
//! when the sums including it stay within them. Rho is counted in 1e-9 and delta in 1e-18, each release
//! rounded up, so that no sum of roundings is ever below the truth.

pub use lore_protocol::delta::Spend;

use crate::PrivacyError;
use lore_protocol::codec::{Decode, Encode};

/// Cost of one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, serde::Serialize)]
pub struct Cost {
    /// Zero-concentrated DP, in 1e-9, rounded up.
    pub rho_nano: u64,
    /// Slack, in 1e-18, rounded up.
    pub delta_e18: u64,
}

/// The most that may be spent in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, serde::Serialize)]
pub struct Caps {
    /// Rho, in 1e-9.
    pub rho_nano: u64,
    /// Delta for thresholds, in 1e-18.
    pub delta_e18: u64,
}

impl Caps {
    /// The smaller of each: the charter's ceiling and the owner's budget both bind.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            rho_nano: self.rho_nano.min(other.rho_nano),
            delta_e18: self.delta_e18.min(other.delta_e18),
        }
    }

    /// Remainder after `spent`.
    #[must_use]
    pub const fn left(self, spent: Cost) -> Self {
        Self {
            rho_nano: self.rho_nano.saturating_sub(spent.rho_nano),
            delta_e18: self.delta_e18.saturating_sub(spent.delta_e18),
        }
    }

    /// The sums after one more release, when both stay within the caps.
    ///
    /// # Errors
    /// [`PrivacyError::OverBudget`], naming `whose` caps these are.
    pub fn admit(self, whose: &'static str, spent: Cost, cost: Cost) -> Result<Cost, PrivacyError> {
        let sums = spent.plus(cost);
        if sums.rho_nano <= self.rho_nano && sums.delta_e18 <= self.delta_e18 {
            return Ok(sums);
        }
        let left = self.left(spent);
        Err(PrivacyError::OverBudget {
            whose,
            cost_rho_nano: cost.rho_nano,
            cost_delta_e18: cost.delta_e18,
            left_rho_nano: left.rho_nano,
            left_delta_e18: left.delta_e18,
        })
    }
}

impl Cost {
    /// Both costs together; saturates, which no cap admits short of `u64::MAX`.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            rho_nano: self.rho_nano.saturating_add(other.rho_nano),
            delta_e18: self.delta_e18.saturating_add(other.delta_e18),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn admitted_sums_never_pass_the_caps(
            costs in proptest::collection::vec((0_u64..400, 0_u64..400), 0..40),
        ) {
            let caps = Caps { rho_nano: 1_000, delta_e18: 900 };
            let mut spent = Cost::default();
            let mut truth = (0_u64, 0_u64);
            for (rho_nano, delta_e18) in costs {
                if let Ok(sums) = caps.admit("owner", spent, Cost { rho_nano, delta_e18 }) {
                    truth = (truth.0 + rho_nano, truth.1 + delta_e18);
                    spent = sums;
                }
                prop_assert_eq!((spent.rho_nano, spent.delta_e18), truth);
                prop_assert!(truth.0 <= caps.rho_nano && truth.1 <= caps.delta_e18);
            }
        }
    }

    #[test]
    fn a_release_that_fits_exactly_is_admitted_and_one_unit_more_is_not() {
        let caps = Caps { rho_nano: 10, delta_e18: 5 };
        let exact = Cost { rho_nano: 10, delta_e18: 5 };
        assert_eq!(caps.admit("owner", Cost::default(), exact).unwrap(), exact);
        for more in [(11, 5), (10, 6), (u64::MAX, 0)] {
            let cost = Cost { rho_nano: more.0, delta_e18: more.1 };
            assert!(caps.admit("owner", Cost { rho_nano: 1, delta_e18: 0 }, cost).is_err());
        }
    }

    #[test]
    fn a_refused_release_does_not_exhaust_the_filter() {
        let caps = Caps { rho_nano: 10, delta_e18: 0 };
        let big = Cost { rho_nano: 11, delta_e18: 0 };
        assert!(caps.admit("owner", Cost::default(), big).is_err());
        let small = Cost { rho_nano: 10, delta_e18: 0 };
        assert!(caps.admit("owner", Cost::default(), small).is_ok());
    }
}
