//! A study's file: TOML, unknown keys are errors.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::StudyError;
use super::facts::Facts;
use crate::runner;

/// A study's file, with the parameters of its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec<P> {
    /// The study that it is of.
    pub study: String,
    /// One line that says what it asks.
    pub about: String,
    /// First seed; none: 1.
    pub seed: Option<u64>,
    /// Number of seeds, counted up from the first; none where nothing is random.
    pub seeds: Option<u64>,
    /// Parameters of the study.
    pub parameters: P,
}

impl<P: DeserializeOwned> Spec<P> {
    /// Reads a file.
    ///
    /// # Errors
    /// Fails when it is no TOML, has a key that the study does not know, or lacks one.
    pub fn parse(text: &str) -> Result<Self, StudyError> {
        toml::from_str(text).map_err(|error| StudyError::Parse(error.to_string()))
    }
}

/// What a study is run with.
pub struct Context<'a> {
    /// Seeds.
    pub seeds: Vec<u64>,
    /// Numbers that it is calibrated from.
    pub facts: &'a Facts,
    /// Threads.
    pub threads: usize,
    /// Hears the share that is done, 0 to 1.
    pub progress: &'a (dyn Fn(f64) + Sync),
}

impl Context<'_> {
    /// Runs `job` for every seed, and gives the results in the order of seeds.
    ///
    /// # Errors
    /// The first error of a job.
    pub fn each<R: Send>(
        &self,
        job: impl Fn(u64) -> Result<R, StudyError> + Sync,
    ) -> Result<Vec<R>, StudyError> {
        runner::in_parallel(&self.seeds, self.threads, job).into_iter().collect()
    }

    /// Runs `job` for every part, and in it for every seed: results by part, then by seed.
    ///
    /// # Errors
    /// The first error of a job.
    pub fn sweep<P: Sync, R: Send>(
        &self,
        parts: &[P],
        job: impl Fn(&P, u64) -> Result<R, StudyError> + Sync,
    ) -> Result<Vec<Vec<R>>, StudyError> {
        let mut all = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            (self.progress)(at as f64 / parts.len() as f64);
            all.push(self.each(|seed| job(part, seed))?);
        }
        Ok(all)
    }
}
