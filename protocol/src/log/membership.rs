//! Who belongs after an epoch: a pure function of the epoch before and the deltas it covers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Log, Sealed};
use crate::ids::{DeltaId, InvitationId, MemberId, PublicKey};
use crate::payload::{Payload, Removal, RevokeTarget, RosterEntry, Vouch};

/// Members and former members after an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) roster: BTreeMap<MemberId, RosterEntry>,
    pub(super) removed: BTreeMap<MemberId, Removal>,
}

impl Log {
    /// The membership after `parent` when `covered` is folded, with the chains at `frontier`.
    ///
    /// Vouches count in the order of (author, height); Leave and Revoke after them, so that somebody
    /// admitted and removed in one epoch is removed.
    pub(super) fn membership(
        &self,
        parent: &Sealed,
        covered: &[DeltaId],
        frontier: &BTreeMap<MemberId, (u64, DeltaId)>,
    ) -> Membership {
        let epoch = parent.epoch() + 1;
        let mut roster = parent.roster.clone();
        let mut removed: BTreeMap<MemberId, Removal> =
            parent.body.removed.iter().map(|removal| (removal.member, *removal)).collect();
        let mut keys: BTreeSet<PublicKey> = roster.values().map(|entry| entry.key).collect();
        keys.extend(removed.values().map(|removal| removal.key));
        keys.extend(parent.body.excluded.iter().map(|removal| removal.key));

        let mut ordered: Vec<_> = covered.iter().filter_map(|id| self.entries.get(id)).collect();
        ordered.sort_by_key(|entry| (entry.sound.chain(), entry.sound.header().seq));
        for entry in &ordered {
            let Payload::Vouch(vouch) = &entry.sound.payload else {
                continue;
            };
            let member = MemberId::from(vouch.join);
            let full = roster.len() >= self.charter.limits.members as usize;
            let joined = frontier.contains_key(&member);
            let stands = joined
                && epoch <= vouch.expires_epoch
                && self.within_uses(entry.sound.id, vouch)
                && !keys.contains(&vouch.key)
                && !full;
            if stands {
                keys.insert(vouch.key);
                let sponsor = entry.sound.chain();
                roster.insert(member, RosterEntry { member, key: vouch.key, sponsor });
            }
        }

        for entry in &ordered {
            let gone = match &entry.sound.payload {
                Payload::Leave(_) => entry.sound.chain(),
                Payload::Revoke(revoke) => match revoke.target {
                    RevokeTarget::Member(member) if self.revoked_by_enough(member, frontier) => {
                        member
                    }
                    _ => continue,
                },
                _ => continue,
            };
            if let Some(entry) = roster.remove(&gone) {
                let from_seq = frontier.get(&gone).map_or(0, |(seq, _)| seq + 1);
                removed.insert(gone, Removal { member: gone, key: entry.key, from_seq });
            }
        }
        Membership { roster, removed }
    }

    /// Whether this Vouch is among the first `uses` of its chain that name the invitation.
    fn within_uses(&self, id: DeltaId, vouch: &Vouch) -> bool {
        let mut earlier = 0;
        let mut next = self.entries.get(&id).and_then(|entry| entry.sound.header().prev);
        while let Some(entry) = next.and_then(|id| self.entries.get(&id)) {
            earlier += u32::from(names(&entry.sound.payload, vouch.invitation));
            next = entry.sound.header().prev;
        }
        earlier < u32::from(vouch.uses)
    }

    /// Whether enough distinct authors, within the frontier, revoked a member.
    fn revoked_by_enough(
        &self,
        member: MemberId,
        frontier: &BTreeMap<MemberId, (u64, DeltaId)>,
    ) -> bool {
        let revoked = |author: &MemberId| {
            let mut next = frontier.get(author).map(|(_, id)| *id);
            while let Some(entry) = next.and_then(|id| self.entries.get(&id)) {
                if let Payload::Revoke(revoke) = &entry.sound.payload
                    && revoke.target == RevokeTarget::Member(member)
                {
                    return true;
                }
                next = entry.sound.header().prev;
            }
            false
        };
        let revokers = frontier.keys().filter(|author| revoked(author)).count();
        revokers >= self.charter.limits.revokers as usize
    }
}

fn names(payload: &Payload, invitation: InvitationId) -> bool {
    matches!(payload, Payload::Vouch(vouch) if vouch.invitation == invitation)
}
