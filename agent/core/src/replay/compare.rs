//! Working on tasks twice, with a skill and without it.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::agent::{Agent, AgentError};
use super::interval::Replay;
use super::tasks::Task;
use crate::select::SkillText;

/// A skill to be judged, as a directory that holds it alone.
#[derive(Debug)]
pub struct Subject {
    skill: SkillText,
    dir: TempDir,
}

impl Subject {
    /// The skill of a `SKILL.md`.
    ///
    /// # Errors
    /// When the text is none, or cannot be written to a temporary directory.
    pub fn new(text: &str) -> Result<Self, ReplayError> {
        let valid = lore_protocol::skill::validate(text.as_bytes(), None);
        if let Some(problem) = valid.problems.first() {
            return Err(ReplayError::NotASkill(problem.to_string()));
        }
        let skill = SkillText::parse(text.as_bytes()).map_err(ReplayError::NotASkill)?;
        let dir = tempfile::tempdir().map_err(ReplayError::Scratch)?;
        // A valid name is one path segment.
        let home = dir.path().join(&skill.name);
        std::fs::create_dir(&home)
            .and_then(|()| std::fs::write(home.join(lore_protocol::skill::SKILL_MD), text))
            .map_err(ReplayError::Scratch)?;
        Ok(Self { skill, dir })
    }

    /// The skill.
    #[must_use]
    pub const fn skill(&self) -> &SkillText {
        &self.skill
    }

    /// A directory of skills that holds this one alone.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// The plan of a replay.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// Directory in which tasks are set up, each in its own directory that is removed afterwards.
    pub scratch: &'a Path,
    /// Longest attempt; one that takes longer failed.
    pub patience: Duration,
}

/// Why a replay came to no result.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The text is no skill.
    #[error("the text to be judged is no valid SKILL.md: {0}")]
    NotASkill(String),
    /// A directory could not be used.
    #[error("the replay's scratch directory cannot be used: {0}")]
    Scratch(std::io::Error),
    /// The agent could not work at all.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// Both arms of every task, each in a fresh directory.
pub(super) async fn compare(
    subject: &Subject,
    tasks: &[&dyn Task],
    agent: &dyn Agent,
    plan: &Plan<'_>,
) -> Result<Replay, ReplayError> {
    let mut pairs = Vec::with_capacity(tasks.len());
    for (nth, task) in tasks.iter().enumerate() {
        // Which arm comes first alternates: what the first leaves behind in the world helps both alike.
        let (with, without) = if nth % 2 == 0 {
            let with = attempt(Some(subject), *task, agent, plan).await?;
            (with, attempt(None, *task, agent, plan).await?)
        } else {
            let without = attempt(None, *task, agent, plan).await?;
            (attempt(Some(subject), *task, agent, plan).await?, without)
        };
        pairs.push((with, without));
    }
    Ok(Replay::of(&pairs))
}

async fn attempt(
    subject: Option<&Subject>,
    task: &dyn Task,
    agent: &dyn Agent,
    plan: &Plan<'_>,
) -> Result<bool, ReplayError> {
    std::fs::create_dir_all(plan.scratch).map_err(ReplayError::Scratch)?;
    let scratch = tempfile::tempdir_in(plan.scratch).map_err(ReplayError::Scratch)?;
    task.setup(scratch.path()).map_err(ReplayError::Scratch)?;
    let attempt = agent.attempt(task, scratch.path(), subject);
    match tokio::time::timeout(plan.patience, attempt).await {
        Ok(solved) => Ok(solved?),
        Err(_) => Ok(false),
    }
}
