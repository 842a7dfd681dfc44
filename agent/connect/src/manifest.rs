//! What was changed for which agent: the way back.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::Ownership;

/// Name of the manifest in its directory.
const FILE: &str = "manifest.json";

/// A file that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The agent.
    pub agent: String,
    /// Its nature.
    pub ownership: Ownership,
    /// Name of the file's text before, among the backups; none when it was not there.
    pub backup: Option<String>,
    /// Hash of the text that was written.
    pub written: String,
    /// Directories that were made for it, the innermost last.
    pub directories: Vec<PathBuf>,
    /// Entries that were put into it, as they were shown to the person: by these they are known again, and not taken
    /// for those of another home.
    #[serde(default)]
    pub adds: Vec<String>,
}

/// All changes of a node's home, by file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The files.
    pub files: BTreeMap<PathBuf, Owned>,
}

/// Hash of a text.
#[must_use]
pub(crate) fn hash(text: &[u8]) -> String {
    blake3::hash(text).to_hex().to_string()
}

/// The directory of the manifest and its backups.
#[derive(Debug, Clone)]
pub struct Records {
    directory: PathBuf,
}

impl Records {
    /// Records in a directory, which need not be there yet.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The manifest; empty when nothing was changed yet.
    ///
    /// # Errors
    /// When it cannot be read: nothing may be changed then.
    pub fn load(&self) -> io::Result<Manifest> {
        match std::fs::read(self.directory.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn save(&self, manifest: &Manifest) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(manifest)?;
        crate::write::replace(&self.directory.join(FILE), &bytes, 0o600)
    }

    /// Keeps a text, and gives the name that it is kept under.
    pub(crate) fn keep(&self, text: &[u8]) -> io::Result<String> {
        let name = hash(text);
        let path = self.directory.join("backups").join(&name);
        crate::write::replace(&path, text, 0o600)?;
        Ok(name)
    }

    pub(crate) fn kept(&self, name: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.directory.join("backups").join(name))
    }
}
