//! A family to start from.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{BIN, CHECK, FILE, SETUP};
use crate::{FamilyId, FamilyName, FamilyNameError};

/// The files, in which [`NAME`] and [`TOOL`] are replaced.
const FAMILY_TEXT: &str = include_str!("scaffold/family.toml");
const SETUP_TEXT: &str = include_str!("scaffold/setup");
const CHECK_TEXT: &str = include_str!("scaffold/check");
const TOOL_TEXT: &str = include_str!("scaffold/tool");
/// Stands for the family's name.
const NAME: &str = "@NAME@";
/// Stands for its tool's name.
const TOOL: &str = "@TOOL@";

/// Why no family was written.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] FamilyNameError),
    /// The name is taken by this program.
    #[error("`{0}` is a built-in family; choose another name")]
    BuiltIn(String),
    /// The directory is there already.
    #[error("{} exists; choose another name, or remove it", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

/// Writes the family `name` into a new directory of that name below `dir` and gives its path. It works
/// as it is: a tool wants an option that its environment draws, and says so.
///
/// # Errors
/// When the name is no name of a family or is taken, or the directory cannot be written.
pub fn scaffold(dir: &Path, name: &str) -> Result<PathBuf, ScaffoldError> {
    let name: FamilyName = match name.parse()? {
        FamilyId::BuiltIn(_) => return Err(ScaffoldError::BuiltIn(name.to_owned())),
        FamilyId::Directory(name) => name,
    };
    let family = dir.join(name.as_str());
    if family.symlink_metadata().is_ok() {
        return Err(ScaffoldError::Exists(family));
    }
    let tool = tool_name(name.as_str());
    let files = [
        (family.join(FILE), FAMILY_TEXT, 0o644),
        (family.join(SETUP), SETUP_TEXT, 0o755),
        (family.join(CHECK), CHECK_TEXT, 0o755),
        (family.join(BIN).join(&tool), TOOL_TEXT, 0o755),
    ];
    let bin = family.join(BIN);
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ScaffoldError::Io { path, source }
    };
    std::fs::create_dir_all(&bin).map_err(at(&bin))?;
    for (path, text, mode) in files {
        let text = text.replace(NAME, name.as_str()).replace(TOOL, &tool);
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode).open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(at(&path))?;
    }
    Ok(family)
}

/// A name for the tool, not longer than a tool's name may be.
fn tool_name(family: &str) -> String {
    let short: String = family.chars().take(28).collect();
    format!("{short}ctl")
}
