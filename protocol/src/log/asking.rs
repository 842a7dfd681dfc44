//! Joins that wait for members to vouch for them.

use std::collections::BTreeSet;

use super::Log;
use crate::ids::{DeltaId, MemberId, PublicKey};
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
    /// Their distinct voices ([`crate::voice`]).
    pub voices: usize,
    /// True when the next checkpoint can admit it: [`Log::vouches_needed`] voices vouch, one of them for its invitation.
    pub enough: bool,
}

impl Log {
    /// Joins that a Vouch of the open epoch names, by member.
    pub fn asking(&self) -> impl Iterator<Item = Asking<'_>> {
        let tip = self.tip();
        self.index.vouched().filter_map(move |id| {
            let member = MemberId::from(id);
            let Payload::Join(join) = self.entries.get(&id)?.control()? else {
                return None;
            };
            if tip.roster.contains_key(&member) || tip.keys.contains(&join.key) {
                return None;
            }
            let all = self.open_vouches(id, &join.key).map(|(voucher, _)| voucher);
            let vouchers: BTreeSet<MemberId> = all.collect();
            let vouchers: Vec<MemberId> = vouchers.into_iter().collect();
            let voices = tip.voices.count(vouchers.iter().copied());
            let enough = self.is_awaited(id, &join.key);
            (!vouchers.is_empty()).then_some(Asking { member, join, vouchers, voices, enough })
        })
    }

    /// Returns true when the checkpoint that ends the open epoch can admit a Join with this key: as the epoch's membership
    /// will be computed, without quotas and room.
    pub(super) fn is_awaited(&self, join: DeltaId, key: &PublicKey) -> bool {
        let needed = self.vouches_needed();
        let invitation = self.invitation_of(join.into());
        let named = |vouch: &Vouch| needed == 1 || invitation == Some(vouch.invitation);
        let voices = || self.open_vouches(join, key).map(|(voucher, _)| voucher);
        self.open_vouches(join, key).any(|(_, vouch)| named(vouch))
            && self.tip().voices.count(voices()) >= needed
    }

    /// Vouches for a Join with a key that may admit it at the end of the open epoch, with their authors.
    fn open_vouches(
        &self,
        join: DeltaId,
        key: &PublicKey,
    ) -> impl Iterator<Item = (MemberId, &Vouch)> {
        let of_key = self.index.vouches_of(join).filter(move |(named, ..)| named == key);
        of_key.filter_map(|(_, voucher, place)| {
            let Payload::Vouch(vouch) = self.entries.get(&place.1)?.control()? else {
                return None;
            };
            let stands = self.open_epoch() <= vouch.expires_epoch
                && self.tip().roster.contains_key(voucher)
                && self.is_live(*voucher, *place);
            stands.then_some((*voucher, vouch))
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
            let header = entry.header();
            next = header.prev;
            let Some(Payload::Vouch(vouch)) = entry.control() else { continue };
            let newest = seen.insert(vouch.join);
            let sealed = !self.is_live(member, (header.seq, entry.id));
            let waits = self.entries.contains_key(&vouch.join) && !tip.keys.contains(&vouch.key);
            if newest && sealed && waits && self.open_epoch() <= vouch.expires_epoch {
                open.push(vouch.clone());
            }
        }
        open
    }
}
