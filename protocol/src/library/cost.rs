//! Costs of sessions, pooled from noisy sums.

use super::evidence::{bounded, clamp};
use super::item::Library;
use crate::charter::Charter;
use crate::codec::{Decode, Encode};
use crate::ids::MemberId;
use crate::payload::{Costs, ItemId};

/// Noisy cost sums of one author for one item and context, over its releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct CostSums {
    /// One for each of the charter's kinds, in its unit.
    pub sums: Vec<i64>,
    /// Variance of the noise in each, in millionths, as declared.
    pub variance_micros: u64,
}

/// A cost summed over voices, with its noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct CostEstimate {
    /// Noisy sum over sessions, in the kind's unit.
    pub sum: i64,
    /// Variance of the noise, in millionths.
    pub variance_micros: u64,
    /// Distinct voices that contributed.
    pub voices: u32,
}

impl Library {
    /// Cost of the sessions that used an item, by the charter's kind of that place. Unbiased as long
    /// as no voice is at its cap.
    #[must_use]
    pub fn cost(
        &self,
        charter: &Charter,
        item: ItemId,
        context: u16,
        kind: usize,
    ) -> Option<CostEstimate> {
        let terms = charter.privacy.costs.as_ref()?;
        let cap = i64::from(charter.limits.evidence_cap).saturating_mul(i64::from(terms.bound));
        let mut pooled = CostEstimate { sum: 0, variance_micros: 0, voices: 0 };
        for members in self.by_voice(self.costs.get(&(item, context))?).values() {
            let (mut sum, mut variance) = (0_i64, 0_u64);
            for author in members {
                sum =
                    sum.saturating_add(clamp(*author.sums.get(kind)?, author.variance_micros, cap));
                variance = variance.saturating_add(author.variance_micros);
            }
            pooled.sum = pooled.sum.saturating_add(clamp(sum, variance, cap));
            pooled.variance_micros = pooled.variance_micros.saturating_add(variance);
            pooled.voices = pooled.voices.saturating_add(1);
        }
        Some(pooled)
    }

    pub(super) fn add_costs(
        &mut self,
        author: MemberId,
        costs: &Costs,
        counts: impl Fn(ItemId) -> bool,
    ) {
        let variance = costs.mechanism.variance_micros();
        for cell in costs.cells.iter().filter(|cell| counts(cell.item)) {
            let authors = self.costs.or_default((cell.item, cell.context));
            let sums = authors.entry(author).or_default();
            sums.sums.resize(cell.sums.len().max(sums.sums.len()), 0);
            for (sum, more) in sums.sums.iter_mut().zip(&cell.sums) {
                *sum = sum.saturating_add(bounded(*more));
            }
            sums.variance_micros = sums.variance_micros.saturating_add(variance);
        }
    }
}
