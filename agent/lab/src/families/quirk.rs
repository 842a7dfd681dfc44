//! The draw of an environment for a family, as its helper reads it.

use super::Values;

/// Drawn values by name. What is missing or no number reads as nothing or 0: an environment file may be
/// anybody's.
pub(super) struct Quirk<'a>(&'a Values);

impl<'a> Quirk<'a> {
    pub(super) const fn new(values: &'a Values) -> Self {
        Self(values)
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// The words of a text with `N` of them.
    pub(super) fn words<const N: usize>(&self, name: &str) -> [&'a str; N] {
        let mut words = self.0.get(name).map_or("", String::as_str).split(' ');
        std::array::from_fn(|_| words.next().unwrap_or_default())
    }

    pub(super) fn number(&self, name: &str) -> u64 {
        super::number(self.0, name)
    }

    pub(super) fn count(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or(0)
    }

    /// The secret that its receipts are computed with.
    pub(super) fn secret(&self) -> u64 {
        self.number("secret")
    }
}
