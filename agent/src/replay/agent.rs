//! Who works on the tasks of a replay.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use super::compare::Subject;
use super::tasks::Task;
use crate::operator::{Operator, Skills};

/// An attempt under way; dropping it ends the attempt.
pub type AttemptFuture<'a> = Pin<Box<dyn Future<Output = Result<bool, AgentError>> + Send + 'a>>;

/// Why an agent could not work at all. An attempt that does not solve its task is no error.
#[derive(Debug, thiserror::Error)]
#[error("the agent of the replay cannot work: {0}")]
pub struct AgentError(pub String);

/// Something that works on a task in a directory, and says whether it solved it by the task's validator.
/// A function of the same arguments is one.
pub trait Agent: Send + Sync {
    /// Works on `task`, which is set up in `scratch`, with the skill at hand or without any.
    fn attempt<'a>(
        &'a self,
        task: &'a dyn Task,
        scratch: &'a Path,
        skill: Option<&'a Subject>,
    ) -> AttemptFuture<'a>;
}

impl<F> Agent for F
where
    F: for<'a> Fn(&'a dyn Task, &'a Path, Option<&'a Subject>) -> AttemptFuture<'a> + Send + Sync,
{
    fn attempt<'a>(
        &'a self,
        task: &'a dyn Task,
        scratch: &'a Path,
        skill: Option<&'a Subject>,
    ) -> AttemptFuture<'a> {
        self(task, scratch, skill)
    }
}

/// The rule-based operator of the lab. It solves nearly everything in the end, so that what counts is
/// its first attempt. It runs on the thread that polls it.
#[derive(Debug, Clone)]
pub struct RuleAgent {
    /// Directory with the lab's tools.
    pub bin: PathBuf,
    /// Which of equal alternatives comes first.
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
            let operator = Operator {
                bin: &self.bin,
                skills: skills.as_ref(),
                habit: self.habit,
                patient: false,
            };
            let check = || task.validate(scratch);
            let attempt = operator.work("replay", task.prompt(), scratch, 0, &check);
            Ok(attempt.map_err(|found| error(&found))?.first_attempt)
        })
    }
}
