//! Tables of what a budget buys: computed from the mechanisms, never written down.
//!
//! `docs/privacy-numbers.md` explains each table and where a number differs from a published one.

mod rates;
mod reach;
mod supporters;
mod votes;

pub use rates::{Rate, rates};
pub use reach::{Reach, reach};
pub use supporters::{Supporters, supporters};
pub use votes::{Personal, Votes, personal, votes};

use serde::Serialize;

use crate::PrivacyError;

/// All tables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// People that a lesson needs.
    pub supporters: Vec<Supporters>,
    /// Reach of groups of several sizes: what they find alone and vote for together.
    pub reach: Vec<Reach>,
    /// Gain of pooling for a success rate, and how many nodes make it worth while.
    pub rates: Vec<Rate>,
    /// Voters that a candidate needs.
    pub votes: Vec<Votes>,
    /// Personal nodes that it takes to find something that no list names.
    pub personal: Vec<Personal>,
}

/// Computes all tables.
///
/// # Errors
/// Fails when opendp refuses a parameter.
pub fn table() -> Result<Table, PrivacyError> {
    Ok(Table {
        supporters: supporters()?,
        reach: reach()?,
        rates: rates()?,
        votes: votes(),
        personal: personal(),
    })
}

/// Epsilons of the tables of rates and votes, in millionths.
const EPSILONS_MICROS: [u64; 4] = [500_000, 1_000_000, 2_000_000, 4_000_000];
/// Delta of a period, 1e-6.
const DELTA_E18: u64 = 1_000_000_000_000;

#[cfg(test)]
mod tests;
