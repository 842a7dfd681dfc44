//! Reach of a group of a given size: found by one node alone, or voted for by several.

use lore_protocol::payload::Unit;
use serde::Serialize;

use super::DELTA_E18;
use super::supporters::EPSILONS_MICROS;
use super::votes::Z;
use crate::preset;
use crate::{Bounds, Budget, PrivacyError, Schedule};

/// People of one node.
const USERS: [u32; 4] = [8, 25, 100, 500];
/// Nodes whose votes are pooled.
const NODES: [u32; 3] = [1, 20, 100];
/// Lessons that each person has in the window.
const KEYS: u16 = 4;

/// One setting: nodes of equal size, people with four lessons each, a default plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reach {
    /// Epsilon of the period.
    pub epsilon: f64,
    /// People of each node.
    pub users: u32,
    /// Nodes.
    pub nodes: u32,
    /// People of one node who must know a lesson for a chance of 95 % that the node finds it in its one
    /// release of the period; null when it has not that many.
    pub found_by: Option<u32>,
    /// People of all nodes together who must know a lesson on the ballot for a chance of 95 % that the votes of the
    /// period tell it from one that nobody knows (false alarm 5e-4); null when there are not that many.
    pub voted_by: Option<u32>,
}

/// All settings.
///
/// # Errors
/// Fails when opendp refuses a parameter.
pub fn reach() -> Result<Vec<Reach>, PrivacyError> {
    let mut rows = Vec::new();
    for epsilon_micros in EPSILONS_MICROS {
        let budget = Budget::new(Unit::User, epsilon_micros, DELTA_E18, 90)?;
        let plan = budget.plan(Schedule::default())?;
        let (Some(lessons), Some(votes)) = (plan.lessons, plan.votes) else { continue };
        let found = preset::supporters_with(&lessons, KEYS);
        let sigma = votes.deviation_micros() as f64 / 1e6;
        let each = Bounds::of(&votes).each(KEYS) as f64;
        for nodes in NODES {
            // Noise adds over nodes by the root of their number.
            let voted = (Z * sigma * f64::from(nodes).sqrt() / each).ceil() as u32;
            rows.extend(USERS.map(|users| Reach {
                epsilon: epsilon_micros as f64 / 1e6,
                users,
                nodes,
                found_by: (found <= users).then_some(found),
                voted_by: (voted <= users * nodes).then_some(voted),
            }));
        }
    }
    Ok(rows)
}
