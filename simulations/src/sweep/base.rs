//! What a cell runs: a federation of whole nodes, the replay of an outcome table, or gossip learning.

use std::path::Path;

use toml::Value;

use super::SweepError;
use crate::learning::{self, Learning, LearningError};
use crate::memory::{self, TooLarge};
use crate::metrics::{Metric, of_federation};
use crate::outcomes::{Replay, ReplayError};
use crate::scenario::{Scenario, ScenarioError, shipped};
use crate::world::{self, Sample, WorldError};

/// Why a base cannot be read or run.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// Not TOML; the message of the parser names the line.
    #[error("the scenario does not parse: {0}")]
    Toml(#[from] toml::de::Error),
    /// No federation that can run.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// No replay that can run.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// No learning scenario that can run.
    #[error(transparent)]
    Learning(#[from] LearningError),
    /// It does not fit into memory.
    #[error(transparent)]
    Memory(#[from] TooLarge),
    /// The simulation itself could not go on.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A key that cannot be set.
    #[error("{0}")]
    Key(String),
    /// What it reads beside itself is not what was planned.
    #[error("its table changed while the sweep ran; run the sweep again")]
    Changed,
}

/// The text of a base.
pub(super) fn text(name: &str, directory: &Path) -> Result<String, SweepError> {
    if let Some(text) = Base::shipped(name) {
        return Ok(text.to_owned());
    }
    std::fs::read_to_string(directory.join(name))
        .map_err(|error| SweepError::Base { name: name.to_owned(), error: error.to_string() })
}

/// A scenario of any world. `world = "replay"` says that it replays an outcome table, `world = "learning"` that
/// nodes learn by gossip; without the key it is a federation.
pub enum Base {
    /// A federation in virtual time.
    Federation(Box<Scenario>),
    /// A replay of an outcome table.
    Replay(Box<Replay>),
    /// Gossip learning.
    Learning(Box<Learning>),
}

impl Base {
    /// The text of a scenario that comes with the crate.
    #[must_use]
    pub fn shipped(name: &str) -> Option<&'static str> {
        let (learning, text) = learning::SHIPPED;
        shipped(name).or_else(|| (name == learning).then_some(text))
    }

    /// Reads and checks a scenario. Paths in it are below `directory`.
    ///
    /// # Errors
    /// Fails when it does not parse or a value makes no sense.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, BaseError> {
        let table: toml::Table = toml::from_str(text)?;
        match table.get("world").and_then(Value::as_str) {
            None if !table.contains_key("world") => {
                Ok(Self::Federation(Box::new(Scenario::parse(text)?)))
            }
            Some("replay") => Ok(Self::Replay(Box::new(Replay::parse(text, directory)?))),
            // Any other world is refused there.
            _ => Ok(Self::Learning(Box::new(Learning::parse(text, directory)?))),
        }
    }

    /// Seed when the command line names none.
    #[must_use]
    pub fn seed(&self) -> u64 {
        match self {
            Self::Federation(scenario) => scenario.seed,
            Self::Replay(replay) => replay.seed,
            Self::Learning(learning) => learning.seed,
        }
    }

    /// Checks that so many runs at a time fit into the memory that is free.
    ///
    /// # Errors
    /// Fails when they do not.
    pub fn check_memory(&self, at_once: usize) -> Result<(), BaseError> {
        match self {
            Self::Federation(scenario) => Ok(memory::check(scenario, at_once, memory::free())?),
            // A table, and a few counts for each node.
            Self::Replay(_) => Ok(()),
            Self::Learning(learning) => Ok(learning.check_memory(at_once)?),
        }
    }

    /// Hash of what a scenario reads beside itself: a table, or nothing.
    #[must_use]
    pub fn inputs(&self) -> String {
        match self {
            Self::Federation(_) => String::new(),
            Self::Replay(replay) => replay.outcomes.hash(),
            Self::Learning(learning) => learning.inputs(),
        }
    }

    /// Runs it with one seed: metrics, and the invariants that were violated.
    ///
    /// # Errors
    /// Fails when the simulation itself cannot go on.
    pub fn run(&self, seed: u64) -> Result<(Vec<Metric>, Vec<String>), BaseError> {
        match self {
            Self::Federation(scenario) => {
                let mut samples: Vec<Sample> = Vec::new();
                let outcome = world::run(scenario, seed, |sample| samples.push(sample.clone()))?;
                Ok((of_federation(&outcome, &samples), outcome.violations))
            }
            Self::Replay(replay) => Ok((replay.run(seed)?, Vec::new())),
            Self::Learning(learning) => Ok((learning.run(seed, || ())?.metrics(), Vec::new())),
        }
    }
}
