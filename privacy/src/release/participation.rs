//! The participation cap: in how many of a period's releases one unit takes part.

use lore_protocol::codec::{self, Decode, Encode};
use lore_protocol::ids::{FederationId, Hash};
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
    /// Number of them that a unit feeds; none: all.
    pub most: Option<u32>,
}

impl Participation {
    /// Returns true when a unit feeds this release: its draw is among the `most` least ones of the period.
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

    /// Key under which the node keeps what this unit fed of the period's releases of this kind. Means nothing
    /// without the local secret.
    #[must_use]
    pub fn unit_key(&self, secret: &LocalSecret, unit: &UnitId) -> Hash {
        let place = codec::encode(&(self.federation, self.kind, self.period));
        Hash(secret.draw("unit-ledger", unit, &[&place]))
    }
}

/// One unit's line in the node's own books: the places among a period's releases of one kind that it fed.
/// A safety net behind the draw: it catches mistakes of ours, never extends a schedule, and is not shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Fed(Vec<u32>);

impl Fed {
    /// Notes that the unit feeds a release, whether or not its data counts there. False, and nothing is
    /// noted, when that were one release more than the cap or the schedule has: then it feeds nothing.
    pub fn note(&mut self, place: &Participation) -> bool {
        if self.0.contains(&place.index) {
            // Once more after a crash: the release is a void, or this is the same one.
            return true;
        }
        let most = place.most.unwrap_or(place.releases).min(place.releases);
        let room = self.0.len() < usize::try_from(most).unwrap_or(usize::MAX);
        if room {
            self.0.push(place.index);
        }
        room
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
    fn a_units_line_has_room_for_as_many_releases_as_the_cap_and_no_more() {
        let mut fed = Fed::default();
        for (index, room) in [(3, true), (7, true), (3, true), (8, false), (7, true)] {
            assert_eq!(fed.note(&place(index, Some(2))), room, "{index}");
        }
        assert_eq!(fed, Fed(vec![3, 7]));
        let mut all = Fed::default();
        assert!((0..12).all(|index| all.note(&place(index, None))));
        assert!(!all.note(&place(12, None)), "there are twelve releases");
        // What the draw lets through, the line has room for.
        let secret = LocalSecret::from_bytes([9; 32]);
        for user in 0..40 {
            let (unit, mut fed) = (secret.user(&user.to_string()), Fed::default());
            let drawn = (0..12).map(|i| place(i, Some(3))).filter(|p| p.includes(&secret, &unit));
            assert_eq!(drawn.filter(|place| fed.note(place)).count(), 3);
        }
    }

    #[test]
    fn lines_of_units_kinds_and_periods_are_kept_apart() {
        let secret = LocalSecret::from_bytes([9; 32]);
        let key = |place: Participation, user: &str| place.unit_key(&secret, &secret.user(user));
        let one = place(0, None);
        assert_eq!(key(one, "ada"), key(place(5, Some(2)), "ada"));
        let others = [
            key(one, "ben"),
            key(Participation { period: 8, ..one }, "ada"),
            key(Participation { kind: PayloadKind::Outcomes, ..one }, "ada"),
            key(Participation { federation: FederationId([4; 32]), ..one }, "ada"),
        ];
        assert!(others.iter().all(|other| *other != key(one, "ada")));
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
