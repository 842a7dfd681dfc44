//! Newtypes over 32-byte BLAKE3 hashes and keys. A bare `[u8; 32]` never crosses a module border.

use std::fmt;
use std::str::FromStr;

use crate::codec::{Decode, Encode};

/// Why a textual id was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: expected 64 hexadecimal digits")]
pub struct ParseIdError(pub String);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// Thirty-two zero bytes: "none yet".
            pub const ZERO: Self = Self([0; 32]);

            /// Hashes `parts` under a domain-separation `tag`. Each part is length-prefixed, so
            /// that no two lists of parts give the same input.
            #[must_use]
            pub fn derive(tag: &str, parts: &[&[u8]]) -> Self {
                Self(tagged_hash(tag, parts))
            }

            /// The raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first eight hexadecimal digits, for people.
            #[must_use]
            pub fn short(&self) -> String {
                hex::encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseIdError(text.into()))?;
                Ok(Self(bytes))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(/// A federation: the hash of its signed charter.
    FederationId);
id!(/// A delta: the hash of its header under the tag `commonlore/delta/v1`.
    DeltaId);
id!(/// A member: the id of its first Join. Survives key rotation.
    MemberId);
id!(/// A checkpoint: the hash of its body. Genesis is the charter hash.
    CheckpointId);
id!(/// A skill: the id of its first revision, or the hash of its group key when it began as lessons.
    SkillId);
id!(/// A revision: the tree hash of its bundle.
    RevisionId);
id!(/// A lesson: the hash of its canonical bytes.
    LessonId);
id!(/// A content-addressed blob.
    BlobId);
id!(/// An invitation: the hash of its secret.
    InvitationId);
id!(/// An ed25519 public key; also the libp2p identity of the node.
    PublicKey);
id!(/// Any other BLAKE3 hash.
    Hash);

/// Writes bytes as hexadecimal text where a value is shown as JSON.
pub(crate) fn serialize_hex<T: AsRef<[u8]>, S: serde::Serializer>(
    bytes: &T,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex::encode(bytes))
}

/// BLAKE3 over a tag and length-prefixed parts.
#[must_use]
pub(crate) fn tagged_hash(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(tag.len() as u64).to_le_bytes());
    hasher.update(tag.as_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

impl From<DeltaId> for MemberId {
    /// A member is named by its first Join.
    fn from(join: DeltaId) -> Self {
        Self(join.0)
    }
}

impl From<FederationId> for CheckpointId {
    /// Genesis, checkpoint 0, is the charter hash.
    fn from(federation: FederationId) -> Self {
        Self(federation.0)
    }
}
