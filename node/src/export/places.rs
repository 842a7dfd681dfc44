//! Directories of agents to which skills were exported: a running node keeps them as its shelf is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::home::{Home, create_private_dir};

/// Name of the file below the directory of what was changed for agents.
const FILE: &str = "exports.json";

/// One directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportPlace {
    /// The directory, without links.
    pub(crate) directory: PathBuf,
    /// Agents that read it, sorted.
    pub(crate) agents: Vec<String>,
    /// The one federation whose skills are there, in digits; none: every federation's.
    #[serde(default)]
    pub(crate) federation: Option<String>,
    /// Most characters of all descriptions together; none: no bound.
    #[serde(default)]
    pub(crate) budget_chars: Option<u64>,
    /// Directories that were made for it, the innermost first.
    #[serde(default)]
    pub(crate) created: Vec<PathBuf>,
}

/// The directory and those above it that do not exist, the innermost first.
pub(crate) fn missing(directory: &Path) -> Vec<PathBuf> {
    let missing = directory.ancestors().take_while(|path| fs::symlink_metadata(path).is_err());
    missing.map(Path::to_owned).collect()
}

/// All directories of a home.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ExportPlaces {
    /// The directories.
    pub(crate) exports: Vec<ExportPlace>,
}

impl ExportPlaces {
    /// Reads them; empty when there are none.
    ///
    /// # Errors
    /// When the file is damaged.
    pub(crate) fn load(home: &Home) -> Result<Self, CliError> {
        let path = home.connect_path().join(FILE);
        let damaged = |error: &dyn std::fmt::Display| {
            CliError::failed("export", format!("{} is damaged: {error}", path.display()))
                .help("remove it, and export again with `lore skill export --all`")
        };
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| damaged(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(damaged(&error)),
        }
    }

    /// Removes the skills that we wrote and nobody edited from the directories that no agent but these reads, and
    /// forgets the directories. Those that were made for it go too when they are empty.
    ///
    /// # Errors
    /// When a directory cannot be written; it stays noted, with those after it.
    pub(crate) fn take_back(home: &Home, agents: &[String]) -> Result<(), CliError> {
        let mut all = Self::load(home)?;
        let mut at = 0;
        while let Some(place) = all.exports.get_mut(at) {
            place.agents.retain(|agent| !agents.contains(agent));
            if !place.agents.is_empty() {
                at += 1;
                continue;
            }
            // One that was removed, or leads elsewhere now, holds nothing of ours.
            if fs::canonicalize(&place.directory).ok().as_ref() == Some(&place.directory) {
                super::write(&place.directory, &BTreeMap::new())?;
                super::drop_manifest(&place.directory)?;
                for directory in &place.created {
                    // A directory with other files in it stays.
                    let _ = fs::remove_dir(directory);
                }
            }
            all.exports.remove(at);
            all.store(home)?;
        }
        all.store(home)
    }

    /// Adds a directory, or changes what is kept of it. Agents that were there stay.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn keep(home: &Home, place: ExportPlace) -> Result<(), CliError> {
        let mut all = Self::load(home)?;
        let mut place = place;
        let standing = all.exports.iter().position(|one| one.directory == place.directory);
        if let Some(at) = standing {
            let before = all.exports.remove(at);
            place.agents.extend(before.agents);
            place.created.extend(before.created);
        }
        place.agents.sort();
        place.agents.dedup();
        all.exports.push(place);
        all.exports.sort_by(|a, b| a.directory.cmp(&b.directory));
        all.store(home)
    }

    fn store(&self, home: &Home) -> Result<(), CliError> {
        let write = || -> io::Result<()> {
            let directory = home.connect_path();
            let mut part = tempfile::NamedTempFile::new_in(&directory)?;
            part.write_all(&serde_json::to_vec_pretty(self)?)?;
            part.persist(directory.join(FILE)).map(drop).map_err(|error| error.error)
        };
        create_private_dir(&home.connect_path())?;
        write().map_err(|error| {
            CliError::failed("export", format!("cannot note the directory: {error}"))
        })
    }
}
