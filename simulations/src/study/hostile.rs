//! Members that lie about what works.

use serde::{Deserialize, Serialize};

use super::fold::UNBOUNDED;

/// How a hostile member lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    /// A million successes of what fails, and failures of what works.
    Loud,
    /// The same reversal in the size of an honest node's counts: nothing about it is unusual but its direction.
    Stealth,
}

/// Hostile members of a federation: the first ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hostile {
    /// Number of them.
    pub count: u32,
    /// How they lie.
    pub lie: Lie,
}

impl Hostile {
    /// Nobody.
    pub const NONE: Self = Self { count: 0, lie: Lie::Loud };

    /// True for a hostile node.
    #[must_use]
    pub const fn is(&self, node: u32) -> bool {
        node < self.count
    }

    /// Successes and failures that a hostile node claims in an epoch of a remedy, before noise: `met` people of an honest node
    /// meet its situation.
    #[must_use]
    pub fn counts(&self, works: bool, met: f64) -> [i64; 2] {
        let many = match self.lie {
            Lie::Loud => i64::from(UNBOUNDED),
            Lie::Stealth => met.round() as i64,
        };
        if works { [0, many] } else { [many, 0] }
    }
}
