//! Studies of learning: what pooling and privacy do to people who share tools.
//!
//! The world speaks the language of `docs/learning.md`: people in nodes, situations with a prevalence, remedies, and
//! tools that change. Bounding, noise laws and thresholds are the privacy crate's; the fold, evidence, drift and
//! votes are the protocol's; hints are the lessons crate's. What is not called here is the network: a release is with
//! everybody at the end of its epoch.
//!
//! Every study compares the arms of [`arm::Arm`] on common random numbers, gives paired bootstrap intervals over
//! seeds, and says which of its numbers were measured and which are assumed ([`facts`]).

pub mod arm;
pub mod attack;
pub mod bootstrap;
pub mod break_even;
pub mod catalogue;
pub mod change;
pub mod crowd;
pub mod extraction;
pub mod facts;
pub mod fold;
pub mod follow;
pub mod formula;
pub mod history;
pub mod hostile;
pub mod learn;
pub mod library_drift;
pub mod lies;
pub mod page;
pub mod partition;
pub mod people;
pub mod pitfall;
pub mod rename;
pub mod routing;
pub mod size;
pub mod spec;
pub mod write;

use std::fmt::Display;

/// Why a study could not run. None of these is a result.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A release or a budget was refused.
    #[error(transparent)]
    Privacy(#[from] lore_privacy::PrivacyError),
    /// A payload of the simulation is not one that a delta can have.
    #[error("a delta of the simulation is malformed: {0}")]
    Delta(#[from] lore_protocol::delta::Malformed),
    /// The study's file is no TOML, or has keys that it may not have; the message of the parser names the line.
    #[error("the study's file does not parse: {0}")]
    Parse(String),
    /// The nodes of a simulation could not run.
    #[error("the nodes could not run: {0}")]
    World(String),
    /// No study has this name.
    #[error("there is no study `{0}`; `lore-sim study list` names them")]
    Unknown(String),
    /// Seeds were chosen where nothing is random.
    #[error("nothing in the study `{0}` is random; leave out its seeds")]
    NoSeeds(String),
    /// The grammar refused a lesson of the simulation.
    #[error("a lesson of the simulation is not one of the grammar")]
    Lesson,
    /// A value that makes no sense.
    #[error("`{key}` is {got}, but must be {must}; change it in the study's file")]
    Value {
        /// The key, with its table.
        key: String,
        /// Value in the file.
        got: String,
        /// Values that are allowed.
        must: String,
    },
}

impl StudyError {
    /// A value out of its range.
    pub fn value(key: &str, got: impl Display, must: &str) -> Self {
        Self::Value { key: key.into(), got: got.to_string(), must: must.into() }
    }
}
