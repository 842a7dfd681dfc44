//! Effect of the library's evidence on a ranking.

use lore_protocol::library::Estimate;

/// The rate at which evidence says nothing either way, in millionths.
const NEUTRAL_MICROS: u64 = 500_000;
/// The most that sure success adds to a score, in thousandths.
const MOST_GAIN_MILLI: u64 = 250;
/// The most that sure failure takes from a score, in thousandths.
const MOST_LOSS_MILLI: u64 = 500;

/// A pooled success rate with its 95 % interval, in millionths, each 0 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// The estimate.
    pub rate_micros: u64,
    /// The lower bound.
    pub low_micros: u64,
    /// The upper bound.
    pub high_micros: u64,
}

impl From<&Estimate> for Evidence {
    fn from(estimate: &Estimate) -> Self {
        let (low_micros, high_micros) = estimate.interval_micros();
        Self { rate_micros: estimate.rate_micros, low_micros, high_micros }
    }
}

impl Evidence {
    /// By how much a score is multiplied, in thousandths. Only what is beyond doubt moves a skill: a
    /// lower bound above the neutral rate lifts it by up to a quarter, an upper bound below it costs up
    /// to a half. An interval that holds the neutral rate changes nothing, as no evidence does.
    #[must_use]
    pub fn factor_milli(self) -> u64 {
        let part = |beyond: u64, most: u64| beyond.min(NEUTRAL_MICROS) * most / NEUTRAL_MICROS;
        let above = self.low_micros.saturating_sub(NEUTRAL_MICROS);
        let below = NEUTRAL_MICROS.saturating_sub(self.high_micros);
        1000 + part(above, MOST_GAIN_MILLI) - part(below, MOST_LOSS_MILLI)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(low_micros: u64, high_micros: u64) -> u64 {
        Evidence { rate_micros: (low_micros + high_micros) / 2, low_micros, high_micros }
            .factor_milli()
    }

    #[test]
    fn only_what_is_beyond_doubt_moves_a_skill() {
        assert_eq!(factor(0, 1_000_000), 1000, "nobody knows");
        assert_eq!(factor(400_000, 900_000), 1000, "the interval holds the neutral rate");
        assert_eq!(factor(1_000_000, 1_000_000), 1250);
        assert_eq!(factor(0, 0), 500);
        assert!(factor(800_000, 950_000) > factor(600_000, 950_000));
        assert!(factor(0, 100_000) < factor(0, 400_000));
    }

    #[test]
    fn bounds_outside_their_range_do_no_harm() {
        assert_eq!(factor(u64::MAX / 4, u64::MAX / 4), 1250);
        // An interval the wrong way round.
        assert_eq!(factor(1_000_000, 0), 750);
    }
}
