//! The one codec: bincode 2 in its standard configuration, with a limit, decoded canonically.
//!
//! Decoding never trusts a length prefix (the limit is claimed before anything is allocated), never
//! accepts trailing bytes, and re-encodes what it read: bytes that are not the one encoding of their
//! value are refused, so that a hash of bytes is a hash of a value.
//!
//! This file alone names bincode. The derives write paths into that crate, so every crate that derives
//! [`Encode`] or [`Decode`] depends on it, and imports the two from here. What the bytes are is written
//! in docs/protocol.md, and a reader that shares no code with this crate checks it (tests/reader).

pub use bincode::de::{BorrowDecode, BorrowDecoder, Decoder};
pub use bincode::enc::Encoder;
pub use bincode::error::{DecodeError as DecodeFault, EncodeError as EncodeFault};
pub use bincode::{Decode, Encode, impl_borrow_decode};

use bincode::config::{Configuration, Limit, LittleEndian, Varint};

/// Decoded size above which a message is refused, in bytes.
pub const LIMIT_BYTES: usize = 4 << 20;

const CONFIG: Configuration<LittleEndian, Varint, Limit<LIMIT_BYTES>> =
    bincode::config::standard().with_limit::<LIMIT_BYTES>();

/// A type with one canonical encoding.
pub trait Wire: Encode + Decode<()> {}
impl<T: Encode + Decode<()>> Wire for T {}

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not an encoding of the type, or ask for more than the limit.
    #[error("the bytes do not decode: {0}")]
    Malformed(String),
    /// There are bytes after the value.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// The value has another, canonical encoding.
    #[error("the bytes are not the canonical encoding of their value")]
    NotCanonical,
}

/// Encodes a value. Cannot fail for wire types: they hold no borrowed locks, no non-UTF-8 paths and
/// no sequence of unknown length.
#[must_use]
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    // SAFETY: the only encoding errors of bincode are for types that are not wire types.
    #[allow(clippy::expect_used)]
    bincode::encode_to_vec(value, CONFIG).expect("wire types always encode")
}

/// Decodes bytes that [`decode`] has decoded to this type before: without looking again whether they are the
/// canonical encoding.
///
/// # Errors
/// Bytes that are no encoding of the type.
pub fn decode_again<T: Wire>(bytes: &[u8]) -> Result<T, DecodeError> {
    let decoded = bincode::decode_from_slice(bytes, CONFIG);
    decoded.map(|(value, _)| value).map_err(|error| DecodeError::Malformed(error.to_string()))
}

/// Decodes the canonical encoding of a value.
///
/// # Errors
/// Anything that [`encode`] would not have written.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, read): (T, usize) = bincode::decode_from_slice(bytes, CONFIG)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    if read != bytes.len() {
        return Err(DecodeError::Trailing(bytes.len() - read));
    }
    if encode(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}
