//! Membership after an epoch: a pure function of the epoch before and the deltas it covers.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Place;
use super::{Entry, Log, Sealed};
use crate::charter::MAX_MEMBERS_EVER;
use crate::identity::recovery_hash;
use crate::ids::{DeltaId, InvitationId, MemberId, PublicKey};
use crate::payload::{Payload, Removal, RevokeTarget, RosterEntry, Vouch};
use crate::voice::Voices;

/// Members and former members after an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) roster: BTreeMap<MemberId, RosterEntry>,
    pub(super) removed: BTreeMap<MemberId, Removal>,
    pub(super) voices: Voices,
    /// Every key that a member has had so far.
    pub(super) keys: BTreeSet<PublicKey>,
}

impl Log {
    /// The membership after `parent` when `covered` is folded, with the chains at `frontier`.
    ///
    /// New keys count first, then Vouches, in the order of (author, height); Leave and Revoke after them, so that somebody
    /// admitted and removed in one epoch is removed. Where several voices must vouch, the Vouch counts that names the
    /// invitation of the Join, so that the one who invited is the sponsor and not the one who agreed. Signers cannot be revoked: version 1 has no way to
    /// replace them, and without them no epoch ends.
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
        let mut keys = parent.keys.clone();
        let mut voices = parent.voices.clone();
        let mut ordered: Vec<_> = covered.iter().filter_map(|id| self.get(id)).collect();
        ordered.sort_by_key(|entry| (entry.chain, entry.header().seq));
        for entry in &ordered {
            if let Some(Payload::RotateKey(rotation)) = entry.control()
                && let Some(member) = roster.get_mut(&entry.chain)
                && keys.insert(rotation.new_key)
            {
                member.key = rotation.new_key;
            }
        }
        let former = parent.body.excluded.len();
        let standing = self.standing_vouches(&ordered, epoch, frontier);
        let needed = self.vouches_after(parent);
        for (entry, vouch) in &standing {
            let member = MemberId::from(vouch.join);
            let full = roster.len() >= self.charter.limits.members as usize
                || roster.len() + removed.len() + former >= MAX_MEMBERS_EVER;
            let of_it = standing.iter().filter(|(_, other)| other.join == vouch.join);
            let agreed = needed == 1
                || self.invitation_of(member) == Some(vouch.invitation)
                    && parent.voices.count(of_it.map(|(other, _)| other.chain)) >= needed;
            let admits = agreed
                && !keys.contains(&vouch.key)
                && !full
                && voices.has_room(entry.chain, self.charter.limits.members_per_voice);
            if admits {
                keys.insert(vouch.key);
                let sponsor = entry.chain;
                roster.insert(member, RosterEntry { member, key: vouch.key, sponsor });
                voices.admit(member, sponsor);
            }
        }

        for entry in &ordered {
            let gone = match entry.control() {
                Some(Payload::Leave(_)) => entry.chain,
                Some(Payload::Revoke(revoke)) => match revoke.target {
                    RevokeTarget::Member(member)
                        if roster.contains_key(&member)
                            && parent.signers.binary_search(&member).is_err()
                            && self.revoked_by_enough(member, frontier, &voices) =>
                    {
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
        Membership { roster, removed, voices, keys }
    }

    /// The signers after `parent` with the chains at `frontier`: what a quorum of its signers say in their newest
    /// words, or else the same as before; of them, those on the roster. A federation whose last signer goes keeps
    /// it, and ends no epoch any more.
    pub(super) fn signers_after(
        &self,
        parent: &Sealed,
        frontier: &BTreeMap<MemberId, (u64, DeltaId)>,
        roster: &[RosterEntry],
    ) -> Vec<MemberId> {
        let mut words: BTreeMap<&Vec<MemberId>, usize> = BTreeMap::new();
        for signer in &parent.signers {
            let Some(tip) = frontier.get(signer).copied() else { continue };
            let mut said = self.index.signers_of(*signer);
            if let Some((_, members)) = said.find(|(at, _)| self.is_on_branch(*signer, *at, tip)) {
                *words.entry(members).or_default() += 1;
            }
        }
        let agreed = words.into_iter().find(|(_, count)| *count >= parent.quorum());
        let signers = agreed.map_or(&parent.signers, |(members, _)| members);
        let on_roster = |signer: &&MemberId| roster.iter().any(|entry| entry.member == **signer);
        let present: Vec<MemberId> = signers.iter().filter(on_roster).copied().collect();
        if present.is_empty() { parent.signers.clone() } else { present }
    }

    /// The newest word of each signer on who signs, as far as it counts here.
    #[must_use]
    pub fn words_on_signers(&self) -> BTreeMap<MemberId, Vec<MemberId>> {
        let word = |signer: &MemberId| {
            let tip = self.head(*signer)?;
            let mut said = self.index.signers_of(*signer);
            let newest = said.find(|(at, _)| self.is_on_branch(*signer, *at, tip))?;
            Some((*signer, newest.1.clone()))
        };
        self.tip().signers.iter().filter_map(word).collect()
    }

    /// The member of the roster whose Join commits to this recovery key.
    #[must_use]
    pub fn member_with_recovery(&self, recovery_key: &PublicKey) -> Option<MemberId> {
        let hash = recovery_hash(recovery_key);
        let commits = |member: &&MemberId| {
            let join = self.get(&DeltaId(member.0)).and_then(Entry::control);
            matches!(join, Some(Payload::Join(join)) if join.recovery == hash)
        };
        self.tip().roster.keys().find(commits).copied()
    }

    /// The invitation that a member's Join names.
    pub(super) fn invitation_of(&self, member: MemberId) -> Option<InvitationId> {
        match self.get(&DeltaId(member.0))?.control()? {
            Payload::Join(join) => join.invitation,
            _ => None,
        }
    }

    /// The key that a member's Join names; none while the Join is not here. A member's id is the hash of
    /// its Join, so there is only one.
    pub(super) fn key_of(&self, member: MemberId) -> Option<PublicKey> {
        match self.get(&DeltaId(member.0))?.control()? {
            Payload::Join(join) => Some(join.key),
            _ => None,
        }
    }

    /// The covered Vouches that may count in an epoch, in the order of (author, height).
    fn standing_vouches<'a>(
        &self,
        ordered: &[&'a Entry],
        epoch: u32,
        frontier: &BTreeMap<MemberId, (u64, DeltaId)>,
    ) -> Vec<(&'a Entry, &'a Vouch)> {
        let vouches = ordered.iter().filter_map(|entry| match entry.control() {
            Some(Payload::Vouch(vouch)) => Some((*entry, vouch)),
            _ => None,
        });
        let stands = |(entry, vouch): &(&Entry, &Vouch)| {
            let member = MemberId::from(vouch.join);
            // A Vouch cannot give another's Join another key.
            frontier.contains_key(&member)
                && self.key_of(member) == Some(vouch.key)
                && epoch <= vouch.expires_epoch
                && self.within_uses(entry, vouch)
        };
        vouches.filter(stands).collect()
    }

    /// Distinct voices that must vouch for a Join in the epoch after `parent`. One voice may always be silent, or a
    /// member that is lost would shut the door.
    fn vouches_after(&self, parent: &Sealed) -> usize {
        let Some(most) = self.charter.limits.vouches else { return 1 };
        let voices = parent.voices.count(parent.roster.keys().copied());
        (most as usize).min(voices.saturating_sub(1)).max(1)
    }

    /// Distinct voices that must vouch for a Join in the open epoch.
    #[must_use]
    pub fn vouches_needed(&self) -> usize {
        self.vouches_after(self.tip())
    }

    /// Returns true when this Vouch is for one of the first `uses` Joins that its chain names with the invitation. To
    /// vouch again for a Join is no other use.
    fn within_uses(&self, entry: &Entry, vouch: &Vouch) -> bool {
        let chain = entry.chain;
        let here = (entry.header().seq, entry.id);
        let uses = self.index.uses(chain, vouch.invitation);
        let before = uses.take_while(|(place, _)| place.0 < here.0);
        let earlier = before.filter(|(place, _)| self.is_on_branch(chain, *place, here));
        let others: BTreeSet<DeltaId> =
            earlier.map(|(_, join)| join).filter(|join| *join != vouch.join).collect();
        others.len() < usize::from(vouch.uses)
    }

    /// Returns true when enough distinct voices, within the frontier, revoked a member.
    fn revoked_by_enough(
        &self,
        member: MemberId,
        frontier: &BTreeMap<MemberId, (u64, DeltaId)>,
        voices: &Voices,
    ) -> bool {
        let within = |author: MemberId, places: &BTreeSet<Place>| {
            let tip = frontier.get(&author).copied();
            tip.is_some_and(|tip| places.iter().any(|at| self.is_on_branch(author, *at, tip)))
        };
        let revokers = self.index.revokers(member).filter(|(author, at)| within(*author, at));
        let count = voices.count(revokers.map(|(author, _)| author));
        count >= self.charter.limits.revokers as usize
    }
}
