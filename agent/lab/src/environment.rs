//! The environment, as other processes load it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::error::{LabError, at};
use super::family::Family;
use super::family_id::FamilyId;
use super::instance::Instance;

/// Version of the environment file.
const VERSION: u32 = 2;
/// Its name in the lab's directory. The explorer works in scratch directories elsewhere and never
/// reads it; the tools find it as the neighbour of the directory from which they were started.
pub(crate) const FILE: &str = "environment.json";
/// The directory of the tools, beside it.
pub(crate) const BIN: &str = "bin";

/// A federation's environment: the quirk of each family, and what listens where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    version: u32,
    seed: u64,
    pub(crate) families: BTreeMap<FamilyId, Family>,
    /// Name and port of everything that listens, decoys among them.
    pub(crate) services: BTreeMap<String, u16>,
    #[serde(skip)]
    dir: PathBuf,
}

impl Environment {
    pub(crate) const fn new(seed: u64, dir: PathBuf) -> Self {
        Self { version: VERSION, seed, families: BTreeMap::new(), services: BTreeMap::new(), dir }
    }

    /// Loads the environment of the lab in `dir`.
    ///
    /// # Errors
    /// When there is none, or its file is not readable or of another version.
    pub fn load(dir: &Path) -> Result<Self, LabError> {
        let path = dir.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(at(&path))?;
        let bad = |reason: String| LabError::NotAnEnvironment { path: path.clone(), reason };
        let mut read: Self = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        if read.version != VERSION {
            return Err(bad(format!("it has version {}", read.version)));
        }
        if read.families.is_empty() {
            return Err(bad("it has no family".to_owned()));
        }
        dir.clone_into(&mut read.dir);
        Ok(read)
    }

    /// Writes the file whole or not at all: tools may read it at any time.
    pub(crate) fn save(&self) -> Result<(), LabError> {
        let path = self.dir.join(FILE);
        let next = self.dir.join(format!("{FILE}.next"));
        // SAFETY: string keys and plain values only.
        #[allow(clippy::expect_used)]
        let text = serde_json::to_string_pretty(self).expect("environments serialise");
        std::fs::write(&next, text).map_err(at(&next))?;
        std::fs::rename(&next, &path).map_err(at(&path))
    }

    /// The seed it was drawn from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The directory with the lab's tools, to stand first on PATH.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.dir.join(BIN)
    }

    /// The directory with environment and tools.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its families with a quirk, built-in ones first.
    #[must_use]
    pub fn families(&self) -> Vec<FamilyId> {
        self.all().filter(|id| !self.is_control(*id)).collect()
    }

    /// Its families that need no skill.
    #[must_use]
    pub fn controls(&self) -> Vec<FamilyId> {
        self.all().filter(|id| self.is_control(*id)).collect()
    }

    /// Returns true when a family needs no skill; false for one that is not here.
    #[must_use]
    pub fn is_control(&self, id: FamilyId) -> bool {
        self.families.get(&id).is_some_and(Family::is_control)
    }

    fn all(&self) -> impl Iterator<Item = FamilyId> + '_ {
        self.families.keys().copied()
    }

    /// The `n`-th task of `user` in `family`: same arguments, same task.
    ///
    /// # Errors
    /// When the environment does not have the family.
    pub fn instance(&self, family: FamilyId, user: &str, n: u64) -> Result<Instance, LabError> {
        let labels = ["instance", &family.name(), user, &n.to_string()];
        let mut draw = Draw::new(self.seed, &labels);
        let installed = self.families.get(&family).ok_or(LabError::NoFamily(family))?;
        Ok(Instance::new(family, installed.task(&mut draw, &self.bin())))
    }
}
