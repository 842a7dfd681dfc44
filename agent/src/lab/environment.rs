//! What an environment is like, as other processes load it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::family::{FamilyId, Quirk};
use super::instance::Instance;

/// Version of the environment file.
const VERSION: u32 = 1;
/// Its name in the lab's directory. The operator works in scratch directories elsewhere and never
/// reads it; the tools find it as the neighbour of the directory from which they were started.
pub(crate) const FILE: &str = "environment.json";
/// The directory of the tools, beside it.
pub(crate) const BIN: &str = "bin";

/// Why a lab did not start or an environment did not load.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The environment file is not one.
    #[error("{} is not an environment of a lab: {reason}; start the lab again", path.display())]
    NotAnEnvironment {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// The machine has no free port left in the lab's range.
    #[error("no free port on 127.0.0.1 between 10240 and 32000; stop something that listens there")]
    NoPort,
}

/// Attaches a path to an error.
pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> LabError {
    let path = path.to_owned();
    move |source| LabError::Io { path, source }
}

/// A federation's environment: the quirk of each family, and what listens where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    version: u32,
    seed: u64,
    pub(crate) quirks: BTreeMap<FamilyId, Quirk>,
    /// Name and port of everything that listens, decoys among them.
    pub(crate) services: BTreeMap<String, u16>,
    #[serde(skip)]
    dir: PathBuf,
}

impl Environment {
    pub(crate) const fn new(seed: u64, dir: PathBuf) -> Self {
        Self { version: VERSION, seed, quirks: BTreeMap::new(), services: BTreeMap::new(), dir }
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
        if FamilyId::ALL.iter().any(|family| !read.quirks.contains_key(family)) {
            return Err(bad("a family is missing".to_owned()));
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

    /// The `n`-th task of `user` in `family`: same arguments, same task.
    ///
    /// # Panics
    /// Never: every environment holds every family.
    #[must_use]
    pub fn instance(&self, family: FamilyId, user: &str, n: u64) -> Instance {
        let labels = ["instance", &family.name(), user, &n.to_string()];
        let mut draw = Draw::new(self.seed, &labels);
        Instance::new(family, self.quirk(family).family().task(&mut draw))
    }

    pub(crate) fn quirk(&self, family: FamilyId) -> &Quirk {
        // SAFETY: Lab::start and load make sure that every family is there.
        #[allow(clippy::expect_used)]
        self.quirks.get(&family).expect("every family has its quirk")
    }
}
