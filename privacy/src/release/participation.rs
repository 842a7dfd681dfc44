//! The participation cap: in how many of a period's releases one unit takes part.

use lore_protocol::codec;
use lore_protocol::ids::FederationId;
use lore_protocol::payload::PayloadKind;

use crate::{LocalSecret, UnitId};

/// A place in a period's releases of one kind, and the public cap on them. It only ever takes data
/// away: every release is charged in full, so that the schedule is not extended by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Participation {
    /// The federation.
    pub federation: FederationId,
    /// The kind.
    pub kind: PayloadKind,
    /// The charter's period.
    pub period: u32,
    /// Releases of this kind in a period.
    pub releases: u32,
    /// This one's place among them, from 0.
    pub index: u32,
    /// How many of them a unit feeds; none: all.
    pub most: Option<u32>,
}

impl Participation {
    /// Whether a unit feeds this release: whether its draw is among the `most` least ones of the period.
    /// It depends on the unit, the local secret and public numbers alone.
    #[must_use]
    pub fn includes(&self, secret: &LocalSecret, unit: &UnitId) -> bool {
        let Some(most) = self.most.filter(|most| *most < self.releases) else {
            return true;
        };
        let draw = |index: u32| {
            let place = codec::encode(&(self.federation, self.kind, self.period, index));
            (secret.draw("draw/participation", unit, &[&place]), index)
        };
        let own = draw(self.index);
        let before = (0..self.releases).filter(|index| draw(*index) < own).count();
        before < usize::try_from(most).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(index: u32, most: Option<u32>) -> Participation {
        let federation = FederationId([3; 32]);
        Participation { federation, kind: PayloadKind::Votes, period: 7, releases: 12, index, most }
    }

    #[test]
    fn a_unit_takes_part_in_exactly_as_many_releases_as_the_cap_says() {
        let secret = LocalSecret::from_bytes([9; 32]);
        for most in 1..=13 {
            for user in ["ada", "ben", "cleo"] {
                let unit = secret.user(user);
                let fed = (0..12).filter(|i| place(*i, Some(most)).includes(&secret, &unit));
                assert_eq!(fed.count(), most.min(12) as usize);
            }
        }
        assert!((0..12).all(|i| place(i, None).includes(&secret, &secret.user("ada"))));
    }

    #[test]
    fn different_units_take_part_in_different_releases() {
        let secret = LocalSecret::from_bytes([9; 32]);
        let fed = |user: &str| -> Vec<u32> {
            let unit = secret.user(user);
            (0..12).filter(|i| place(*i, Some(3)).includes(&secret, &unit)).collect()
        };
        let all: std::collections::BTreeSet<Vec<u32>> =
            (0..40).map(|user| fed(&user.to_string())).collect();
        assert!(all.len() > 30);
    }
}
