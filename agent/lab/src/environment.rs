//! What an environment is like, as other processes load it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::directory::{Installed, RunError};
use super::draw::Draw;
use super::explorer::ShellError;
use super::family::{BuiltIn, Quirk};
use super::family_id::FamilyId;
use super::instance::Instance;

/// Version of the environment file.
const VERSION: u32 = 1;
/// Its name in the lab's directory. The explorer works in scratch directories elsewhere and never
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
    /// A task of a family was asked for that the environment does not have.
    #[error("this lab has no family {0}; it was started with others")]
    NoFamily(FamilyId),
    /// A directory family brings a tool whose name is taken.
    #[error("the tool {tool} of family {family} has the name of another tool; rename it")]
    ToolTaken {
        /// The family.
        family: FamilyId,
        /// The name.
        tool: String,
    },
    /// Commands cannot be run as they must be.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// A directory family's own program failed: its `setup`, its `check` or its service.
    #[error("family {family}: {source}")]
    Family {
        /// The family.
        family: FamilyId,
        /// What happened.
        source: RunError,
    },
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
    pub(crate) quirks: BTreeMap<BuiltIn, Quirk>,
    /// Families that directories define, with what this environment drew for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) directories: BTreeMap<FamilyId, Installed>,
    /// Name and port of everything that listens, decoys among them.
    pub(crate) services: BTreeMap<String, u16>,
    #[serde(skip)]
    dir: PathBuf,
}

impl Environment {
    pub(crate) const fn new(seed: u64, dir: PathBuf) -> Self {
        Self {
            version: VERSION,
            seed,
            quirks: BTreeMap::new(),
            directories: BTreeMap::new(),
            services: BTreeMap::new(),
            dir,
        }
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
        if read.families().is_empty() && read.controls().is_empty() {
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

    /// Whether a family needs no skill; false for one that is not here.
    #[must_use]
    pub fn is_control(&self, id: FamilyId) -> bool {
        match id {
            FamilyId::BuiltIn(family) => self.quirks.contains_key(&family) && family.is_control(),
            FamilyId::Directory(_) => self.directories.get(&id).is_some_and(Installed::is_control),
        }
    }

    fn all(&self) -> impl Iterator<Item = FamilyId> + '_ {
        let built_in = self.quirks.keys().map(|family| FamilyId::BuiltIn(*family));
        built_in.chain(self.directories.keys().copied())
    }

    /// The `n`-th task of `user` in `family`: same arguments, same task.
    ///
    /// # Errors
    /// When the environment does not have the family.
    pub fn instance(&self, family: FamilyId, user: &str, n: u64) -> Result<Instance, LabError> {
        let labels = ["instance", &family.name(), user, &n.to_string()];
        let mut draw = Draw::new(self.seed, &labels);
        match family {
            FamilyId::BuiltIn(built_in) => {
                let quirk = self.quirks.get(&built_in).ok_or(LabError::NoFamily(family))?;
                Ok(Instance::built_in(family, quirk.family().task(&mut draw)))
            }
            FamilyId::Directory(_) => {
                let installed = self.directories.get(&family).ok_or(LabError::NoFamily(family))?;
                Ok(Instance::directory(family, installed.task(&mut draw, &self.bin())))
            }
        }
    }
}
