//! Which families a lab is started with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::directory::{DirectoryError, DirectoryFamily};
use super::family::BuiltIn;
use super::family_id::FamilyId;

/// A choice of families, built in or read from directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Families {
    pub(crate) built_in: BTreeSet<BuiltIn>,
    pub(crate) directories: BTreeMap<FamilyId, DirectoryFamily>,
}

impl Families {
    /// All that this program brings.
    #[must_use]
    pub fn built_in() -> Self {
        Self { built_in: BuiltIn::ALL.iter().copied().collect(), directories: BTreeMap::new() }
    }

    /// Those that `dir` holds: each directory in it with a `family.toml`, or `dir` itself when that has
    /// one. See [`super::directory`] for the format.
    ///
    /// # Errors
    /// When there is none, or one is not as the format says: the error names the file and the key.
    pub fn load(dir: &Path) -> Result<Self, DirectoryError> {
        let mut directories = BTreeMap::new();
        for family in DirectoryFamily::load_all(dir)? {
            directories.insert(FamilyId::Directory(family.name()), family);
        }
        Ok(Self { built_in: BTreeSet::new(), directories })
    }

    /// These and others; where both have a directory family of one name, the others' counts.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.built_in.extend(others.built_in);
        self.directories.extend(others.directories);
        self
    }

    /// Only those that `ids` names.
    #[must_use]
    pub fn only(mut self, ids: &[FamilyId]) -> Self {
        self.built_in.retain(|family| ids.contains(&FamilyId::BuiltIn(*family)));
        self.directories.retain(|id, _| ids.contains(id));
        self
    }

    /// Their names, built-in ones first.
    #[must_use]
    pub fn ids(&self) -> Vec<FamilyId> {
        let built_in = self.built_in.iter().map(|family| FamilyId::BuiltIn(*family));
        built_in.chain(self.directories.keys().copied()).collect()
    }

    /// Whether a family needs no skill; false for one that is not among these.
    #[must_use]
    pub fn is_control(&self, id: FamilyId) -> bool {
        match id {
            FamilyId::BuiltIn(family) => self.built_in.contains(&family) && family.is_control(),
            FamilyId::Directory(_) => {
                self.directories.get(&id).is_some_and(DirectoryFamily::is_control)
            }
        }
    }

    /// Where the directory family `id` lies.
    #[must_use]
    pub fn directory(&self, id: FamilyId) -> Option<&Path> {
        self.directories.get(&id).map(DirectoryFamily::dir)
    }
}
