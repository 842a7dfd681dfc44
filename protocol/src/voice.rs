//! The voice of a member: what counts as one in every rule that asks for several members.
//!
//! A member may vouch for keys that it holds itself. So members are never counted as such, but by the
//! voice that they share with everybody below one invitee of a founder.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::MemberId;

/// The voice of every member of a sealed epoch, former members included.
///
/// A voice is settled by the epoch that admits the member and never changes: neither a sponsor that
/// leaves nor one that is removed splits a voice in two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Voices {
    founders: BTreeSet<MemberId>,
    voices: BTreeMap<MemberId, MemberId>,
}

impl Voices {
    /// The voices at genesis: every founder is one.
    pub fn of_founders(founders: impl IntoIterator<Item = MemberId>) -> Self {
        let founders: BTreeSet<MemberId> = founders.into_iter().collect();
        let voices = founders.iter().map(|founder| (*founder, *founder)).collect();
        Self { founders, voices }
    }

    /// Adds a member that `sponsor` vouched for.
    ///
    /// This is the definition of a voice: a founder is its own voice, each member that a founder vouched
    /// for is its own voice, and everybody else has the sponsor's voice. So the keys of one member are
    /// one voice, however long the chain of vouches. A founder answers for each of its own invitees: it
    /// can make as many voices as it vouches for.
    pub fn admit(&mut self, member: MemberId, sponsor: MemberId) {
        let voice = if self.founders.contains(&sponsor) { member } else { self.of(sponsor) };
        self.voices.entry(member).or_insert(voice);
    }

    /// Returns true when `sponsor` may bring one more member, former members counted, so that leaving makes
    /// no room. Founders may bring any number of voices.
    #[must_use]
    pub fn has_room(&self, sponsor: MemberId, members_per_voice: u32) -> bool {
        let voice = self.of(sponsor);
        let all = self.voices.values().filter(|of| **of == voice).count();
        self.founders.contains(&sponsor) || all < members_per_voice as usize
    }

    /// The voice of a member, named by the member that it began with. Who was never a member is its own.
    #[must_use]
    pub fn of(&self, member: MemberId) -> MemberId {
        self.voices.get(&member).copied().unwrap_or(member)
    }

    /// Number of distinct voices of these members.
    pub fn count(&self, members: impl IntoIterator<Item = MemberId>) -> usize {
        members.into_iter().map(|member| self.of(member)).collect::<BTreeSet<_>>().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn member(n: u8) -> MemberId {
        MemberId([n; 32])
    }

    #[test]
    fn everybody_below_a_founders_invitee_is_one_voice() {
        let mut voices = Voices::of_founders([member(0)]);
        for (joiner, sponsor) in [(1, 0), (2, 0), (11, 1), (12, 1), (111, 11), (21, 2)] {
            voices.admit(member(joiner), member(sponsor));
        }
        let of = |n| voices.of(member(n));
        assert_eq!([of(0), of(1), of(2)], [member(0), member(1), member(2)]);
        assert_eq!([of(11), of(12), of(111)], [member(1); 3]);
        assert_eq!(of(21), member(2));
        assert_eq!(of(99), member(99), "a stranger");
        assert_eq!(voices.count([1, 11, 12, 111].map(member)), 1);
        assert_eq!(voices.count([0, 1, 11, 2, 21].map(member)), 3);
        assert_eq!(voices.count([]), 0);
        assert!(!voices.has_room(member(1), 4), "1, 11, 12 and 111");
        assert!(!voices.has_room(member(111), 4) && voices.has_room(member(111), 5));
        assert!(voices.has_room(member(2), 4) && voices.has_room(member(0), 1));
    }

    #[test]
    fn a_voice_does_not_change() {
        let mut voices = Voices::of_founders([member(0)]);
        voices.admit(member(1), member(0));
        voices.admit(member(2), member(1));
        voices.admit(member(2), member(0));
        assert_eq!(voices.of(member(2)), member(1));
    }
}
