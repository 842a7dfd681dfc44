//! Rules for which items of a library are given.

use std::collections::{BTreeMap, BTreeSet};

/// A remedy: number of its situation, and its own number there.
pub(super) type Item = (usize, usize);

/// Order in which a bound keeps items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// Successes an epoch in the pooled evidence.
    Uses,
    /// Lower bound of the success rate in the pooled evidence.
    Rate,
    /// Epoch of release, the latest first: no evidence is needed.
    Newest,
}

impl Rank {
    /// All orders.
    pub(super) const ALL: [Self; 3] = [Self::Uses, Self::Rate, Self::Newest];

    /// Name in legends.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Uses => "most used",
            Self::Rate => "best rate",
            Self::Newest => "newest",
        }
    }
}

/// Which items are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Everything that was ever released. Rivals are not told apart.
    All,
    /// What the node's code gives: a remedy that drifts, is dormant, or fails more often than it works is silent.
    Shipped,
    /// At most so many of what [`Rule::Shipped`] gives.
    Bounded {
        /// Most items.
        most: usize,
        /// Those that are kept.
        by: Rank,
    },
    /// Each remedy that works for a situation that is met, no other; at most so many, of the most used tools.
    Oracle {
        /// Most items; none: all.
        most: Option<usize>,
    },
}

impl Rule {
    /// Name in tables and legends.
    #[must_use]
    pub(super) fn label(self) -> String {
        match self {
            Self::All => "everything".into(),
            Self::Shipped => "shipped rule".into(),
            Self::Bounded { most, by } => format!("at most {most}, {}", by.label()),
            Self::Oracle { most: None } => "oracle".into(),
            Self::Oracle { most: Some(most) } => format!("oracle, at most {most}"),
        }
    }
}

/// What the pooled evidence says of an item that may be given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// Successes an epoch.
    pub uses: f64,
    /// Lower bound of its success rate, 0 to 1.
    pub rate: f64,
    /// Noisy number of trials behind it.
    pub trials: u64,
    /// Epoch of its release.
    pub released: u32,
}

impl Standing {
    fn rank(&self, by: Rank) -> f64 {
        match by {
            Rank::Uses => self.uses,
            Rank::Rate => self.rate,
            Rank::Newest => self.released.into(),
        }
    }
}

/// A bounded active set over time.
#[derive(Debug, Clone, Default)]
pub(super) struct Active {
    items: BTreeSet<Item>,
}

impl Active {
    /// Items that are given.
    #[must_use]
    pub(super) const fn items(&self) -> &BTreeSet<Item> {
        &self.items
    }

    /// Takes in the evidence of an epoch. An item leaves when it may not be given at all, or when one that ranks higher
    /// takes its place and it has `minimum` trials.
    pub(super) fn update(
        &mut self,
        usable: &BTreeMap<Item, Standing>,
        most: usize,
        by: Rank,
        minimum: u64,
    ) {
        self.items.retain(|item| usable.contains_key(item));
        let ascending = |items: &mut Vec<Item>| {
            items.sort_by(|a, b| usable[a].rank(by).total_cmp(&usable[b].rank(by)).then(b.cmp(a)));
        };
        let mut waiting: Vec<Item> =
            usable.keys().filter(|item| !self.items.contains(item)).copied().collect();
        ascending(&mut waiting);
        let mut retirable: Vec<Item> =
            self.items.iter().filter(|item| usable[item].trials >= minimum).copied().collect();
        ascending(&mut retirable);
        let mut retirable = retirable.into_iter().peekable();
        for item in waiting.into_iter().rev() {
            if self.items.len() >= most {
                let better = |worst: &Item| usable[&item].rank(by) > usable[worst].rank(by);
                let Some(worst) = retirable.next_if(better) else { return };
                self.items.remove(&worst);
            }
            self.items.insert(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(values: &[(usize, f64, u64)]) -> BTreeMap<Item, Standing> {
        let of = |&(at, uses, trials)| {
            ((at, 0), Standing { uses, rate: 1.0 - uses, trials, released: at as u32 })
        };
        values.iter().map(of).collect()
    }

    fn after(active: &mut Active, values: &[(usize, f64, u64)], by: Rank) -> Vec<usize> {
        active.update(&standing(values), 2, by, 10);
        active.items().iter().map(|item| item.0).collect()
    }

    #[test]
    fn the_best_are_kept_and_nothing_is_retired_without_evidence() {
        let mut active = Active::default();
        let first = [(0, 0.1, 20), (1, 0.2, 5), (2, 0.3, 20)];
        assert_eq!(after(&mut active, &first, Rank::Uses), [1, 2]);
        // 0 ranks above 1 now, of which too little is known; 2 stays above both.
        assert_eq!(
            after(&mut active, &[(0, 0.25, 20), (1, 0.2, 5), (2, 0.3, 20)], Rank::Uses),
            [1, 2]
        );
        assert_eq!(
            after(&mut active, &[(0, 0.25, 20), (1, 0.2, 10), (2, 0.3, 20)], Rank::Uses),
            [0, 2]
        );
        // What may not be given leaves at once, and its place is taken.
        assert_eq!(after(&mut active, &[(1, 0.2, 10), (2, 0.3, 20)], Rank::Uses), [1, 2]);
        assert_eq!(after(&mut Active::default(), &first, Rank::Rate), [0, 1]);
        assert_eq!(after(&mut Active::default(), &first, Rank::Newest), [1, 2]);
    }

    #[test]
    fn a_bound_that_is_not_reached_keeps_everything() {
        let all: Vec<_> = (0..50).map(|at| (at, at as f64, 20)).collect();
        let mut active = Active::default();
        active.update(&standing(&all), 50, Rank::Uses, 10);
        assert_eq!(active.items().len(), 50);
        active.update(&standing(&all), 20, Rank::Uses, 10);
        assert_eq!(active.items().len(), 50, "a bound that shrinks retires nothing by itself");
    }
}
