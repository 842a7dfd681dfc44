//! Tools that change under people: which remedy of a situation works for whom, and when.

use serde::{Deserialize, Serialize};

/// How the newer version of a tool comes to people. Epochs count from 1; the older version's remedy is 0, the newer
/// one's is 1.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Change {
    /// Nothing changes.
    Never,
    /// Everybody has the newer version from an epoch on.
    Abrupt {
        /// That epoch.
        at: u32,
    },
    /// The share of people with the newer version grows evenly.
    Ramp {
        /// First epoch in which a person has it.
        from: u32,
        /// Epochs until all have it.
        over: u32,
    },
    /// Everybody has the newer version, then the older one again, and so on.
    Recurring {
        /// Epochs of each phase.
        every: u32,
    },
    /// A part of the people has the newer version from an epoch on, and the others never.
    Partial {
        /// That epoch.
        at: u32,
        /// Share of people, 0 to 1.
        share: f64,
    },
}

impl Change {
    /// The remedy that works in an epoch for a person whose place in the queue for newer versions is `place`, from
    /// 0, the first, to 1, the last.
    #[must_use]
    pub fn works(self, epoch: u32, place: f64) -> usize {
        let newer = match self {
            Self::Never => false,
            Self::Abrupt { at } => epoch >= at,
            Self::Ramp { from, over } => {
                let share = f64::from((epoch + 1).saturating_sub(from)) / f64::from(over.max(1));
                place < share
            }
            Self::Recurring { every } => (epoch.saturating_sub(1) / every.max(1)) % 2 == 1,
            Self::Partial { at, share } => epoch >= at && place < share,
        };
        usize::from(newer)
    }

    /// Epochs in which a phase begins, up to `last`: the first one with another share of people on the newer version.
    #[must_use]
    pub fn starts(self, last: u32) -> Vec<u32> {
        match self {
            Self::Never => Vec::new(),
            Self::Abrupt { at } | Self::Partial { at, .. } => vec![at],
            Self::Ramp { from, .. } => vec![from],
            Self::Recurring { every } => {
                let every = every.max(1);
                (1..).map(|n| n * every + 1).take_while(|at| *at <= last).collect()
            }
        }
    }

    /// Name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "none",
            Self::Abrupt { .. } => "abrupt",
            Self::Ramp { .. } => "ramp",
            Self::Recurring { .. } => "recurring",
            Self::Partial { .. } => "partial",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_change_reaches_whom_it_should_when_it_should() {
        let abrupt = Change::Abrupt { at: 5 };
        assert_eq!([abrupt.works(4, 0.0), abrupt.works(5, 0.99)], [0, 1]);
        let ramp = Change::Ramp { from: 5, over: 4 };
        assert_eq!([ramp.works(4, 0.0), ramp.works(5, 0.2), ramp.works(5, 0.3)], [0, 1, 0]);
        assert_eq!([ramp.works(7, 0.8), ramp.works(8, 0.99)], [0, 1]);
        let recurring = Change::Recurring { every: 3 };
        let phases: Vec<usize> = (1..=9).map(|epoch| recurring.works(epoch, 0.5)).collect();
        assert_eq!(phases, [0, 0, 0, 1, 1, 1, 0, 0, 0]);
        assert_eq!(recurring.starts(9), [4, 7]);
        let partial = Change::Partial { at: 2, share: 0.3 };
        assert_eq!(
            [partial.works(9, 0.29), partial.works(9, 0.3), partial.works(1, 0.0)],
            [1, 0, 0]
        );
    }
}
