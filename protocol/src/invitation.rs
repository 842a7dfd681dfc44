//! Invitations: one line that can be pasted.

use crate::codec::{self, Decode, Encode};
use crate::ids::{FederationId, Hash, InvitationId, PublicKey};

const PREFIX: &str = "lore-invite-1-";
const ID_TAG: &str = "commonlore/invitation/v1";
const MAC_TAG: &str = "commonlore invitation proof v1";

/// Why a line is not an invitation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Not of this form at all.
    #[error("this is not an invitation: an invitation is one line that begins with `{PREFIX}`")]
    Form,
    /// A character is missing or changed.
    #[error("the invitation is damaged: copy the whole line again")]
    Damaged,
}

/// Invitation that the inviter hands over, outside the network.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Invitation {
    /// The federation: the charter's hash.
    pub federation: FederationId,
    /// The inviter's key.
    pub inviter: PublicKey,
    /// Multiaddresses that the inviter listens on.
    pub addresses: Vec<String>,
    /// The secret that admits.
    pub secret: [u8; 32],
    /// Number of members that may use it.
    pub uses: u16,
    /// Last epoch in which it admits.
    pub expires_epoch: u32,
}

impl Invitation {
    /// Its public name: a hash of the secret.
    #[must_use]
    pub fn id(&self) -> InvitationId {
        InvitationId::derive(ID_TAG, &[&self.secret])
    }

    /// Proof of knowing the secret, bound to the federation, the joiner's key and both nonces.
    #[must_use]
    pub fn proof(&self, joiner: &PublicKey, challenge: &Challenge) -> Hash {
        proof(&self.secret, &self.federation, joiner, challenge)
    }

    /// The line.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut bytes = codec::encode(self);
        let sum = blake3::hash(&bytes);
        bytes.extend(&sum.as_bytes()[..4]);
        format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(&bytes))
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`InvitationError::Form`] for another text, [`InvitationError::Damaged`] when the checksum
    /// does not fit.
    pub fn from_line(line: &str) -> Result<Self, InvitationError> {
        let text = line.trim().strip_prefix(PREFIX).ok_or(InvitationError::Form)?;
        let bytes = data_encoding::BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| InvitationError::Damaged)?;
        let (body, sum) = bytes
            .len()
            .checked_sub(4)
            .and_then(|at| bytes.split_at_checked(at))
            .ok_or(InvitationError::Damaged)?;
        if blake3::hash(body).as_bytes().get(..4) != Some(sum) {
            return Err(InvitationError::Damaged);
        }
        codec::decode(body).map_err(|_| InvitationError::Damaged)
    }
}

/// The nonces of one handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Challenge {
    /// The joiner's.
    pub joiner: [u8; 32],
    /// The inviter's.
    pub inviter: [u8; 32],
}

/// Keyed BLAKE3 over federation, joiner and both nonces.
/// Compared by [`proves`].
fn proof(
    secret: &[u8; 32],
    federation: &FederationId,
    joiner: &PublicKey,
    challenge: &Challenge,
) -> Hash {
    let key = blake3::derive_key(MAC_TAG, secret);
    let mut message = Vec::with_capacity(128);
    message.extend(federation.as_bytes());
    message.extend(joiner.as_bytes());
    message.extend(challenge.joiner);
    message.extend(challenge.inviter);
    Hash(*blake3::keyed_hash(&key, &message).as_bytes())
}

/// Returns true when `claimed` proves knowledge of `secret`; compared in constant time.
#[must_use]
pub fn proves(
    secret: &[u8; 32],
    federation: &FederationId,
    joiner: &PublicKey,
    challenge: &Challenge,
    claimed: &Hash,
) -> bool {
    let expected = proof(secret, federation, joiner, challenge);
    blake3::Hash::from_bytes(expected.0) == blake3::Hash::from_bytes(claimed.0)
}
