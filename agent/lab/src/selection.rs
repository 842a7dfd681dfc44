//! The choice of families that a lab is started with.

use std::collections::BTreeMap;
use std::path::Path;

use super::built_in::BuiltIn;
use super::directory::{DirectoryError, DirectoryFamily, Source};
use super::family_id::FamilyId;

/// A choice of families, built in or read from directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Families(BTreeMap<FamilyId, Source>);

impl Families {
    /// All that this program brings.
    #[must_use]
    pub fn built_in() -> Self {
        let all = BuiltIn::ALL.iter().copied();
        Self(all.map(|family| (FamilyId::BuiltIn(family), Source::BuiltIn(family))).collect())
    }

    /// Those that `dir` holds: each directory in it with a `family.toml`, or `dir` itself when that has
    /// one. See [`super::directory`] for the format.
    ///
    /// # Errors
    /// When there is none, or one is not as the format says: the error names the file and the key.
    pub fn load(dir: &Path) -> Result<Self, DirectoryError> {
        let all = DirectoryFamily::load_all(dir)?.into_iter();
        let all = all.map(|family| (FamilyId::Directory(family.name()), family.into()));
        Ok(Self(all.collect()))
    }

    /// These and others; where both have a family of one name, the others' counts.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Only those that `ids` names.
    #[must_use]
    pub fn only(mut self, ids: &[FamilyId]) -> Self {
        self.0.retain(|id, _| ids.contains(id));
        self
    }

    /// Their names, built-in ones first.
    #[must_use]
    pub fn ids(&self) -> Vec<FamilyId> {
        self.0.keys().copied().collect()
    }

    /// The source of each family.
    pub(crate) const fn sources(&self) -> &BTreeMap<FamilyId, Source> {
        &self.0
    }

    /// Returns true when a family needs no skill; false for one that is not among these.
    #[must_use]
    pub fn is_control(&self, id: FamilyId) -> bool {
        self.0.get(&id).is_some_and(Source::is_control)
    }

    /// The directory of the family `id`, when it has one.
    #[must_use]
    pub fn directory(&self, id: FamilyId) -> Option<&Path> {
        self.0.get(&id).and_then(Source::dir)
    }
}
