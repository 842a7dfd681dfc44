//! The families that a verb works on.

use std::path::PathBuf;

use lore_lab::Families;
use lore_lab::directory::DirectoryError;

use crate::error::CliError;

/// The built-in families and those of `dirs`.
pub(crate) fn chosen_families(dirs: &[PathBuf]) -> Result<Families, CliError> {
    let mut all = Families::built_in();
    for dir in dirs {
        all = all.and(Families::load(dir)?);
    }
    Ok(all)
}

impl From<DirectoryError> for CliError {
    fn from(error: DirectoryError) -> Self {
        let kind = match &error {
            DirectoryError::Io { .. } => "family_unreadable",
            DirectoryError::Empty { .. } => "no_family",
            DirectoryError::Syntax { .. } | DirectoryError::Value { .. } => "family_invalid",
            DirectoryError::Program { .. } => "family_program",
        };
        Self::usage(error).kind(kind)
    }
}
