//! The demo's arguments, its directory, and what can be said before it starts.

use std::path::{Path, PathBuf};

use lore_privacy::preset::{self, KEYS_PER_UNIT};
use lore_privacy::{Budget, Schedule};
use lore_protocol::payload::Unit;
use serde_json::json;

use crate::error::CliError;
use crate::output;

/// Marks a directory that a demo made.
const MARKER: &str = ".lore-demo";
/// Families of tasks that each organisation meets, and pitfalls of real tools. Each of its users meets one of either.
pub(super) const EACH: usize = 2;
/// Keys of a user: a lesson of a family with its words, and one of a pitfall.
const KEYS: u16 = 1 + TOPIC_WORDS + 1;

/// Arguments of `lore demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// Number of nodes, 3 to 12: all but the last are organisations that work, the last one joins late.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(3..=12))]
    pub nodes: u16,
    /// Number of users of each working organisation, 4 to 5000.
    #[arg(long, default_value_t = 160, value_parser = clap::value_parser!(u32).range(4..=5000))]
    pub users: u32,
    /// Privacy budget of each node, per user and period.
    #[arg(long, default_value = "4")]
    pub epsilon: String,
    /// Seed of the tasks and of the users' choices. The privacy noise is real and differs.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Directory for homes and exports [default: a new one below the system's temporary directory].
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Number of new tasks of each family to measure, 1 to 200.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=200))]
    pub tasks: u64,
    /// Remove what a demo left in this directory, and do nothing else.
    #[arg(long, value_name = "DIR", conflicts_with = "dir")]
    pub clean: Option<PathBuf>,
}

/// One release of each kind in the demo's period.
pub(super) const SCHEDULE: Schedule =
    Schedule { lessons: 1, outcomes: 1, votes: 1, costs: None, keys_per_unit: KEYS_PER_UNIT };
/// Words that each lesson brings along: what the demo's tasks are about stands in no command.
pub(super) const TOPIC_WORDS: u16 = 2;

impl DemoArgs {
    pub(super) fn epsilon_micros(&self) -> Result<u64, CliError> {
        crate::decimal::parse("--epsilon", &self.epsilon, 6)
    }

    /// Users that meet each family and each pitfall in an organisation.
    pub(super) const fn supporters(&self) -> u32 {
        self.users / EACH as u32
    }

    /// Users that a lesson needs for a 95 % chance of release, with this budget.
    pub(super) fn supporters_needed(&self) -> Result<u32, CliError> {
        let budget = Budget::new(Unit::User, self.epsilon_micros()?, 1_000_000_000_000, 90)?;
        let lessons = budget.plan(SCHEDULE)?.lessons;
        Ok(lessons.map_or(0, |lessons| preset::supporters_with(&lessons, KEYS)))
    }

    /// Says before the start when these parameters cannot release.
    pub(super) fn warning(&self) -> Result<Option<String>, CliError> {
        let (have, need) = (self.supporters(), self.supporters_needed()?);
        Ok((have < need).then(|| {
            format!(
                "with epsilon {} a lesson needs {need} users of one organisation for a 95 % chance of \
                 release, and here {have} of {} users meet each family: few lessons or none will be \
                 released. Give --users {} or more, or a larger --epsilon.",
                self.epsilon,
                self.users,
                need * EACH as u32 * 10 / 9
            )
        }))
    }

    /// Makes the directory.
    pub(super) fn directory(&self) -> Result<PathBuf, CliError> {
        let failed = |path: &Path, error: std::io::Error| {
            CliError::failed("demo", format!("cannot use {}: {error}", path.display()))
                .help("choose another directory with --dir")
        };
        let root = match &self.dir {
            Some(dir) => std::path::absolute(dir).map_err(|error| failed(dir, error))?,
            None => {
                let name = format!("lore-demo-{}-{}", self.seed, std::process::id());
                std::env::temp_dir().join(name)
            }
        };
        let used = std::fs::read_dir(&root).is_ok_and(|mut entries| entries.next().is_some());
        if used {
            return Err(CliError::usage(format!("{} is not empty", root.display()))
                .help("choose another --dir, or remove an old demo with `lore demo --clean DIR`"));
        }
        std::fs::create_dir_all(&root).map_err(|error| failed(&root, error))?;
        std::fs::write(root.join(MARKER), b"made by lore demo\n")
            .map_err(|error| failed(&root, error))?;
        Ok(root)
    }
}

/// Removes a directory that a demo made.
pub(super) fn clean(directory: &Path, json: bool) -> Result<(), CliError> {
    if !directory.join(MARKER).is_file() {
        return Err(CliError::usage(format!("{} was not made by a demo", directory.display()))
            .help("give the directory that `lore demo` printed"));
    }
    std::fs::remove_dir_all(directory).map_err(|error| {
        CliError::failed("demo", format!("cannot remove {}: {error}", directory.display()))
    })?;
    output::result(&json!({ "removed": directory }), json, |_| {
        format!("removed {}", directory.display())
    })
}
