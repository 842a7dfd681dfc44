//! Why a lab or one of its families failed.

use std::path::{Path, PathBuf};

use super::directory::RunError;
use super::family_id::FamilyId;
use super::shell::ShellError;

/// Why a lab did not start or an environment did not load.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Message of the system.
        source: std::io::Error,
    },
    /// The environment file is not one.
    #[error("{} is not an environment of a lab: {reason}; start the lab again", path.display())]
    NotAnEnvironment {
        /// The file.
        path: PathBuf,
        /// Message of the parser.
        reason: String,
    },
    /// A corpus of recorded calls cannot be read.
    #[error("{place}: {why}")]
    Corpus {
        /// The directory, or the file and line.
        place: String,
        /// Message of the system or of the parser.
        why: String,
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
    /// A pitfall's directory cannot be filled.
    #[error("the setup of pitfall {name} failed: {output}")]
    Pitfall {
        /// Name of the pitfall.
        name: String,
        /// What it said.
        output: String,
    },
    /// Commands cannot be run as they must be.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// A directory family's own program failed: its `setup`, its `check` or its service.
    #[error("family {family}: {source}")]
    Family {
        /// The family.
        family: FamilyId,
        /// Error that happened.
        source: RunError,
    },
}

/// Attaches a path to an error.
pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> LabError {
    let path = path.to_owned();
    move |source| LabError::Io { path, source }
}
