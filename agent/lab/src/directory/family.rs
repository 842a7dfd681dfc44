//! A family on disk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::spec::Spec;
use super::{BIN, CHECK, DirectoryError, FILE, SETUP};
use crate::FamilyName;

/// Most families that are read from one directory.
const MAX_FAMILIES: usize = 1_000;

/// A directory family, read and found sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryFamily {
    name: FamilyName,
    dir: PathBuf,
    pub(crate) spec: Spec,
}

impl DirectoryFamily {
    /// Reads the family in `dir`.
    ///
    /// # Errors
    /// When a file is missing or wrong: the error names it, and the key.
    pub fn load(dir: &Path) -> Result<Self, DirectoryError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| DirectoryError::Io { path, source }
        };
        // Programs run elsewhere: a relative path would not find them.
        let dir = std::fs::canonicalize(dir).map_err(io(dir))?;
        let path = dir.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(io(&path))?;
        let spec: Spec = toml::from_str(&text).map_err(|error| DirectoryError::Syntax {
            path: path.clone(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        let directory =
            dir.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
        if let Some((key, reason)) = spec.fault(&directory) {
            return Err(DirectoryError::Value { path, key, reason });
        }
        let tools = spec.tools.iter().map(|tool| dir.join(BIN).join(tool));
        for program in [dir.join(SETUP), dir.join(CHECK)].into_iter().chain(tools) {
            executable(&program)?;
        }
        if let Some(program) = spec.service.as_ref().and_then(|service| service.command.first())
            && program.contains('/')
        {
            executable(&dir.join(program))?;
        }
        // SAFETY: `fault` parsed the name already; an error here is told like any other.
        let name = spec.name.parse().map_err(|error: crate::FamilyNameError| {
            let reason = error.to_string();
            DirectoryError::Value { path, key: "name".to_owned(), reason }
        })?;
        Ok(Self { name, dir, spec })
    }

    /// Reads every family below `dir`, or the one that `dir` is, by name.
    ///
    /// # Errors
    /// As [`load`](Self::load), and when there is none.
    pub fn load_all(dir: &Path) -> Result<Vec<Self>, DirectoryError> {
        let io = |source| DirectoryError::Io { path: dir.to_owned(), source };
        if dir.join(FILE).exists() {
            return Ok(vec![Self::load(dir)?]);
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.join(FILE).exists() {
                found.push(path);
            }
        }
        if found.is_empty() || found.len() > MAX_FAMILIES {
            return Err(DirectoryError::Empty { path: dir.to_owned() });
        }
        found.sort();
        found.iter().map(|dir| Self::load(dir)).collect()
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> FamilyName {
        self.name
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The contents of its file.
    #[must_use]
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Returns true when it needs no skill.
    #[must_use]
    pub const fn is_control(&self) -> bool {
        self.spec.control
    }
}

fn executable(path: &Path) -> Result<(), DirectoryError> {
    let reason = match std::fs::metadata(path) {
        Err(_) => "does not exist",
        Ok(meta) if !meta.is_file() => "is not a file",
        Ok(meta) if meta.permissions().mode() & 0o111 == 0 => "is not executable",
        Ok(_) => return Ok(()),
    };
    Err(DirectoryError::Program { path: path.to_owned(), reason })
}
