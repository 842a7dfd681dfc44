//! The leaves of the grammar: normalised text and vocabulary words.

use crate::codec::{BorrowDecode, BorrowDecoder, Decode, DecodeFault, Decoder, Encode};

/// Longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 240;

/// Why a text is not a token or a word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a normalised token or a word of the vocabulary")]
pub struct TokenError(pub String);

/// Normalised free text: trimmed, single spaces, no control characters, 1 to 240 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, serde::Serialize)]
#[serde(transparent)]
pub struct Token(String);

/// A word of the committed public vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, serde::Serialize)]
#[serde(transparent)]
pub struct Word(String);

impl Token {
    /// Accepts text that is already normalised.
    ///
    /// # Errors
    /// Fails when it is empty, longer than 240 bytes, or holds control characters or loose white space.
    pub fn new(text: impl Into<String>) -> Result<Self, TokenError> {
        let text = text.into();
        let loose = text.starts_with(' ') || text.ends_with(' ') || text.contains("  ");
        let bad = |c: char| c.is_control() || (c.is_whitespace() && c != ' ');
        if text.is_empty() || text.len() > MAX_TOKEN_BYTES || loose || text.contains(bad) {
            return Err(TokenError(text));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len_bytes(&self) -> usize {
        self.0.len()
    }
}

impl Word {
    /// Accepts a word of the vocabulary.
    ///
    /// # Errors
    /// Fails when it is not in the committed vocabulary.
    pub fn new(text: impl Into<String>) -> Result<Self, TokenError> {
        let text = text.into();
        if super::vocabulary::rank(&text).is_some() {
            Ok(Self(text))
        } else {
            Err(TokenError(text))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! checked_decode {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeFault> {
                let text = String::decode(decoder)?;
                Self::new(text).map_err(|error| DecodeFault::OtherString(error.to_string()))
            }
        }

        impl<'de, C> BorrowDecode<'de, C> for $name {
            fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
                decoder: &mut D,
            ) -> Result<Self, DecodeFault> {
                <Self as Decode<C>>::decode(decoder)
            }
        }
    };
}
checked_decode!(Token);
checked_decode!(Word);
