//! Joins that wait for members to vouch for them.

use std::collections::BTreeSet;

use super::Log;
use crate::ids::{DeltaId, MemberId};
use crate::payload::{Join, Payload, Vouch};

/// A Join that a member vouched for and that no checkpoint has admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking<'a> {
    /// The member that it would be.
    pub member: MemberId,
    /// The Join.
    pub join: &'a Join,
    /// Sorted: members that vouched for it in the open epoch.
    pub vouchers: Vec<MemberId>,
    /// Their voices ([`crate::voice`]); with [`Log::vouches_needed`] of them, the next checkpoint can admit it.
    pub voices: usize,
}

impl Log {
    /// Joins that a Vouch of the open epoch names, by member.
    pub fn asking(&self) -> impl Iterator<Item = Asking<'_>> {
        let tip = self.tip();
        self.index.vouched().filter_map(move |(join_id, vouches)| {
            let member = MemberId::from(join_id);
            let Payload::Join(join) = &self.entries.get(&join_id)?.sound.payload else {
                return None;
            };
            if tip.roster.contains_key(&member) || tip.keys.contains(&join.key) {
                return None;
            }
            let open = vouches.iter().filter(|(key, voucher, place)| {
                let until =
                    self.entries.get(&place.1).and_then(|entry| match &entry.sound.payload {
                        Payload::Vouch(vouch) => Some(vouch.expires_epoch),
                        _ => None,
                    });
                *key == join.key
                    && until.is_some_and(|until| self.may_still_admit(&(*voucher, *place, until)))
            });
            let vouchers: BTreeSet<MemberId> = open.map(|(_, voucher, _)| *voucher).collect();
            let vouchers: Vec<MemberId> = vouchers.into_iter().collect();
            let voices = tip.voices.count(vouchers.iter().copied());
            (!vouchers.is_empty()).then_some(Asking { member, join, vouchers, voices })
        })
    }

    /// Joins for which `member` vouched in an epoch that is over and did not admit them, and may vouch again: the
    /// newest Vouch for each is given. Asked once an epoch: it walks the member's chain.
    #[must_use]
    pub fn unanswered_vouches(&self, member: MemberId) -> Vec<Vouch> {
        let tip = self.tip();
        let mut seen = BTreeSet::<DeltaId>::new();
        let mut open = Vec::new();
        let mut next = self.head(member).map(|(_, id)| id);
        while let Some(entry) = next.and_then(|id| self.entries.get(&id)) {
            let header = entry.sound.header();
            next = header.prev;
            let Payload::Vouch(vouch) = &entry.sound.payload else { continue };
            let newest = seen.insert(vouch.join);
            let sealed = !self.is_live(member, (header.seq, entry.sound.id));
            let waits = self.entries.contains_key(&vouch.join) && !tip.keys.contains(&vouch.key);
            if newest && sealed && waits && self.open_epoch() <= vouch.expires_epoch {
                open.push(vouch.clone());
            }
        }
        open
    }
}
