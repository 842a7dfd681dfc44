//! People of the studies of change, made of a study's file and of facts.

use lore_privacy::PrivacyError;
use lore_protocol::payload::Mechanism;

use super::StudyError;
use super::break_even::whole_budget;
use super::crowd::People;
use super::facts::Facts;
use crate::budget;

/// Names of the facts that [`people`] reads.
pub const FACTS: [&str; 5] =
    ["community_prevalence", "meets_per_epoch", "follows", "works", "fails"];

/// How the studies of change differ from a node, for their methods.
pub const UNMET: &str = "Remedies stand in every library from the start, so that their trials count. Unlike on a node, one that nobody \
    has met yet is not hinted.";

/// People of a community with the habits that the facts say.
///
/// # Errors
/// Names the value that is out of its range.
pub fn people(users: u32, situations: u32, facts: &Facts) -> Result<People, StudyError> {
    let people = People {
        users,
        situations,
        prevalence: facts.value("community_prevalence"),
        meets: facts.value("meets_per_epoch"),
        follows: facts.value("follows"),
        works: facts.value("works"),
        fails: facts.value("fails"),
    };
    people.check()?;
    Ok(people)
}

/// How a period's budget is spent on outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spending {
    /// Every release takes the whole epsilon: what one release could be worth.
    Each,
    /// A default plan: a fifth of rho in twelve releases of a period.
    Plan,
}

impl Spending {
    /// Name in tables.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Each => "epsilon for each release",
            Self::Plan => "epsilon for a period of twelve releases",
        }
    }

    /// The mechanism of an outcome release; delta is 1e-6.
    ///
    /// # Errors
    /// Fails when the budget buys none.
    pub fn mechanism(self, epsilon: f64) -> Result<Mechanism, StudyError> {
        if self == Self::Each {
            return whole_budget(epsilon);
        }
        let none =
            || PrivacyError::Parameter { what: "epsilon", why: "buys no outcome release".into() };
        Ok(budget::plan(epsilon)?.outcomes.ok_or_else(none)?)
    }
}

/// Checks a list of epsilons.
///
/// # Errors
/// Fails when it is empty or one is out of its range.
pub fn check_epsilons(epsilons: &[f64]) -> Result<(), StudyError> {
    if epsilons.is_empty() || epsilons.iter().any(|one| !(0.1..=20.0).contains(one)) {
        return Err(StudyError::value("epsilons", format!("{epsilons:?}"), "0.1 to 20 each"));
    }
    Ok(())
}

/// Checks a number.
///
/// # Errors
/// Fails when it is out of its range.
pub fn check_within(key: &str, value: u32, least: u32, most: u32) -> Result<(), StudyError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(StudyError::value(key, value, &format!("between {least} and {most}")))
}
