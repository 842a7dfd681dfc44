//! Looks for ids and texts in bytes in which they must not be.

use std::collections::{BTreeMap, BTreeSet};

/// Bytes to look for, each with a name.
#[derive(Default)]
pub struct Needles(Vec<(String, Vec<u8>)>);

impl Needles {
    /// Adds an id: its 32 bytes, and their hexadecimal.
    pub fn id(&mut self, what: &str, id: &[u8; 32]) {
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        self.bytes(&format!("{what} {hex}"), id);
        self.bytes(&format!("{what} {hex} in hexadecimal"), hex.as_bytes());
    }

    /// Adds bytes.
    pub fn bytes(&mut self, what: &str, bytes: &[u8]) {
        self.0.push((what.to_owned(), bytes.to_vec()));
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.0.push((text.to_owned(), text.as_bytes().to_vec()));
    }

    /// The number of needles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names of those that are in `bytes`.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let mut by_first: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
        for (index, (_, needle)) in self.0.iter().enumerate() {
            by_first.entry(needle[0]).or_default().push(index);
        }
        let mut found = BTreeSet::new();
        for (at, first) in bytes.iter().enumerate() {
            let here = |index: &usize| bytes[at..].starts_with(&self.0[*index].1);
            let candidates = by_first.get(first).into_iter().flatten();
            found.extend(candidates.copied().filter(here));
        }
        found.into_iter().map(|index: usize| self.0[index].0.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_as_bytes_and_as_hexadecimal_and_texts_as_they_are() {
        let mut needles = Needles::default();
        needles.id("delta", &[7; 32]);
        needles.text("canary");
        assert_eq!(needles.found_in(b"a canar"), Vec::<&str>::new());
        assert_eq!(needles.found_in(b"a canary"), ["canary"]);
        let hex = "07".repeat(32);
        assert_eq!(needles.found_in(hex.as_bytes()), [format!("delta {hex} in hexadecimal")]);
        assert_eq!(needles.found_in(&[7; 40]), [format!("delta {hex}")]);
    }
}
