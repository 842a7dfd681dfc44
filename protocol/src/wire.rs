//! What two nodes say to each other outside gossip: admission, and sync.
//!
//! The transport proves the peer's key. A stranger gets nothing but a challenge; with a proof of an
//! invitation's secret over both nonces it gets the charter, and with its signed Join it is vouched for.

use bincode::{Decode, Encode};

use crate::charter::SignedCharter;
use crate::delta::Delta;
use crate::ids::{FederationId, Hash, InvitationId, PublicKey};
use crate::sync::{Answer, Ask};

/// Most addresses of one peer in [`Reply::Peers`].
pub const MAX_ADDRESSES: usize = 8;
/// Most peers in [`Reply::Peers`].
pub const MAX_PEERS: usize = 64;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// Anti-entropy in a federation.
    Sync {
        /// The federation.
        federation: FederationId,
        /// The question.
        ask: Ask,
    },
    /// Who else is a member, and where?
    Peers {
        /// The federation.
        federation: FederationId,
    },
    /// A stranger asks for a challenge.
    Knock {
        /// The federation.
        federation: FederationId,
        /// The stranger's nonce.
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
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Reply {
    /// To [`Request::Sync`].
    Sync(Box<Answer>),
    /// To [`Request::Peers`]: keys with addresses, as multiaddresses.
    Peers(Vec<(PublicKey, Vec<String>)>),
    /// To [`Request::Knock`].
    Challenge {
        /// The answerer's nonce.
        nonce: [u8; 32],
    },
    /// To [`Request::Charter`].
    Charter(SignedCharter),
    /// To [`Request::Admit`].
    Admitted,
    /// "No", and what to do about it.
    Refused(String),
}

/// What travels on a federation's gossip topic.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Frame {
    /// A whole delta.
    Full(Delta),
    /// The announcement of a delta too large to push: whoever lacks it syncs with the sender.
    Head(Delta),
}

/// Longest encoded delta that is pushed whole, in bytes.
pub const MAX_FULL_BYTES: usize = 16 << 10;

impl Frame {
    /// The frame for a delta: whole, or its header and signature.
    #[must_use]
    pub fn of(delta: &Delta) -> Self {
        let size = delta.payload.as_ref().map_or(0, Vec::len);
        if size > MAX_FULL_BYTES {
            let header = delta.header.clone();
            Self::Head(Delta { header, signature: delta.signature, payload: None })
        } else {
            Self::Full(delta.clone())
        }
    }
}
