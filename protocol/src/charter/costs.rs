//! Terms of cost releases.

use serde::{Deserialize, Serialize};

/// Terms of cost releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostTerms {
    /// Epochs of a period in which costs are released.
    pub at: Vec<u32>,
    /// Most that one session adds to a sum, in the kind's unit: more is cut off before it is added.
    pub bound: u16,
    /// Least sigma, in millionths.
    pub min_sigma_micros: u64,
    /// Costs that are summed.
    pub kinds: Vec<CostKind>,
}

/// One kind of cost with its unit, such as tokens in thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostKind {
    /// Measure of the cost.
    pub measure: Measure,
    /// Number of it that makes one; a started one does not count.
    pub per: u32,
}

/// Measure of a session's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Tokens that its model calls read and wrote.
    Tokens,
    /// Seconds that its tool calls took.
    Seconds,
    /// Tool calls.
    Calls,
}
