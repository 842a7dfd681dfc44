//! The studies that come along, by name.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::facts::Facts;
use super::page::Page;
use super::spec::{Context, Spec};
use super::{
    StudyError, break_even, extraction, follow, library_drift, lies, partition, rename, routing,
    size,
};

/// Names and files of the studies that come along.
pub const SHIPPED: [(&str, &str); 9] = [
    ("size", include_str!("../../scenarios/studies/size.toml")),
    ("break-even", include_str!("../../scenarios/studies/break-even.toml")),
    ("rename", include_str!("../../scenarios/studies/rename.toml")),
    ("change", include_str!("../../scenarios/studies/change.toml")),
    ("library-drift", include_str!("../../scenarios/studies/library-drift.toml")),
    ("poisoning", include_str!("../../scenarios/studies/poisoning.toml")),
    ("routing", include_str!("../../scenarios/studies/routing.toml")),
    ("extraction", include_str!("../../scenarios/studies/extraction.toml")),
    ("partition", include_str!("../../scenarios/studies/partition.toml")),
];

/// The file of a shipped study.
#[must_use]
pub fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// What is chosen on the command line.
pub struct Choices<'a> {
    /// First seed; none: the file's.
    pub seed: Option<u64>,
    /// Number of seeds; none: the file's.
    pub seeds: Option<u64>,
    /// Numbers to calibrate from.
    pub facts: &'a Facts,
    /// Threads.
    pub threads: usize,
    /// Hears the share that is done, 0 to 1.
    pub progress: &'a (dyn Fn(f64) + Sync),
}

/// The head of a study's file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Head {
    /// The study that it is of.
    pub study: String,
    /// One line that says what it asks.
    pub about: String,
}

impl Head {
    /// Reads it.
    ///
    /// # Errors
    /// Fails when it is no TOML or lacks a key.
    pub fn parse(text: &str) -> Result<Self, StudyError> {
        toml::from_str(text).map_err(|error| StudyError::Parse(error.to_string()))
    }
}

/// Runs the study of a file.
///
/// # Errors
/// Fails when the file does not parse, names a study that there is not, or a parameter is out of its range.
pub fn run(text: &str, choices: &Choices<'_>) -> Result<Page, StudyError> {
    match Head::parse(text)?.study.as_str() {
        "size" => with(text, choices, size::run),
        "rename" => with(text, choices, rename::run),
        "change" => with(text, choices, follow::run),
        "library-drift" => with(text, choices, library_drift::run),
        "poisoning" => with(text, choices, lies::run),
        "extraction" => with(text, choices, extraction::run),
        "partition" => with(text, choices, partition::run),
        "routing" => without_seeds(text, choices, routing::run),
        "break-even" => with(text, choices, break_even::run),
        other => Err(StudyError::Unknown(other.into())),
    }
}

fn with<P: DeserializeOwned>(
    text: &str,
    choices: &Choices<'_>,
    study: impl Fn(&P, &Context<'_>) -> Result<Page, StudyError>,
) -> Result<Page, StudyError> {
    let spec = Spec::<P>::parse(text)?;
    let first = choices.seed.or(spec.seed).unwrap_or(1);
    let Some(count) = choices.seeds.or(spec.seeds) else {
        return Err(StudyError::value("seeds", "missing", "the number of seeds"));
    };
    if !(1..=100_000).contains(&count) {
        return Err(StudyError::value("seeds", count, "between 1 and 100,000"));
    }
    let Some(last) = first.checked_add(count - 1) else {
        return Err(StudyError::value("seed", first, "so small that all seeds fit into 64 bits"));
    };
    let context = Context {
        seeds: (first..=last).collect(),
        facts: choices.facts,
        threads: choices.threads,
        progress: choices.progress,
    };
    study(&spec.parameters, &context)
}

fn without_seeds<P: DeserializeOwned>(
    text: &str,
    choices: &Choices<'_>,
    study: impl Fn(&P) -> Result<Page, StudyError>,
) -> Result<Page, StudyError> {
    let spec = Spec::<P>::parse(text)?;
    if [choices.seed, choices.seeds, spec.seed, spec.seeds].iter().any(Option::is_some) {
        return Err(StudyError::NoSeeds(spec.study));
    }
    study(&spec.parameters)
}
