//! One sealed epoch: what its checkpoint covers, who belongs after it, and who signs the next.

use std::collections::{BTreeMap, BTreeSet};

use crate::codec;
use crate::ids::{CheckpointId, DeltaId, FederationId, Hash, MemberId, PublicKey};
use crate::payload::{Body, RosterEntry};
use crate::voice::Voices;

const ID_TAG: &str = "commonlore/checkpoint/v1";

impl Body {
    /// The checkpoint's id.
    #[must_use]
    pub fn id(&self) -> CheckpointId {
        CheckpointId::derive(ID_TAG, &[&codec::encode(self)])
    }
}

/// One sealed epoch.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Its checkpoint.
    pub id: CheckpointId,
    /// Body of the checkpoint.
    pub body: Body,
    /// Deltas that it covers and its parent does not, by author and height.
    pub covered: Vec<DeltaId>,
    /// Covered height and id of every chain.
    pub frontier: BTreeMap<MemberId, (u64, DeltaId)>,
    /// Members after it.
    pub roster: BTreeMap<MemberId, RosterEntry>,
    /// Members that sign the next one.
    pub signers: Vec<MemberId>,
    /// The voice of every member so far, former ones included.
    pub voices: Voices,
    /// Every key that a member has had so far. None of them can join.
    pub keys: BTreeSet<PublicKey>,
}

impl Sealed {
    pub(super) fn genesis(federation: FederationId, founders: &[(MemberId, PublicKey)]) -> Self {
        let entry = |(member, key): &(MemberId, PublicKey)| RosterEntry {
            member: *member,
            key: *key,
            sponsor: *member,
        };
        let mut roster: Vec<RosterEntry> = founders.iter().map(entry).collect();
        roster.sort();
        let mut signers: Vec<MemberId> = roster.iter().map(|entry| entry.member).collect();
        signers.sort();
        let body = Body {
            epoch: 0,
            parent: federation.into(),
            frontier: Vec::new(),
            signers: signers.clone(),
            removed: Vec::new(),
            excluded: Vec::new(),
            healed: Vec::new(),
            state_root: Hash::ZERO,
            roster: roster.clone(),
        };
        Self {
            id: federation.into(),
            body,
            covered: Vec::new(),
            frontier: BTreeMap::new(),
            roster: roster.into_iter().map(|entry| (entry.member, entry)).collect(),
            signers,
            voices: Voices::of_founders(founders.iter().map(|(member, _)| *member)),
            keys: founders.iter().map(|(_, key)| *key).collect(),
        }
    }

    /// The epoch that it ends; 0 for genesis.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.body.epoch
    }

    /// First height of a former member's chain that is not folded; none for others.
    #[must_use]
    pub fn gone_from(&self, member: MemberId) -> Option<u64> {
        let gone = self.body.removed.iter().chain(&self.body.excluded);
        gone.filter(|removal| removal.member == member).map(|removal| removal.from_seq).min()
    }

    /// Returns true when a key was a member's and is no more, since the member left, was removed or has another key:
    /// it is never a member's again.
    #[must_use]
    pub fn is_gone(&self, key: &PublicKey) -> bool {
        self.keys.contains(key) && !self.roster.values().any(|entry| entry.key == *key)
    }

    /// Number of signers that have to agree on the end of the next epoch: more than two thirds.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.signers.len() * 2 / 3 + 1
    }
}
