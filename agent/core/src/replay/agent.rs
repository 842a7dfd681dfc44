//! The agent that works on the tasks of a replay.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use super::compare::Subject;
use super::tasks::Task;

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
