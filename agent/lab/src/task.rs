//! One task: set up in a scratch directory, and inspected there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::directory::{CHECK, Ended, Run, RunError, SETUP, Verdict, is_inside, run};

/// A task: what is asked, what lies in the scratch directory before, and who says whether it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// The user's words.
    pub(crate) prompt: String,
    /// Files by relative path.
    pub(crate) files: BTreeMap<String, String>,
    /// The file asked for, relative.
    pub(crate) output: String,
    pub(crate) judge: Judge,
}

/// The judge that prepares and inspects a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judge {
    /// Nobody prepares it, and the file asked for holds exactly this.
    Contents(String),
    /// The programs of a directory.
    Programs(Box<Programs>),
}

/// `setup` and `check` of a directory, with what they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Programs {
    pub(crate) dir: PathBuf,
    pub(crate) bin: PathBuf,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) setup_limit: Duration,
    pub(crate) check_limit: Duration,
}

impl Task {
    /// Checks that its paths stay below the scratch directory: a value may hold anything.
    pub(crate) fn paths_are_inside(&self) -> Result<(), RunError> {
        let files = self.files.keys().map(|path| ("files", path));
        let bad = files.chain([("output", &self.output)]).find(|(_, path)| !is_inside(path));
        match bad {
            None => Ok(()),
            Some((key, path)) => Err(RunError::Outside { key, path: path.clone() }),
        }
    }

    /// Runs `setup`, where there is one.
    pub(crate) fn setup(&self, scratch: &Path) -> Result<(), RunError> {
        let Judge::Programs(programs) = &self.judge else {
            return Ok(());
        };
        let ended = programs.run(SETUP, scratch, programs.setup_limit)?;
        if ended.code == Some(0) {
            return Ok(());
        }
        Err(RunError::Crashed { what: SETUP, how: ended.how, said: ended.said })
    }

    /// Inspects the result. From `check`, exit status 0 is passed and 1 is not passed, with what it printed as the
    /// reason; all else is a fault of the check.
    pub(crate) fn check(&self, scratch: &Path) -> Result<Verdict, RunError> {
        self.paths_are_inside()?;
        if std::fs::symlink_metadata(scratch.join(&self.output)).is_err() {
            return Ok(Verdict::Failed(format!("{} was not written", self.output)));
        }
        let wrong = || Verdict::Failed(format!("{} does not hold what was asked for", self.output));
        let programs = match &self.judge {
            Judge::Contents(wanted) => {
                let found = std::fs::read_to_string(scratch.join(&self.output));
                let right = found.is_ok_and(|found| found == *wanted);
                return Ok(if right { Verdict::Passed } else { wrong() });
            }
            Judge::Programs(programs) => programs,
        };
        let ended = programs.run(CHECK, scratch, programs.check_limit)?;
        match ended.code {
            Some(0) => Ok(Verdict::Passed),
            Some(1) if ended.said.is_empty() => Ok(wrong()),
            Some(1) => Ok(Verdict::Failed(ended.said)),
            _ => Err(RunError::Crashed { what: CHECK, how: ended.how, said: ended.said }),
        }
    }
}

impl Programs {
    fn run(&self, what: &'static str, scratch: &Path, limit: Duration) -> Result<Ended, RunError> {
        run(&Run {
            what,
            program: &self.dir.join(what),
            dir: scratch,
            bin: &self.bin,
            variables: &self.variables,
            limit,
        })
    }
}
