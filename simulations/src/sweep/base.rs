//! What a cell runs: a federation of whole nodes, or the replay of an outcome table.

use std::path::Path;

use super::SweepError;
use crate::memory;
use crate::metrics::{Metric, of_federation};
use crate::outcomes::Replay;
use crate::scenario::{Scenario, shipped};
use crate::world::{self, Sample};

/// The text of a base.
pub(super) fn text(name: &str, directory: &Path) -> Result<String, SweepError> {
    if let Some(text) = shipped(name) {
        return Ok(text.to_owned());
    }
    std::fs::read_to_string(directory.join(name))
        .map_err(|error| SweepError::Base { name: name.to_owned(), error: error.to_string() })
}

/// A scenario of any world. `world = "replay"` says that it replays an outcome table; without the key it
/// is a federation.
pub enum Base {
    /// A federation in virtual time.
    Federation(Box<Scenario>),
    /// A replay of an outcome table.
    Replay(Box<Replay>),
}

impl Base {
    /// Reads and checks a scenario. Paths in it are below `directory`.
    ///
    /// # Errors
    /// Fails with a text when it does not parse or a value makes no sense.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        if table.contains_key("world") {
            let replay = Replay::parse(text, directory).map_err(|error| error.to_string())?;
            return Ok(Self::Replay(Box::new(replay)));
        }
        let scenario = Scenario::parse(text).map_err(|error| error.to_string())?;
        Ok(Self::Federation(Box::new(scenario)))
    }

    /// Checks that so many runs at a time fit into the memory that is free.
    ///
    /// # Errors
    /// Fails with a text when they do not.
    pub fn check_memory(&self, at_once: usize) -> Result<(), String> {
        match self {
            Self::Federation(scenario) => {
                memory::check(scenario, at_once, memory::free()).map_err(|error| error.to_string())
            }
            // A table, and a few counts for each node.
            Self::Replay(_) => Ok(()),
        }
    }

    /// Hash of what a scenario reads beside itself: a table, or nothing.
    #[must_use]
    pub fn inputs(&self) -> String {
        match self {
            Self::Federation(_) => String::new(),
            Self::Replay(replay) => replay.outcomes.hash(),
        }
    }

    /// Runs it with one seed: metrics, and the invariants that were violated.
    ///
    /// # Errors
    /// Fails with a text when the simulation itself cannot go on.
    pub fn run(&self, seed: u64) -> Result<(Vec<Metric>, Vec<String>), String> {
        match self {
            Self::Federation(scenario) => {
                let mut samples: Vec<Sample> = Vec::new();
                let outcome = world::run(scenario, seed, |sample| samples.push(sample.clone()))
                    .map_err(|error| error.to_string())?;
                Ok((of_federation(&outcome, &samples), outcome.violations))
            }
            Self::Replay(replay) => {
                Ok((replay.run(seed).map_err(|error| error.to_string())?, Vec::new()))
            }
        }
    }
}
