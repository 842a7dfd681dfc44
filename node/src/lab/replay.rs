//! Replay gate before installing a skill: whether it helps, on tasks that anybody may know.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lore_agent::replay::{
    LEAST_TASKS, Plan, PublicTasks, Replay, Subject, Verdict, before_installing,
};
use lore_agent::select::Index;
use lore_lab::Families;
use lore_lab::explorer::RuleAgent;

use super::run::{failed, start};
use crate::error::CliError;

/// Longest attempt at one task.
const PATIENCE: Duration = Duration::from_secs(120);

/// Works on `tasks_each` tasks of each family in `dirs` with the skill of `text` and without, and gives
/// what came out when the skill may be installed. Only tasks for which the skill would be offered count.
///
/// # Errors
/// Fails when the families cannot be used, too few of their tasks fit, or the skill does not help.
pub(crate) fn replay(
    text: &str,
    dirs: &[PathBuf],
    tasks_each: u64,
    seed: u64,
) -> Result<Replay, CliError> {
    let mut families = Families::default();
    for dir in dirs {
        families = families.and(Families::load(dir)?);
    }
    let dir = tempfile::tempdir().map_err(|error| failed(&error))?;
    let lab = start(seed, &dir.path().join("lab"), &families)?;
    let subject = Subject::new(text).map_err(|error| failed(&error))?;
    let mut instances = Vec::new();
    for family in families.ids() {
        for n in 0..tasks_each {
            let task = lab.environment().instance(family, "replay", n);
            instances.push(task.map_err(|error| failed(&error))?);
        }
    }
    let library = Index::new([subject.skill().clone()]);
    let tasks = PublicTasks::new(instances).offered(&library, &subject.skill().name);
    if tasks.len() < LEAST_TASKS {
        return Err(CliError::refused(
            "replay",
            format!(
                "the skill would be offered for {} tasks of these families; {LEAST_TASKS} are needed to \
                 judge it",
                tasks.len()
            ),
        )
        .help("give families whose tasks it is for, or more tasks with --tasks"));
    }
    let adoption = judged(&subject, &tasks, &lab.environment().bin(), dir.path())?;
    let adopts = adoption.adopts();
    // The tasks were public, and so is what came out.
    let replay = *adoption.replay.expose_to_owner();
    if adopts {
        return Ok(replay);
    }
    let why = match replay.verdict {
        Verdict::Harms => "the skill harms",
        _ => "it cannot be told whether the skill helps",
    };
    Err(CliError::refused(
        "replay",
        format!(
            "{why}: {} of {} tasks at the first attempt with it, {} without",
            replay.with.successes, replay.with.tasks, replay.without.successes
        ),
    )
    .help("more tasks (--tasks) tell smaller differences"))
}

fn judged(
    subject: &Subject,
    tasks: &PublicTasks,
    bin: &Path,
    dir: &Path,
) -> Result<lore_agent::replay::Adoption, CliError> {
    let agent = RuleAgent { bin: bin.to_owned(), habit: 1 };
    let scratch = dir.join("scratch");
    let plan = Plan { scratch: &scratch, patience: PATIENCE };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    runtime
        .block_on(before_installing(subject, tasks, &agent, &plan))
        .map_err(|error| failed(&error))
}
