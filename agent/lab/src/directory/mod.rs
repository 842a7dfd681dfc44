//! Families that a directory defines, so that people add some without compiling anything.
//!
//! A directory family is a directory with `family.toml` (prompts, values, quirk: [`Spec`]), the
//! executables `setup` and `check`, perhaps tools in `bin/` and perhaps a service. The lab draws the
//! quirk once for an environment and the values once for a task, and hands both to the family's
//! programs in the environment variables `LAB_QUIRK_*` and `LAB_VALUE_*`.
//!
//! The family's programs are the user's own and run with their rights; they are limited in time, and what
//! they leave running is killed. docs/lab.md has the reference of the format.

mod family;
mod generate;
mod process;
mod scaffold;
mod service;
mod source;
mod spec;
mod template;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use family::DirectoryFamily;
pub use generate::Generator;
pub(crate) use generate::draw_all;
pub use process::RunError;
pub(crate) use process::{Ended, Run, run};
pub use scaffold::{ScaffoldError, scaffold};
pub(crate) use service::{Launch, Service};
pub(crate) use source::Source;
pub(crate) use spec::is_inside;
pub use spec::{Limits, ServiceSpec, Spec};
pub(crate) use template::fill;

/// The file that makes a directory a family.
pub const FILE: &str = "family.toml";
/// The executable that prepares a task.
pub const SETUP: &str = "setup";
/// The executable that inspects the result.
pub const CHECK: &str = "check";
/// The directory of a family's tools.
pub const BIN: &str = "bin";

/// The verdict of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The task is done.
    Passed,
    /// It is not, and why.
    Failed(String),
}

/// Why a directory holds no family.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// There is no `family.toml` anywhere in it.
    #[error(
        "{} has no directory with a {FILE}; `lore lab new NAME --dir {}` writes one",
        path.display(),
        path.display()
    )]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// The file is not TOML of the format.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, key and reason.
        reason: String,
    },
    /// A key of it has a value that cannot be.
    #[error("{}: {key}: {reason}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key, from the top of the file.
        key: String,
        /// The problem and the advice.
        reason: String,
    },
    /// A program of the family is missing or not executable.
    #[error("{}: {reason}; make it an executable file (chmod +x)", path.display())]
    Program {
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: &'static str,
    },
}
