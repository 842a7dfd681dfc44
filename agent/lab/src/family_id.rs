//! Names of families, built in or read from a directory.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::built_in::BuiltIn;

/// Longest name of a family, in bytes.
pub const MAX_NAME_BYTES: usize = 32;

/// Why a text names no family.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a family: 1 to {MAX_NAME_BYTES} lower-case letters, digits, `_` or `-`, a \
     letter first"
)]
pub struct FamilyNameError(String);

/// The name of a family that a directory defines. Copied like a number, for it goes into every table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FamilyName([u8; MAX_NAME_BYTES]);

impl FamilyName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(MAX_NAME_BYTES);
        // Only ASCII gets in.
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl FromStr for FamilyName {
    type Err = FamilyNameError;

    fn from_str(text: &str) -> Result<Self, FamilyNameError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if !first || text.len() > MAX_NAME_BYTES || !text.bytes().all(plain) {
            return Err(FamilyNameError(text.to_owned()));
        }
        let mut bytes = [0; MAX_NAME_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(bytes))
    }
}

impl fmt::Debug for FamilyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FamilyName({})", self.as_str())
    }
}

impl fmt::Display for FamilyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A family. The explorer never sees it. Built-in ones come first, in the order of their list, then
/// those of directories by name; as JSON it is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FamilyId {
    /// One of this program's own.
    BuiltIn(BuiltIn),
    /// One that a directory defines.
    Directory(FamilyName),
}

impl FamilyId {
    /// The built-in families with a quirk.
    #[must_use]
    pub fn quirks() -> Vec<Self> {
        let all = BuiltIn::ALL.iter().copied();
        all.filter(|family| !family.is_control()).map(Self::BuiltIn).collect()
    }

    /// The built-in families without one.
    #[must_use]
    pub fn controls() -> Vec<Self> {
        let all = BuiltIn::ALL.iter().copied();
        all.filter(|family| family.is_control()).map(Self::BuiltIn).collect()
    }

    /// Its name in files and tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::BuiltIn(family) => family.name().to_owned(),
            Self::Directory(name) => name.as_str().to_owned(),
        }
    }
}

impl From<BuiltIn> for FamilyId {
    fn from(family: BuiltIn) -> Self {
        Self::BuiltIn(family)
    }
}

impl fmt::Display for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

impl FromStr for FamilyId {
    type Err = FamilyNameError;

    /// The built-in family of that name, else a name that a directory may have.
    fn from_str(text: &str) -> Result<Self, FamilyNameError> {
        let built_in = BuiltIn::ALL.iter().find(|family| family.name() == text);
        match built_in {
            Some(family) => Ok(Self::BuiltIn(*family)),
            None => text.parse().map(Self::Directory),
        }
    }
}

impl Serialize for FamilyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for FamilyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_family_is_its_name_in_json_and_in_keys() {
        for family in FamilyId::quirks().into_iter().chain(["my-own_2".parse().unwrap()]) {
            let text = serde_json::to_string(&family).unwrap();
            assert_eq!(text, format!("\"{family}\""));
            assert_eq!(serde_json::from_str::<FamilyId>(&text).unwrap(), family);
            let map = std::collections::BTreeMap::from([(family, 1)]);
            let text = serde_json::to_string(&map).unwrap();
            assert_eq!(text, format!("{{\"{family}\":1}}"));
            assert_eq!(
                serde_json::from_str::<std::collections::BTreeMap<FamilyId, i32>>(&text).unwrap(),
                map
            );
        }
        assert_eq!("digest".parse(), Ok(FamilyId::BuiltIn(BuiltIn::Digest)));
    }

    #[test]
    fn directory_families_follow_the_built_in_ones_by_name() {
        let names = ["b", "a-2", "a", &"z".repeat(32)];
        let mut all: Vec<FamilyId> = names.iter().map(|name| name.parse().unwrap()).collect();
        all.extend(FamilyId::controls());
        all.sort();
        let ends: Vec<String> = all[all.len() - 4..].iter().map(|id| id.name()).collect();
        assert_eq!(ends, ["a", "a-2", "b", &"z".repeat(32)]);
    }

    #[test]
    fn other_texts_are_no_names() {
        for bad in ["", "A", "1a", "a b", "../a", "a/b", "é", &"z".repeat(33), "a\0"] {
            assert!(
                bad.parse::<FamilyId>().unwrap_err().to_string().contains("lower-case"),
                "{bad}"
            );
        }
    }
}
