//! Replay of a skill's text on tasks that anybody may know, for `skill evolve` and `review`.

use std::path::PathBuf;

use clap::Args;
use lore_agent::replay::Replay;

use crate::error::CliError;
use crate::lab;

/// Tasks on which a text is tried.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Try it on these families of tasks (`lore lab new`) in the sandbox, with it and without. May be given more than
    /// once.
    #[arg(long, value_name = "DIR")]
    families: Vec<PathBuf>,
    /// Number of tasks of each of these families.
    #[arg(long, default_value_t = 8, requires = "families", value_parser = clap::value_parser!(u64).range(1..=1000))]
    tasks: u64,
    /// Seed of the environment in which these families are drawn.
    #[arg(long, default_value_t = 1, requires = "families")]
    seed: u64,
}

impl ReplayArgs {
    /// Returns true when there are families to try a text on.
    pub(super) const fn is_wanted(&self) -> bool {
        !self.families.is_empty()
    }

    /// Tries a text; none without families.
    ///
    /// # Errors
    /// A refusal when it harms, or does not surely help; families that cannot be used.
    pub(super) fn of(&self, text: &str) -> Result<Option<Replay>, CliError> {
        let replay = || lab::replay(text, &self.families, self.tasks, self.seed);
        self.is_wanted().then(replay).transpose()
    }
}

/// One line about a replay.
pub(super) fn words(replay: &Replay) -> String {
    format!(
        "replay: {} of {} tasks at the first attempt with it, {} without: {}",
        replay.with.successes,
        replay.with.tasks,
        replay.without.successes,
        replay.verdict.name()
    )
}
