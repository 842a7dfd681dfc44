//! Index that finds control deltas without walking chains.

use std::collections::{BTreeMap, BTreeSet};

use crate::delta::Sound;
use crate::ids::{DeltaId, InvitationId, MemberId, PublicKey};
use crate::payload::{Payload, RevokeTarget};

/// A delta's place: height and id.
pub(super) type Place = (u64, DeltaId);

/// Accepted Vouches and member revocations, forks and excluded ones included.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    vouched: BTreeMap<DeltaId, BTreeSet<(PublicKey, MemberId, Place)>>,
    keys: BTreeSet<PublicKey>,
    invitations: BTreeMap<(MemberId, InvitationId), BTreeSet<Place>>,
    revoked: BTreeMap<MemberId, BTreeMap<MemberId, BTreeSet<Place>>>,
}

impl Index {
    pub(super) fn insert(&mut self, chain: MemberId, sound: &Sound) {
        let place = (sound.header().seq, sound.id);
        match &sound.payload {
            Payload::Vouch(vouch) => {
                self.vouched.entry(vouch.join).or_default().insert((vouch.key, chain, place));
                self.keys.insert(vouch.key);
                self.invitations.entry((chain, vouch.invitation)).or_default().insert(place);
            }
            Payload::Revoke(revoke) => {
                if let RevokeTarget::Member(member) = revoke.target {
                    self.revoked.entry(member).or_default().entry(chain).or_default().insert(place);
                }
            }
            _ => {}
        }
    }

    /// Returns true when some Vouch names this Join with this key. Several Vouches may name one Join, and not
    /// all the true key.
    pub(super) fn vouches_for(&self, join: DeltaId, key: &PublicKey) -> bool {
        self.vouches_of(join).any(|(known, ..)| known == key)
    }

    /// Vouches that name a Join: key, author and place.
    pub(super) fn vouches_of(
        &self,
        join: DeltaId,
    ) -> impl Iterator<Item = &(PublicKey, MemberId, Place)> {
        self.vouched.get(&join).into_iter().flatten()
    }

    pub(super) fn is_vouched_key(&self, key: &PublicKey) -> bool {
        self.keys.contains(key)
    }

    /// Places of a chain's Vouches that name an invitation, by height.
    pub(super) fn uses(
        &self,
        chain: MemberId,
        invitation: InvitationId,
    ) -> impl Iterator<Item = Place> + '_ {
        self.invitations.get(&(chain, invitation)).into_iter().flatten().copied()
    }

    /// Members that revoked a member, with the places on their chains.
    pub(super) fn revokers(
        &self,
        member: MemberId,
    ) -> impl Iterator<Item = (MemberId, &BTreeSet<Place>)> {
        self.revoked.get(&member).into_iter().flatten().map(|(author, places)| (*author, places))
    }
}
