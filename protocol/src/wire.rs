//! Messages between two nodes: admission, sync, and gossip frames.
//!
//! The transport proves the peer's key. A stranger gets nothing but a challenge; with a proof of an
//! invitation's secret over both nonces it gets the charter, and with its signed Join it is vouched for.

use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};

use crate::charter::SignedCharter;
use crate::codec::{self, Decode, Encode};
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

/// Frames on a federation's gossip topic.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
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

/// Why a gossip frame was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not sealed under this federation's key: not by a member.
    #[error("the frame is not sealed for this federation")]
    Unsealed,
    /// Sealed, but not a frame.
    #[error(transparent)]
    Codec(#[from] codec::DecodeError),
}

/// Seals gossip of one federation, so that peers in its mesh that are no members (the mesh cannot keep
/// them out) read nothing but sizes.
///
/// The key comes from the charter's text, which holds 32 random bytes and is shown only to members and
/// to who proves an invitation. XChaCha20-Poly1305 with a nonce that is a keyed hash of the plaintext:
/// equal frames are sealed equally, whoever sends them, and are one message to the mesh. Members that
/// left keep the key; what they may still do is read gossip.
#[derive(Clone)]
pub struct FrameSeal {
    cipher: XChaCha20Poly1305,
    nonce_key: [u8; 32],
}

const NONCE_BYTES: usize = 24;

impl FrameSeal {
    /// The seal of a federation.
    #[must_use]
    pub fn new(charter: &SignedCharter) -> Self {
        let text = charter.text.as_bytes();
        let key = blake3::derive_key("commonlore gossip key v1", text);
        let nonce_key = blake3::derive_key("commonlore gossip nonce v1", text);
        Self { cipher: XChaCha20Poly1305::new(&key.into()), nonce_key }
    }

    /// The bytes that are gossiped: nonce, then ciphertext.
    #[must_use]
    pub fn seal(&self, frame: &Frame) -> Vec<u8> {
        self.seal_bytes(&codec::encode(frame))
    }

    /// Seals bytes whatever they hold, as a hostile member may.
    #[must_use]
    pub fn seal_bytes(&self, plain: &[u8]) -> Vec<u8> {
        let hash = blake3::keyed_hash(&self.nonce_key, plain);
        let nonce = XNonce::from_slice(&hash.as_bytes()[..NONCE_BYTES]);
        // SAFETY: encryption fails only for messages beyond 256 GiB.
        #[allow(clippy::expect_used)]
        let sealed = self.cipher.encrypt(nonce, plain).expect("a frame is short");
        [nonce.as_slice(), &sealed].concat()
    }

    /// The frame in gossiped bytes.
    ///
    /// # Errors
    /// Fails when they were not sealed by a member, or hold no frame.
    pub fn open(&self, bytes: &[u8]) -> Result<Frame, FrameError> {
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(FrameError::Unsealed)?;
        let plain = self.cipher.decrypt(XNonce::from_slice(nonce), sealed);
        let plain = plain.map_err(|_| FrameError::Unsealed)?;
        Ok(codec::decode(&plain)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::delta::Spend;
    use crate::identity::Signature;
    use crate::ids::{CheckpointId, Hash, MemberId};
    use crate::payload::PayloadKind;

    fn charter(text: &str) -> SignedCharter {
        SignedCharter { text: text.into(), signatures: Vec::new() }
    }

    fn frame() -> Frame {
        let header = crate::delta::Header {
            version: 1,
            federation: FederationId::ZERO,
            author: MemberId::ZERO,
            seq: 0,
            prev: None,
            anchor: CheckpointId::ZERO,
            deps: Vec::new(),
            depth: 1,
            epoch: 1,
            spend: Spend::default(),
            payload_kind: PayloadKind::Void,
            payload_len: 0,
            payload_hash: Hash::ZERO,
        };
        Frame::Full(Delta { header, signature: Signature([0; 64]), payload: Some(vec![1, 2, 3]) })
    }

    #[test]
    fn a_frame_is_read_by_members_only() {
        let (ours, theirs) = (FrameSeal::new(&charter("a")), FrameSeal::new(&charter("b")));
        let sealed = ours.seal(&frame());
        assert_eq!(ours.open(&sealed), Ok(frame()));
        assert_eq!(theirs.open(&sealed), Err(FrameError::Unsealed));
        assert_eq!(ours.open(&sealed[..10]), Err(FrameError::Unsealed));
    }

    #[test]
    fn equal_frames_are_sealed_equally_and_any_change_is_noticed() {
        let seal = FrameSeal::new(&charter("a"));
        let sealed = seal.seal(&frame());
        assert_eq!(sealed, seal.seal(&frame()));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(seal.open(&changed), Err(FrameError::Unsealed));
        }
    }
}
