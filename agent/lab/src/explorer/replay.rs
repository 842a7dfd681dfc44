//! The explorer and the lab's tasks in a replay.

use std::path::{Path, PathBuf};

use lore_agent::replay::{Agent, AgentError, AttemptFuture, PublicTask, Subject, Task};

use super::{Explorer, Skills};
use crate::Instance;

impl Task for Instance {
    fn prompt(&self) -> &str {
        Self::prompt(self)
    }

    fn setup(&self, scratch: &Path) -> std::io::Result<()> {
        Self::setup(self, scratch).map_err(std::io::Error::other)
    }

    fn validate(&self, scratch: &Path) -> Result<(), String> {
        Self::validate(self, scratch)
    }
}

/// An instance is drawn from the lab's seed alone.
impl PublicTask for Instance {}

/// The explorer as the agent of a replay. It solves nearly everything in the end, so that what counts is
/// its first attempt. It runs on the thread that polls it.
#[derive(Debug, Clone)]
pub struct RuleAgent {
    /// Directory with the lab's tools.
    pub bin: PathBuf,
    /// The choice of which equal alternative comes first.
    pub habit: u64,
}

impl Agent for RuleAgent {
    fn attempt<'a>(
        &'a self,
        task: &'a dyn Task,
        scratch: &'a Path,
        skill: Option<&'a Subject>,
    ) -> AttemptFuture<'a> {
        Box::pin(async move {
            let error = |error: &dyn std::fmt::Display| AgentError(error.to_string());
            let skills = skill.map(|subject| Skills::load(subject.dir()));
            let skills = skills.transpose().map_err(|found| error(&found))?;
            let explorer = Explorer {
                bin: &self.bin,
                skills: skills.as_ref(),
                habit: self.habit,
                patient: false,
            };
            let check = || task.validate(scratch);
            let attempt = explorer.work("replay", task.prompt(), scratch, 0, &check);
            Ok(attempt.map_err(|found| error(&found))?.first_attempt)
        })
    }
}
