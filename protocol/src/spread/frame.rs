//! Frames of the fast path, and the envelope in which they travel.

use crate::codec::{self, Decode, DecodeError, Encode};
use crate::delta::Delta;
use crate::ids::{DeltaId, FederationId};

/// Longest encoded delta that is pushed whole, in bytes.
pub const MAX_FULL_BYTES: usize = 16 << 10;
/// Most ids in one frame.
pub const MAX_IDS: usize = 256;
/// Longest envelope, in bytes: a payload of [`MAX_FULL_BYTES`] with a header and all its deps.
pub const MAX_FRAME_BYTES: usize = MAX_FULL_BYTES + 2048;

/// First eight bytes of a delta's id. Two deltas that share them cost one of them the fast path, no more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize,
)]
pub struct ShortId(#[serde(serialize_with = "crate::ids::serialize_hex")] pub [u8; 8]);

impl From<DeltaId> for ShortId {
    fn from(id: DeltaId) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = id.0;
        Self([a, b, c, d, e, f, g, h])
    }
}

/// First eight bytes of a federation's id: they tell the federations of two peers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub [u8; 8]);

impl From<FederationId> for Tag {
    fn from(id: FederationId) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = id.0;
        Self([a, b, c, d, e, f, g, h])
    }
}

/// One message of the fast path.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// A whole delta.
    Full(Delta),
    /// A delta too large to push, without its payload: who lacks it syncs with the sender.
    Head(Delta),
    /// "I hold these." At most [`MAX_IDS`].
    Have(Vec<ShortId>),
    /// "Push me these, and what comes after." At most [`MAX_IDS`].
    Want(Vec<ShortId>),
    /// "I had that already: announce to me, and do not push."
    Prune,
    /// "Be my neighbour."
    Enter,
    /// "I am your neighbour."
    Welcome,
    /// "I am not your neighbour."
    Leave,
}

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

    /// The bytes that travel: the tag of the federation, then the frame.
    #[must_use]
    pub fn to_bytes(&self, federation: FederationId) -> Vec<u8> {
        [&Tag::from(federation).0[..], &codec::encode(self)].concat()
    }
}

/// Returns true for the bytes of a [`Frame::Have`]: of all frames the one that is missed least.
#[must_use]
pub fn is_announcement(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&2)
}

/// Bytes of a peer, as far as they say which federation they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The federation.
    pub tag: Tag,
    frame: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Splits the bytes that travel; none when they are shorter than a tag, or over [`MAX_FRAME_BYTES`].
    #[must_use]
    pub fn split(bytes: &'a [u8]) -> Option<Self> {
        let (tag, frame) = bytes.split_first_chunk::<8>()?;
        (bytes.len() <= MAX_FRAME_BYTES).then_some(Self { tag: Tag(*tag), frame })
    }

    /// The frame.
    ///
    /// # Errors
    /// Fails when the bytes are no frame.
    pub fn frame(&self) -> Result<Frame, DecodeError> {
        let frame = codec::decode(self.frame)?;
        match &frame {
            Frame::Have(ids) | Frame::Want(ids) if ids.len() > MAX_IDS => {
                Err(DecodeError::Malformed(format!("{} ids are over {MAX_IDS}", ids.len())))
            }
            _ => Ok(frame),
        }
    }
}
