//! Keys and signatures: ed25519, verified strictly.

use ed25519_dalek::Signer as _;

use crate::codec::{Decode, Encode};
use crate::ids::{Hash, PublicKey};

/// An ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Signature(pub [u8; 64]);

impl serde::Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signature({})", hex::encode(&self.0[..4]))
    }
}

/// Hash of a recovery key, to which a member's Join commits.
#[must_use]
pub fn recovery_hash(key: &PublicKey) -> Hash {
    Hash::derive("commonlore/recovery/v1", &[key.as_bytes()])
}

/// Signs bytes that already carry their domain tag.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> PublicKey;
    /// A signature over `message`.
    fn sign(&self, message: &[u8]) -> Signature;
}

/// A secret key in memory. Has no `Debug`; the bytes are for the key file and for libp2p only.
#[derive(Clone)]
pub struct SecretKey(ed25519_dalek::SigningKey);

impl SecretKey {
    /// The key of a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Seed and public half, as libp2p reads them.
    #[must_use]
    pub fn to_keypair_bytes(&self) -> [u8; 64] {
        self.0.to_keypair_bytes()
    }
}

impl Signer for SecretKey {
    fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl PublicKey {
    /// Returns true when the bytes are a point of the curve, so that a peer can have this key.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0).is_ok()
    }

    /// Returns true when `signature` is this key's over `message` (RFC 8032, strict: small-order keys and
    /// non-canonical points are refused).
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0).is_ok_and(|key| {
            key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()
        })
    }
}
