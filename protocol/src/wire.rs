//! Questions and answers between two nodes: admission, sync, addresses and files.
//!
//! The transport proves the peer's key. A stranger gets nothing but a challenge; with a proof of an
//! invitation's secret over both nonces it gets the charter, and with its signed Join it is vouched for.

use crate::charter::SignedCharter;
use crate::codec::{Decode, Encode};
use crate::delta::{Delta, Header, as_hex};
use crate::identity::Signature;
use crate::ids::{BlobId, CheckpointId, FederationId, Hash, InvitationId, MemberId, PublicKey};
use crate::sync::{Answer, Ask};

/// Most addresses of one peer in [`Reply::Peers`].
pub const MAX_ADDRESSES: usize = 8;
/// Most peers in [`Reply::Peers`].
pub const MAX_PEERS: usize = 64;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Anti-entropy in a federation.
    Sync {
        /// The federation.
        federation: FederationId,
        /// The question.
        ask: Ask,
    },
    /// Asks for the other members and their addresses.
    Peers {
        /// The federation.
        federation: FederationId,
    },
    /// A stranger asks for a challenge.
    Knock {
        /// The federation.
        federation: FederationId,
        /// The stranger's nonce.
        #[serde(serialize_with = "crate::ids::serialize_hex")]
        nonce: [u8; 32],
    },
    /// The charter, for somebody who knows an invitation.
    Charter {
        /// The federation.
        federation: FederationId,
        /// The invitation.
        invitation: InvitationId,
        /// [`crate::invitation::Invitation::proof`].
        proof: Hash,
    },
    /// "Vouch for me."
    Admit {
        /// The federation.
        federation: FederationId,
        /// The invitation.
        invitation: InvitationId,
        /// [`crate::invitation::Invitation::proof`].
        proof: Hash,
        /// The Join.
        join: Box<Delta>,
    },
    /// Asks for what a new key of a member that lost its key needs to sign its RotateKey.
    Lost {
        /// The federation.
        federation: FederationId,
        /// The recovery key that the member's Join commits to.
        recovery_key: PublicKey,
        /// Its signature over [`lost_bytes`] with the asker's key.
        proof: Signature,
    },
    /// Hands over the RotateKey that gives a member the asker's key.
    Rotate {
        /// The federation.
        federation: FederationId,
        /// The RotateKey.
        delta: Box<Delta>,
    },
    /// Asks for a file of a revision. One file is one request, so that what came before a connection broke stays.
    Blob {
        /// The federation whose library names the file.
        federation: FederationId,
        /// The file.
        blob: BlobId,
    },
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Sync`].
    Sync(Box<Answer>),
    /// To [`Request::Peers`]: keys with addresses, as multiaddresses.
    Peers(Vec<(PublicKey, Vec<String>)>),
    /// To [`Request::Knock`].
    Challenge {
        /// The answerer's nonce.
        #[serde(serialize_with = "crate::ids::serialize_hex")]
        nonce: [u8; 32],
    },
    /// To [`Request::Charter`].
    Charter(SignedCharter),
    /// To [`Request::Admit`], and to [`Request::Rotate`].
    Admitted,
    /// To [`Request::Lost`].
    Found {
        /// The charter.
        charter: SignedCharter,
        /// The member.
        member: MemberId,
        /// Header of its RotateKey, payload fields still empty; none when the asker's key is the member's already.
        header: Option<Box<Header>>,
        /// Checkpoints that the RotateKey should keep.
        keeps: Vec<CheckpointId>,
    },
    /// "No", and what to do about it.
    Refused(String),
    /// To [`Request::Blob`]: the whole file, at most [`MAX_FILE_BYTES`](crate::skill::MAX_FILE_BYTES); none when it is
    /// not here.
    Blob(#[serde(serialize_with = "as_hex")] Option<Vec<u8>>),
}

/// The bytes that a recovery key signs in [`Request::Lost`]: they are of use only to who has the new key.
#[must_use]
pub fn lost_bytes(federation: FederationId, new_key: &PublicKey) -> Vec<u8> {
    [&b"commonlore/lost/v1"[..], federation.as_bytes(), new_key.as_bytes()].concat()
}
