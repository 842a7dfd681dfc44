//! The name of a skill.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Longest name, in characters.
pub const MAX_NAME_CHARS: usize = 64;

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but white space.
    #[error("the name is empty: give it 1 to {MAX_NAME_CHARS} characters")]
    Empty,
    /// More than [`MAX_NAME_CHARS`].
    #[error("the name has {0} characters, at most {MAX_NAME_CHARS} are allowed")]
    TooLong(usize),
    /// Upper or title case.
    #[error("the name has upper-case letters: write it in lower case")]
    NotLowercase,
    /// A hyphen at an end.
    #[error("the name begins or ends with a hyphen")]
    OuterHyphen,
    /// Two hyphens in a row.
    #[error("the name has two hyphens in a row")]
    DoubleHyphen,
    /// Something that is no letter, digit or hyphen.
    #[error("the name contains {0:?}: only letters, digits and hyphens are allowed")]
    BadCharacter(char),
    /// Not in Unicode normal form KC, or with white space around it.
    #[error("the name is not in its normal form, which is `{0}`")]
    NotNormal(String),
}

/// A name in its normal form: NFKC, lower case, 1 to 64 letters, digits and single inner hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SkillName(String);

impl SkillName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SkillName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SkillName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Some(error) = problems(text).into_iter().next() {
            return Err(error);
        }
        let normal = normal_form(text);
        if normal == text { Ok(Self(normal)) } else { Err(NameError::NotNormal(normal)) }
    }
}

/// The form in which names are compared: trimmed, NFKC.
pub(super) fn normal_form(text: &str) -> String {
    text.trim().nfkc().collect()
}

/// Everything wrong with the normal form of `text`; a name may break several rules at once.
pub(super) fn problems(text: &str) -> Vec<NameError> {
    let name = normal_form(text);
    if name.is_empty() {
        return vec![NameError::Empty];
    }
    let mut found = Vec::new();
    let length = name.chars().count();
    if length > MAX_NAME_CHARS {
        found.push(NameError::TooLong(length));
    }
    if name != name.to_lowercase() {
        found.push(NameError::NotLowercase);
    }
    if name.starts_with('-') || name.ends_with('-') {
        found.push(NameError::OuterHyphen);
    }
    if name.contains("--") {
        found.push(NameError::DoubleHyphen);
    }
    if let Some(bad) = name.chars().find(|&c| c != '-' && !is_letter_or_number(c)) {
        found.push(NameError::BadCharacter(bad));
    }
    found
}

/// General categories L and N. Rust's `is_alphanumeric` follows the wider property Alphabetic, which
/// also has combining marks and the enclosed letters of the block U+1F130..U+1F189.
fn is_letter_or_number(c: char) -> bool {
    c.is_alphanumeric() && !is_combining_mark(c) && !('\u{1F130}'..='\u{1F189}').contains(&c)
}
