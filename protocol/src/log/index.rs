//! Index that finds control deltas without walking chains.

use std::collections::{BTreeMap, BTreeSet};

use crate::delta::Sound;
use crate::ids::{DeltaId, InvitationId, MemberId, PublicKey};
use crate::payload::{Payload, RevokeTarget};

/// A delta's place: height and id.
pub(super) type Place = (u64, DeltaId);

/// Accepted Vouches, member revocations and words on signers, forks and excluded ones included.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    vouched: BTreeMap<DeltaId, BTreeSet<(PublicKey, MemberId, Place)>>,
    keys: BTreeMap<PublicKey, BTreeSet<DeltaId>>,
    invitations: BTreeMap<(MemberId, InvitationId), BTreeMap<Place, DeltaId>>,
    revoked: BTreeMap<MemberId, BTreeMap<MemberId, BTreeSet<Place>>>,
    signers: BTreeMap<MemberId, BTreeMap<Place, Vec<MemberId>>>,
}

impl Index {
    pub(super) fn insert(&mut self, chain: MemberId, sound: &Sound) {
        let place = (sound.header().seq, sound.id);
        match &sound.payload {
            Payload::Vouch(vouch) => {
                self.vouched.entry(vouch.join).or_default().insert((vouch.key, chain, place));
                self.keys.entry(vouch.key).or_default().insert(vouch.join);
                let uses = self.invitations.entry((chain, vouch.invitation)).or_default();
                uses.insert(place, vouch.join);
            }
            Payload::Revoke(revoke) => {
                if let RevokeTarget::Member(member) = revoke.target {
                    self.revoked.entry(member).or_default().entry(chain).or_default().insert(place);
                }
            }
            Payload::Signers(signers) => {
                let words = self.signers.entry(chain).or_default();
                words.insert(place, signers.members.clone());
            }
            _ => {}
        }
    }

    /// Returns true when some Vouch names this Join with this key. Several Vouches may name one Join, and not
    /// all the true key.
    pub(super) fn vouches_for(&self, join: DeltaId, key: &PublicKey) -> bool {
        self.vouches_of(join).any(|(known, ..)| known == key)
    }

    /// Joins that Vouches name.
    pub(super) fn vouched(&self) -> impl Iterator<Item = DeltaId> + '_ {
        self.vouched.keys().copied()
    }

    /// Vouches that name a Join: key, author and place.
    pub(super) fn vouches_of(
        &self,
        join: DeltaId,
    ) -> impl Iterator<Item = &(PublicKey, MemberId, Place)> {
        self.vouched.get(&join).into_iter().flatten()
    }

    /// Keys that Vouches name, with the Joins that the same Vouches name.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&PublicKey, &BTreeSet<DeltaId>)> {
        self.keys.iter()
    }

    /// Joins that Vouches name with a key.
    pub(super) fn joins_of(&self, key: &PublicKey) -> impl Iterator<Item = &DeltaId> {
        self.keys.get(key).into_iter().flatten()
    }

    /// A chain's Vouches that name an invitation, by height: place and Join.
    pub(super) fn uses(
        &self,
        chain: MemberId,
        invitation: InvitationId,
    ) -> impl Iterator<Item = (Place, DeltaId)> + '_ {
        let uses = self.invitations.get(&(chain, invitation)).into_iter().flatten();
        uses.map(|(place, join)| (*place, *join))
    }

    /// A member's words on who signs, newest first.
    pub(super) fn signers_of(
        &self,
        author: MemberId,
    ) -> impl Iterator<Item = (Place, &Vec<MemberId>)> {
        let words = self.signers.get(&author).into_iter().flatten().rev();
        words.map(|(place, members)| (*place, members))
    }

    /// Members that revoked a member, with the places on their chains.
    pub(super) fn revokers(
        &self,
        member: MemberId,
    ) -> impl Iterator<Item = (MemberId, &BTreeSet<Place>)> {
        self.revoked.get(&member).into_iter().flatten().map(|(author, places)| (*author, places))
    }
}
