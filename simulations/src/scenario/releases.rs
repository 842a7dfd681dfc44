//! Scenario settings for releases from private sessions.

use lore_engine::Terms;
use lore_protocol::charter::WindowTerms;
use serde::Deserialize;

use super::{Scenario, parts};

/// Releases from the sessions of simulated users, under a budget.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Releases {
    /// Epsilon of each node's budget, and the charter's ceiling, 0.1 to 100.
    pub epsilon: f64,
    /// Users of each node; each has one session in every window.
    pub users: u32,
    /// Different lessons that sessions teach, the same on all nodes; users take turns.
    #[serde(default = "one")]
    pub lessons: u32,
    /// Epochs in an accounting period.
    pub epochs_per_period: u32,
    /// Epochs of a period in which lessons are released.
    #[serde(default)]
    pub lessons_at: Vec<u32>,
    /// Epochs of a period in which outcomes are released.
    #[serde(default)]
    pub outcomes_at: Vec<u32>,
    /// Epochs of a period in which votes are released.
    #[serde(default)]
    pub votes_at: Vec<u32>,
    /// Seconds that a person has to approve a lesson release; none: no gate.
    #[serde(default)]
    pub gate_s: Option<u64>,
    /// Number of keys of a release that the person lets through; 0 refuses it.
    #[serde(default = "all")]
    pub gate_keeps: u32,
}

const fn one() -> u32 {
    1
}

const fn all() -> u32 {
    u32::MAX
}

impl Releases {
    /// Epsilon in millionths.
    #[must_use]
    pub fn epsilon_micros(&self) -> u64 {
        // In thousands, which is the range of a probability.
        u64::from(parts(self.epsilon / 1_000.0)) * 1_000
    }
}

impl Scenario {
    /// The terms on which the founder founds the federation.
    #[must_use]
    pub fn terms(&self) -> Terms {
        let releases = self.releases.as_ref();
        Terms {
            name: "simulation".into(),
            epsilon_micros: releases.map_or(1_000_000, Releases::epsilon_micros),
            epoch_hours: None,
            epochs_per_period: releases.map_or(90, |releases| releases.epochs_per_period),
            lessons_at: releases.map(|releases| releases.lessons_at.clone()),
            outcomes_at: releases.map(|releases| releases.outcomes_at.clone()),
            votes_at: releases.map(|releases| releases.votes_at.clone()),
            topic_words: 0,
            windows: WindowTerms::SHORTEST,
            units: None,
            costs: None,
            members: u32::try_from(self.nodes).ok(),
            codebook: None,
            scripts: false,
            vouches: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::scenario::{ScenarioError, shipped};

    #[test]
    fn values_of_releases_without_sense_are_named() {
        let text = shipped("releases").unwrap();
        for (from, to, key) in [
            ("epsilon = 4.0", "epsilon = 0.0", "releases.epsilon"),
            ("users = 80", "users = 10001", "releases.users"),
            ("per_period = 20", "per_period = 0", "releases.epochs_per_period"),
            ("lessons = 2", "gate_s = 11", "releases.gate_s"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Scenario::parse(&text.replace(from, to)).unwrap_err();
            assert!(
                matches!(error, ScenarioError::Value { key: got, .. } if got == key),
                "{error}"
            );
        }
    }

    #[test]
    fn epsilon_is_read_to_the_thousandth() {
        let text = shipped("releases").unwrap().replace("epsilon = 4.0", "epsilon = 0.125");
        let releases = Scenario::parse(&text).unwrap().releases.unwrap();
        assert_eq!(releases.epsilon_micros(), 125_000);
    }
}
