//! Detectors of drift, as pure functions of what they are given.
//!
//! Two audiences, two arithmetics. [`Cusum`] runs inside the fold on pooled released counts, so it is
//! made of integers alone and gives every node the same answer. [`PageHinkley`] is an alarm for one
//! operator on that node's own raw outcomes; nothing it says may cause or withhold a delta.
//! [`lineage_distance`] says how far a head has been rewritten since its root.

mod cusum;
mod lineage;
mod page_hinkley;

#[cfg(test)]
mod tests;

pub use cusum::{Baseline, Cusum, CusumConfig, PooledCounts, Signal};
pub use lineage::lineage_distance;
pub use page_hinkley::{Direction, PageHinkley, PageHinkleyConfig};
