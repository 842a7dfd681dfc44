//! The two gates.

use lore_privacy::{Private, UnitId};

use super::agent::Agent;
use super::compare::{Plan, ReplayError, Subject, compare};
use super::interval::{Replay, Verdict};
use super::tasks::{AnyTasks, PublicTasks};

/// A skill that helped on public tasks: only [`before_proposing`] makes one. Nothing
/// publishes it by itself.
#[derive(Debug)]
pub struct Proposable {
    subject: Subject,
    replay: Replay,
}

/// Why a skill may not be proposed.
#[derive(Debug, thiserror::Error)]
pub enum NotProposable {
    /// It did not help, or that could not be told.
    #[error(
        "replay on {} public tasks says `{}`: {} solved with it, {} without it; only a skill that helps \
         is proposed",
        .0.with.tasks, .0.verdict.name(), .0.with.successes, .0.without.successes
    )]
    Judged(Replay),
    /// The replay could not be run.
    #[error(transparent)]
    Failed(#[from] ReplayError),
}

impl Proposable {
    /// The whole `SKILL.md`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.subject.skill().text
    }

    /// The result of the replay.
    #[must_use]
    pub const fn replay(&self) -> &Replay {
        &self.replay
    }
}

/// Decides whether a skill may be proposed: by public tasks alone, and only when it helps.
///
/// # Errors
/// When it does not help, or the replay cannot be run.
pub async fn before_proposing(
    subject: Subject,
    tasks: &PublicTasks,
    agent: &dyn Agent,
    plan: &Plan<'_>,
) -> Result<Proposable, NotProposable> {
    let replay = compare(&subject, &tasks.all(), agent, plan).await?;
    match replay.verdict {
        Verdict::Helps => Ok(Proposable { subject, replay }),
        _ => Err(NotProposable::Judged(replay)),
    }
}

/// The decision to give a skill to the units of this node, or to one of them.
pub struct Adoption {
    /// For whom the answer holds; none for every unit, when the tasks were public.
    pub unit: Option<UnitId>,
    /// The result of the replay. Private, since it may come from one user's own tasks.
    pub replay: Private<Replay>,
}

impl Adoption {
    /// Returns true when the unit is given the skill: not when it harms, nor when the replay was unclear.
    #[must_use]
    pub fn adopts(&self) -> bool {
        matches!(self.replay.expose_to_owner().verdict, Verdict::Helps | Verdict::Neutral)
    }
}

/// Decides whether a skill is installed: by public tasks for every unit, or by one unit's own for that
/// unit.
///
/// # Errors
/// When the replay cannot be run.
pub async fn before_installing(
    subject: &Subject,
    tasks: impl Into<AnyTasks<'_>>,
    agent: &dyn Agent,
    plan: &Plan<'_>,
) -> Result<Adoption, ReplayError> {
    let (unit, tasks) = match tasks.into() {
        AnyTasks::Public(tasks) => (None, tasks.all()),
        AnyTasks::Own(tasks) => (Some(*tasks.unit()), tasks.all()),
    };
    let replay = compare(subject, &tasks, agent, plan).await?;
    Ok(Adoption { unit, replay: Private::new(replay) })
}
