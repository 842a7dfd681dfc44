//! One task, set up in a scratch directory and validated there.

use std::collections::BTreeMap;
use std::path::Path;

use super::directory::Verdict;
use super::error::{LabError, at};
use super::family_id::FamilyId;
use super::task::Task;

/// One task. An explorer is given [`prompt`](Self::prompt) and nothing else of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    family: FamilyId,
    task: Task,
}

impl Instance {
    pub(crate) const fn new(family: FamilyId, task: Task) -> Self {
        Self { family, task }
    }

    /// The family, for tables; hidden from the explorer.
    #[must_use]
    pub const fn family(&self) -> FamilyId {
        self.family
    }

    /// The task in plain English, with the documented command, where there is one, in backticks.
    #[must_use]
    pub fn prompt(&self) -> &str {
        &self.task.prompt
    }

    /// Puts the task's files into `scratch`, an empty directory. A directory family's `setup` runs there.
    ///
    /// # Errors
    /// Fails when the directory cannot be written, or `setup` fails or takes too long.
    pub fn setup(&self, scratch: &Path) -> Result<(), LabError> {
        let failed = |source| LabError::Family { family: self.family, source };
        self.task.paths_are_inside().map_err(failed)?;
        write_files(&self.task.files, scratch)?;
        self.task.setup(scratch).map_err(failed)
    }

    /// Inspects the result, as [`inspect`](Self::inspect) does; that a check could not be made counts
    /// as not passed, with a reason that says so.
    ///
    /// # Errors
    /// Returns what is wrong, in words that do not tell how to do it.
    pub fn validate(&self, scratch: &Path) -> Result<(), String> {
        match self.inspect(scratch) {
            Ok(Verdict::Passed) => Ok(()),
            Ok(Verdict::Failed(reason)) => Err(reason),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Inspects the result.
    ///
    /// # Errors
    /// Fails when a directory family's `check` crashes, hangs or does not start: nothing is known then, and a
    /// result that nobody could check never counts as success.
    pub fn inspect(&self, scratch: &Path) -> Result<Verdict, LabError> {
        let family = self.family;
        self.task.check(scratch).map_err(|source| LabError::Family { family, source })
    }
}

fn write_files(files: &BTreeMap<String, String>, scratch: &Path) -> Result<(), LabError> {
    for (name, contents) in files {
        let path = scratch.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(at(parent))?;
        }
        std::fs::write(&path, contents).map_err(at(&path))?;
    }
    Ok(())
}
