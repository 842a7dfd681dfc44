//! The unit of replication: a signed header, and the payload that it commits to.

use crate::codec::{self, Decode, DecodeError, Encode};
use crate::identity::{Signature, Signer};
use crate::ids::{CheckpointId, DeltaId, FederationId, Hash, MemberId, PublicKey};
use crate::payload::{MAX_PAYLOAD_BYTES, Payload, PayloadKind};
use crate::proofs::{Claim, LEAST_BATCH, all_signed};

/// The version of the protocol that this crate speaks.
pub const VERSION: u8 = 1;
/// Most ids in [`Header::deps`].
pub const MAX_DEPS: usize = 16;
/// Depths and epochs stay below this, so that both fit one 64-bit sort key.
pub const MAX_DEPTH: u32 = 1 << 31;
/// Longest encoded delta, in bytes: a payload and a header with all its deps.
pub const MAX_DELTA_BYTES: usize = MAX_PAYLOAD_BYTES + 2048;

const ID_TAG: &str = "commonlore/delta/v1";

/// Privacy budget that a member has spent in one period, cumulative and rounded up.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Encode,
    Decode,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Spend {
    /// The accounting period: epoch divided by the charter's epochs per period.
    pub period: u32,
    /// Zero-concentrated differential privacy, in 1e-9.
    pub rho_nano: u64,
    /// Additive delta of thresholds, in 1e-18.
    pub delta_e18: u64,
}

/// Everything of a delta but its payload and signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Header {
    /// Protocol version.
    pub version: u8,
    /// The federation; a delta replayed into another one is refused by this field.
    pub federation: FederationId,
    /// The author; `MemberId::ZERO` in a Join, whose own id becomes the member's.
    pub author: MemberId,
    /// Height in the author's chain, from 0.
    pub seq: u64,
    /// The author's delta before; none at height 0.
    pub prev: Option<DeltaId>,
    /// Last final checkpoint that the author had applied.
    pub anchor: CheckpointId,
    /// Sorted: other deltas that this one rests on.
    pub deps: Vec<DeltaId>,
    /// One more than the greatest depth of prev and deps; 1 without any.
    pub depth: u32,
    /// One more than the anchor's epoch.
    pub epoch: u32,
    /// Cumulative privacy spend after this delta.
    pub spend: Spend,
    /// Kind of the payload.
    pub payload_kind: PayloadKind,
    /// Length of the payload, in bytes.
    pub payload_len: u32,
    /// BLAKE3 of the payload.
    pub payload_hash: Hash,
}

impl Header {
    /// The bytes that are hashed and signed.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = ID_TAG.as_bytes().to_vec();
        bytes.extend(codec::encode(self));
        bytes
    }

    /// The delta's id: BLAKE3 of the signed bytes.
    #[must_use]
    pub fn id(&self) -> DeltaId {
        DeltaId(*blake3::hash(&self.signed_bytes()).as_bytes())
    }

    /// Member whose chain this is on: the author, or the new member that a Join makes.
    #[must_use]
    pub fn chain(&self) -> MemberId {
        if self.payload_kind == PayloadKind::Join { self.id().into() } else { self.author }
    }

    /// As [`Self::chain`], of a header whose id is known.
    #[must_use]
    pub fn chain_of(&self, id: DeltaId) -> MemberId {
        if self.payload_kind == PayloadKind::Join { id.into() } else { self.author }
    }
}

/// Checks the signatures of many deltas together, each by the key that is likely its author's; none where there is
/// none. Where all are true, [`Sound::signed_by`] knows so. Where not, it checks each by itself as ever.
/// `secret` must be unknown to authors and peers.
pub fn prove(sounds: &mut [Sound], keys: &[Option<PublicKey>], secret: &[u8; 32]) {
    let claims: Vec<Claim> = sounds
        .iter()
        .zip(keys)
        .filter(|(sound, _)| sound.proof == Proof::Nothing)
        .filter_map(|(sound, key)| {
            let message = sound.header().signed_bytes();
            Some(Claim { key: (*key)?, message, signature: sound.delta.signature })
        })
        .collect();
    if claims.len() >= LEAST_BATCH && all_signed(&claims, secret) {
        for (sound, key) in sounds.iter_mut().zip(keys) {
            if let (Proof::Nothing, Some(key)) = (sound.proof, key) {
                sound.proof = Proof::Of(*key);
            }
        }
    }
}

/// A header, its signature, and the payload where it travels along.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Delta {
    /// The header.
    pub header: Header,
    /// The author's signature over [`Header::signed_bytes`].
    pub signature: Signature,
    /// Encoded payload.
    #[serde(serialize_with = "as_hex")]
    pub payload: Option<Vec<u8>>,
}

/// Bytes as hexadecimal text, where an option of them is written as JSON.
pub(crate) fn as_hex<S: serde::Serializer>(
    bytes: &Option<Vec<u8>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&bytes.as_ref().map(hex::encode), to)
}

/// Faults of a delta that are visible in its bytes alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes do not decode.
    #[error(transparent)]
    Codec(#[from] DecodeError),
    /// Too long.
    #[error("the delta has {0} bytes; at most {MAX_DELTA_BYTES} are allowed")]
    Oversized(usize),
    /// Another version.
    #[error("the delta speaks protocol version {0}; this node speaks {VERSION}: upgrade it")]
    Version(u8),
    /// A field of the header contradicts another.
    #[error("the header is inconsistent: {0}")]
    Header(&'static str),
    /// The payload is not the one that the header names.
    #[error("the payload does not match the header: {0}")]
    Payload(&'static str),
}

/// A delta whose bytes are sound: decoded, bounded, payload matching the header. Its signature and
/// its ancestors are not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// The id.
    pub id: DeltaId,
    /// The delta.
    pub delta: Delta,
    /// The decoded payload.
    pub payload: Payload,
    /// What is known of its signature.
    proof: Proof,
}

/// What is known of a signature before the author's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Nothing,
    /// This key has signed.
    Of(PublicKey),
    /// A log has accepted the delta, so the author's key has.
    Accepted,
}

impl Delta {
    /// Signs a payload under a header whose payload fields are filled in here.
    #[must_use]
    pub fn sign(mut header: Header, payload: &Payload, signer: &dyn Signer) -> Self {
        let bytes = codec::encode(payload);
        header.payload_kind = payload.kind();
        header.payload_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        header.payload_hash = Hash(*blake3::hash(&bytes).as_bytes());
        let signature = signer.sign(&header.signed_bytes());
        Self { header, signature, payload: Some(bytes) }
    }

    /// About its encoded size, in bytes: the payload, and room for header and signature.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        u64::from(self.header.payload_len) + 512
    }

    /// The encoding that travels and is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Decodes and checks everything that the bytes alone can show.
    ///
    /// # Errors
    /// The first fault; each is the author's or the sender's, never this node's.
    pub fn parse(bytes: &[u8]) -> Result<Sound, Malformed> {
        if bytes.len() > MAX_DELTA_BYTES {
            return Err(Malformed::Oversized(bytes.len()));
        }
        codec::decode::<Self>(bytes)?.sound()
    }

    /// Checks everything that the delta alone can show.
    ///
    /// # Errors
    /// The first fault.
    pub fn sound(self) -> Result<Sound, Malformed> {
        let header = &self.header;
        if header.version != VERSION {
            return Err(Malformed::Version(header.version));
        }
        let join = header.payload_kind == PayloadKind::Join;
        let first = header.seq == 0;
        if join != first || first != header.prev.is_none() {
            return Err(Malformed::Header(
                "a Join, and only a Join, is at height 0 without a prev",
            ));
        }
        if join != (header.author == MemberId::ZERO) {
            return Err(Malformed::Header("a Join, and only a Join, has no author"));
        }
        if join && (!header.deps.is_empty() || header.depth != 1 || header.epoch != 1) {
            return Err(Malformed::Header("a Join has no deps, depth 1 and epoch 1"));
        }
        if join && header.anchor != header.federation.into() {
            return Err(Malformed::Header("a Join is anchored at genesis"));
        }
        if header.deps.len() > MAX_DEPS || !header.deps.is_sorted_by(|a, b| a < b) {
            return Err(Malformed::Header("deps are sorted, distinct and at most 16"));
        }
        if header.depth >= MAX_DEPTH || header.epoch >= MAX_DEPTH {
            return Err(Malformed::Header("depth or epoch is out of range"));
        }
        let Some(bytes) = &self.payload else {
            return Err(Malformed::Payload("it is missing"));
        };
        if bytes.len() > MAX_PAYLOAD_BYTES || bytes.len() != header.payload_len as usize {
            return Err(Malformed::Payload("its length differs or is over 64 KiB"));
        }
        if blake3::hash(bytes).as_bytes() != header.payload_hash.as_bytes() {
            return Err(Malformed::Payload("its hash differs"));
        }
        let payload: Payload = codec::decode(bytes)?;
        if payload.kind() != header.payload_kind {
            return Err(Malformed::Payload("its kind differs"));
        }
        payload.check().map_err(Malformed::Payload)?;
        Ok(Sound { id: self.header.id(), delta: self, payload, proof: Proof::Nothing })
    }
}

impl Sound {
    /// A delta of a log's entry.
    pub(crate) const fn of_entry(id: DeltaId, delta: Delta, payload: Payload) -> Self {
        Self { id, delta, payload, proof: Proof::Accepted }
    }

    /// The delta as one that a log of this node has accepted before, so that its signature is not checked again. The
    /// caller answers for that nobody else could have changed it since.
    #[must_use]
    pub fn accepted_before(self) -> Self {
        Self { proof: Proof::Accepted, ..self }
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.delta.header
    }

    /// Member whose chain it is on.
    #[must_use]
    pub fn chain(&self) -> MemberId {
        self.header().chain_of(self.id)
    }

    /// About its encoded size, in bytes: the payload, and room for header and signature.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.delta.size_bytes()
    }

    /// Returns true when `key` signed it.
    #[must_use]
    pub fn signed_by(&self, key: &PublicKey) -> bool {
        match &self.proof {
            Proof::Accepted => true,
            Proof::Of(known) if known == key => true,
            _ => key.verify(&self.header().signed_bytes(), &self.delta.signature),
        }
    }
}
