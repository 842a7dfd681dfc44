//! One task, set up in a scratch directory and validated there.

use std::path::Path;

use super::environment::{LabError, at};
use super::family::FamilyId;
use super::task::Task;

/// One task. An operator is given [`prompt`](Self::prompt) and nothing else of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    family: FamilyId,
    task: Task,
}

impl Instance {
    pub(crate) const fn new(family: FamilyId, task: Task) -> Self {
        Self { family, task }
    }

    /// The family, for tables; hidden from the operator.
    #[must_use]
    pub const fn family(&self) -> FamilyId {
        self.family
    }

    /// The task in plain English, with the documented command in backticks.
    #[must_use]
    pub fn prompt(&self) -> &str {
        &self.task.prompt
    }

    /// Puts the task's files into `scratch`.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn setup(&self, scratch: &Path) -> Result<(), LabError> {
        for (name, contents) in &self.task.files {
            let path = scratch.join(name);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(at(parent))?;
            }
            std::fs::write(&path, contents).map_err(at(&path))?;
        }
        Ok(())
    }

    /// Inspects the result.
    ///
    /// # Errors
    /// What is wrong, in words that do not tell how to do it.
    pub fn validate(&self, scratch: &Path) -> Result<(), String> {
        let (name, contents) = &self.task.wanted;
        match std::fs::read_to_string(scratch.join(name)) {
            Ok(found) if found == *contents => Ok(()),
            Ok(_) => Err(format!("{name} does not hold what was asked for")),
            Err(_) => Err(format!("{name} was not written")),
        }
    }
}
