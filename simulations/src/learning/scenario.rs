//! A learning scenario: the task, and the samples that it is run on.

use std::path::Path;

use serde::Deserialize;

use super::{Data, Learnt, ROUND, Samples, Task, run};
use crate::memory::{self, TooLarge};
use crate::metrics::Metric;
use crate::scenario::{ScenarioError, parts, ratio, within};

/// The learning scenario that comes with the crate: its name and its text.
pub const SHIPPED: (&str, &str) =
    ("gossip-learning", include_str!("../../scenarios/gossip-learning.toml"));

/// Why a learning scenario cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LearningError {
    /// The scenario does not parse, or a value in it makes no sense.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The table cannot be read.
    #[error("cannot read the samples {0}")]
    Read(String),
    /// A row or column is wrong; row 0 is the header.
    #[error(
        "samples, row {row}: {what}; columns are label (1 or -1), node (may be left out) and numbers"
    )]
    Row {
        /// Row, counted from 1 below the header.
        row: usize,
        /// What is wrong.
        what: String,
    },
    /// A node, or the test set, would have nothing.
    #[error("{0} has no samples; lower `nodes`, or add rows to the table")]
    Empty(String),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    world: String,
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default = "one")]
    seed: u64,
    nodes: u32,
    rounds: u32,
    #[serde(default = "ten")]
    measured_every: u32,
    lambda: f64,
    #[serde(default)]
    degree: Option<u32>,
    #[serde(default)]
    loss: f64,
    #[serde(default)]
    samples: Option<u32>,
    #[serde(default)]
    dimensions: Option<u32>,
    #[serde(default)]
    table: Option<String>,
}

const fn one() -> u64 {
    1
}

const fn ten() -> u32 {
    10
}

/// Samples of a scenario: drawn from each seed, or a table that is there.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    MadeUp { samples: u32, dimensions: u32 },
    Table(Samples),
}

/// A scenario of the learning world, with its table.
#[derive(Debug, Clone, PartialEq)]
pub struct Learning {
    /// Name.
    pub name: String,
    /// One line that says what it is for.
    pub about: String,
    /// Seed when the command line names none.
    pub seed: u64,
    /// The task.
    pub task: Task,
    source: Source,
}

impl Learning {
    /// Reads a scenario and its table, which lies below `directory`.
    ///
    /// # Errors
    /// Fails when a key is unknown or a value impossible, or the table is wrong.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, LearningError> {
        let file: File =
            toml::from_str(text).map_err(|error| ScenarioError::Parse(error.to_string()))?;
        file.check()?;
        let source = match (&file.table, file.samples, file.dimensions) {
            (Some(table), None, None) => Source::Table(Samples::read(&directory.join(table))?),
            (None, Some(samples), Some(dimensions)) => Source::MadeUp { samples, dimensions },
            _ => {
                let got = file.table.map_or("missing", |_| "there").to_owned();
                let must = "there alone, or missing with both `samples` and `dimensions`";
                return Err(ScenarioError::Value { key: "table", got, must }.into());
            }
        };
        let File { name, about, seed, nodes, rounds, measured_every, lambda, degree, loss, .. } =
            file;
        let loss_ppm = parts(loss);
        let task = Task { nodes, rounds, measured_every, lambda, degree, loss_ppm };
        let learning = Self { name, about, seed, task, source };
        // A table that does not fit the nodes is refused before anything runs.
        if matches!(learning.source, Source::Table(_)) {
            learning.data(seed)?;
        }
        Ok(learning)
    }

    /// Samples of one seed; a table with a column `node` is the same for all.
    ///
    /// # Errors
    /// Fails when a table does not fit the nodes, which [`Self::parse`] has ruled out.
    pub fn data(&self, seed: u64) -> Result<Data, LearningError> {
        match &self.source {
            Source::MadeUp { samples, dimensions } => {
                Ok(Data::made_up(self.task.nodes, *samples, *dimensions, seed))
            }
            Source::Table(samples) => samples.deal(self.task.nodes, seed),
        }
    }

    /// Hash of the table; empty where samples are made up.
    #[must_use]
    pub fn inputs(&self) -> String {
        match &self.source {
            Source::MadeUp { .. } => String::new(),
            Source::Table(samples) => samples.hash().to_owned(),
        }
    }

    /// Checks that so many runs at a time fit into the free memory.
    ///
    /// # Errors
    /// Fails when they do not.
    pub fn check_memory(&self, at_once: usize) -> Result<(), TooLarge> {
        let Source::MadeUp { samples, dimensions } = self.source else { return Ok(()) };
        let nodes = u64::from(self.task.nodes);
        // Samples, the model of each node, and one of each under way.
        let numbers = (nodes * (u64::from(samples) + 2) + 1_000) * u64::from(dimensions);
        memory::check_bytes(numbers * 4 * at_once.max(1) as u64, memory::free())
    }

    /// Runs it with one seed; `after_round` is called as often as there are rounds.
    ///
    /// # Errors
    /// Fails when a table does not fit the nodes, which [`Self::parse`] has ruled out.
    pub fn run(&self, seed: u64, after_round: impl FnMut()) -> Result<Learnt, LearningError> {
        Ok(run(self.task, &self.data(seed)?, seed, after_round))
    }
}

impl File {
    fn check(&self) -> Result<(), ScenarioError> {
        let wrong = |key, got: String, must| Err(ScenarioError::Value { key, got, must });
        if self.world != "learning" {
            let must = "`learning` or `replay`; leave the key out for a federation";
            return wrong("world", self.world.clone(), must);
        }
        let million = "from 1 to 1,000,000";
        within("nodes", self.nodes.into(), 2, 100_000, "from 2 to 100,000")?;
        within("rounds", self.rounds.into(), 1, 1_000_000, million)?;
        within("measured_every", self.measured_every.into(), 1, 1_000_000, million)?;
        within("samples", self.samples.unwrap_or(1).into(), 1, 1_000_000, million)?;
        let dimensions = self.dimensions.unwrap_or(2);
        within("dimensions", dimensions.into(), 2, 100_000, "from 2 to 100,000")?;
        if let Some(degree) = self.degree {
            let others = u64::from(self.nodes) - 1;
            let must = "from 3 to 1,000 and below `nodes`, or `nodes` less 1 where that is less";
            within("degree", degree.into(), others.min(3), others.min(1_000), must)?;
            if !(u64::from(self.nodes) * u64::from(degree)).is_multiple_of(2) {
                return wrong("degree", degree.to_string(), "even where `nodes` is odd");
            }
        }
        if !(1e-9..=1e3).contains(&self.lambda) {
            return wrong("lambda", self.lambda.to_string(), "from 1e-9 to 1000");
        }
        ratio("loss", self.loss, 0.9, "from 0 to 0.9")
    }
}

impl Learnt {
    /// Accuracy after the last round.
    #[must_use]
    pub fn last(&self) -> f64 {
        self.accuracy.last().map_or(0.0, |(_, share)| *share)
    }

    /// Metrics of a run: `at.accuracy` over time, then `accuracy`, `central_accuracy` and `updates`.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn metrics(&self) -> Vec<Metric> {
        let metric = |t_micros, name: &str, value| Metric {
            t_micros,
            node: None,
            arm: String::new(),
            name: name.to_owned(),
            value,
        };
        let over_time = self.accuracy.iter();
        over_time
            .map(|(round, share)| metric(u64::from(*round) * ROUND, "at.accuracy", *share))
            .chain([
                metric(0, "accuracy", self.last()),
                metric(0, "central_accuracy", self.central),
                metric(0, "updates", self.updates as f64),
            ])
            .collect()
    }
}
