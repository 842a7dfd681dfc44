//! Control payloads: who belongs, and where epochs end. None is built from private data.

use crate::codec::{Decode, Encode};
use crate::identity::Signature;
use crate::ids::{
    CheckpointId, DeltaId, FederationId, Hash, InvitationId, LessonId, MemberId, PublicKey,
    RevisionId,
};

/// First delta of a chain. Its header names author `MemberId::ZERO`; its id becomes the member's id.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Join {
    /// The member's key.
    pub key: PublicKey,
    /// Hash of a recovery public key, kept offline.
    pub recovery: Hash,
    /// The invitation used; none for founders.
    pub invitation: Option<InvitationId>,
    /// Name to show to people, at most 64 bytes; means nothing to the protocol.
    pub name: String,
}

/// Admits a Join.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Vouch {
    /// The Join.
    pub join: DeltaId,
    /// The key that the Join names.
    pub key: PublicKey,
    /// The invitation.
    pub invitation: InvitationId,
    /// Number of Joins that Vouches of this chain may name with this invitation.
    pub uses: u16,
    /// Last epoch in which a checkpoint may seal this Vouch.
    pub expires_epoch: u32,
}

/// The author leaves.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Leave {
    /// A word to the others, at most 256 bytes.
    pub reason: String,
}

/// Target of a Revoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeTarget {
    /// A revision.
    Revision(RevisionId),
    /// A lesson.
    Lesson(LessonId),
    /// A member.
    Member(MemberId),
}

/// One revoker's word.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Revoke {
    /// The target.
    pub target: RevokeTarget,
    /// Why, at most 256 bytes.
    pub reason: String,
}

/// Replaces a member's key: for one that was lost or stolen, or whose chain has forked. The delta itself is signed
/// by the new key, and comes before every other delta at its height: what the old key signed there and above, and
/// no checkpoint covers, is void.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct RotateKey {
    /// The member.
    pub member: MemberId,
    /// The new key.
    pub new_key: PublicKey,
    /// Last delta of the old key that stands.
    pub last_good: (u64, DeltaId),
    /// Sorted, at most [`MAX_KEPT`](super::MAX_KEPT): checkpoints beside the line of this delta's anchor that the old
    /// key sealed as the only signer, and that may be anchors. No other one that it sealed counts from here on.
    pub keeps: Vec<CheckpointId>,
    /// The recovery key whose hash the Join committed to.
    pub recovery_key: PublicKey,
    /// The recovery key's signature over [`RotateKey::signed_bytes`].
    pub recovery_signature: Signature,
}

impl RotateKey {
    /// The bytes that the recovery key signs: federation, member, new key, last good delta, and what it keeps.
    #[must_use]
    pub fn signed_bytes(&self, federation: FederationId) -> Vec<u8> {
        let (seq, id) = &self.last_good;
        let keeps: Vec<u8> = self.keeps.iter().flat_map(|id| *id.as_bytes()).collect();
        let parts: [&[u8]; 7] = [
            b"commonlore/rotate-key/v1",
            federation.as_bytes(),
            self.member.as_bytes(),
            &self.new_key.0,
            &seq.to_be_bytes(),
            id.as_bytes(),
            &keeps,
        ];
        parts.concat()
    }
}

/// A signer's word on who signs checkpoints. It counts once a quorum of the signers say the same, each in its
/// newest word, and from the checkpoint that covers the last of them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Signers {
    /// Sorted: the signers that there should be, at most [`MAX_SIGNERS`](super::MAX_SIGNERS).
    pub members: Vec<MemberId>,
}

/// The scheduled release that this delta stands for sent nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Void {
    /// Id of the release and its period.
    pub release: Hash,
}

/// Phase of a checkpoint round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// First phase.
    Prepare,
    /// Second phase; a quorum of these makes a body final.
    Commit,
}

/// One signer's word on a checkpoint body.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Checkpoint {
    /// Round within the epoch.
    pub round: u32,
    /// Phase.
    pub phase: Phase,
    /// The body.
    pub body: Body,
}

/// Content of a checkpoint. [`CheckpointId`] is its hash.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Body {
    /// One more than the parent's.
    pub epoch: u32,
    /// The checkpoint before.
    pub parent: CheckpointId,
    /// Sorted by author: everything up to and with these deltas is covered.
    pub frontier: Vec<FrontierEntry>,
    /// Sorted by member: the members after this checkpoint.
    pub roster: Vec<RosterEntry>,
    /// Sorted: who signs the next checkpoint.
    pub signers: Vec<MemberId>,
    /// Sorted: members that left or were removed, for ever.
    pub removed: Vec<Removal>,
    /// Sorted: chains with a proven fork, cut at their covered height.
    pub excluded: Vec<Removal>,
    /// Sorted: final checkpoints that do not stand, after which signing goes on by the signers' decision.
    pub healed: Vec<CheckpointId>,
    /// Claimed root of the sealed state after this checkpoint.
    pub state_root: Hash,
}

/// The tip of one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
pub struct FrontierEntry {
    /// The chain.
    pub author: MemberId,
    /// Height of the tip.
    pub seq: u64,
    /// The tip.
    pub id: DeltaId,
}

/// One member with its current key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
pub struct RosterEntry {
    /// The member.
    pub member: MemberId,
    /// Its current key.
    pub key: PublicKey,
    /// Member that admitted it; its own id for a founder.
    pub sponsor: MemberId,
}

/// A member whose chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
pub struct Removal {
    /// The member.
    pub member: MemberId,
    /// The key it had, which cannot join again.
    pub key: PublicKey,
    /// First height that is not folded.
    pub from_seq: u64,
}
