//! Manifest of a run: everything that is needed to do it again, and the trace hashes that it must give.
//!
//! It holds the scenario's text itself, so that a replay needs no other file. Times and paths are not in it.

use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;
use crate::world::Outcome;

/// Version of the format.
const FORMAT: u32 = 1;

/// The lock file that this program was built with.
const LOCK: &[u8] = include_bytes!("../../Cargo.lock");

/// Why a manifest was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or not a manifest.
    #[error(
        "this is not a manifest of a run: {0}; write one with `lore-sim run NAME --manifest FILE`"
    )]
    Parse(String),
    /// Another version of the format.
    #[error(
        "the manifest has format {got}, and this program reads {FORMAT}; use the `lore-sim` that wrote it"
    )]
    Format {
        /// Its version.
        got: u32,
    },
    /// Its contents do not have the hash that it names.
    #[error(
        "the manifest was changed or damaged after it was written: its contents have another hash; run the scenario again"
    )]
    Damaged,
    /// Written by another program.
    #[error(
        "the manifest was written by lore-sim {got}, and this is lore-sim {own}; \
         build that version, or replay with --anyway to see what changed"
    )]
    Program {
        /// Version and lock hash in the manifest.
        got: String,
        /// Those of this program.
        own: String,
    },
}

/// Version of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Version of the crate.
    pub version: String,
    /// BLAKE3 of the lock file: the versions of all dependencies.
    pub lock: String,
}

impl Program {
    /// This program.
    #[must_use]
    pub fn own() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            lock: blake3::hash(LOCK).to_hex().to_string(),
        }
    }

    fn shown(&self) -> String {
        let lock: String = self.lock.chars().take(8).collect();
        format!("{} (dependencies {lock})", self.version)
    }
}

/// Machine that a run was made on. Nothing of it enters a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Operating system.
    pub system: String,
    /// Instruction set.
    pub architecture: String,
    /// Threads that it offers.
    pub threads: usize,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn own() -> Self {
        Self {
            system: std::env::consts::OS.into(),
            architecture: std::env::consts::ARCH.into(),
            threads: crate::runner::available_threads(),
        }
    }
}

/// One seed of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traced {
    /// The seed.
    pub seed: u64,
    /// Hash of every event in order.
    pub trace: String,
    /// Events executed.
    pub events: u64,
    /// No invariant was violated.
    pub ok: bool,
    /// The common root at the end.
    pub root: Option<String>,
}

impl From<&Outcome> for Traced {
    fn from(outcome: &Outcome) -> Self {
        Self {
            seed: outcome.seed,
            trace: outcome.trace.clone(),
            events: outcome.events,
            ok: outcome.ok,
            root: outcome.root.clone(),
        }
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// Program that made the run.
    pub program: Program,
    /// Machine that made the run.
    pub machine: Machine,
    /// Name of the scenario.
    pub scenario: String,
    /// BLAKE3 of the scenario's text.
    pub config: String,
    /// The scenario's text.
    pub text: String,
    /// The seeds in ascending order.
    pub runs: Vec<Traced>,
    /// BLAKE3 of all the rest.
    hash: String,
}

/// What only tells the version of a manifest.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

impl Manifest {
    /// The manifest of a run that this program just made.
    #[must_use]
    pub fn new(scenario: &Scenario, text: &str, outcomes: &[Outcome]) -> Self {
        let mut manifest = Self {
            format: FORMAT,
            program: Program::own(),
            machine: Machine::own(),
            scenario: scenario.name.clone(),
            config: blake3::hash(text.as_bytes()).to_hex().to_string(),
            text: text.into(),
            runs: outcomes.iter().map(Traced::from).collect(),
            hash: String::new(),
        };
        manifest.hash = manifest.own_hash();
        manifest
    }

    /// Hash of everything but the hash.
    fn own_hash(&self) -> String {
        let unhashed = Self { hash: String::new(), ..self.clone() };
        // Strings, numbers and lists always have JSON.
        let bytes = serde_json::to_vec(&unhashed).unwrap_or_default();
        blake3::hash(&bytes).to_hex().to_string()
    }

    /// The file: JSON that a person can read.
    ///
    /// # Errors
    /// Fails when there is no memory for it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Fails when it is no manifest, of another format, or not as it was written.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let parse = |error: serde_json::Error| ManifestError::Parse(error.to_string());
        let Versioned { format } = serde_json::from_str(text).map_err(parse)?;
        if format != FORMAT {
            return Err(ManifestError::Format { got: format });
        }
        let manifest: Self = serde_json::from_str(text).map_err(parse)?;
        let config = blake3::hash(manifest.text.as_bytes()).to_hex().to_string();
        if manifest.hash != manifest.own_hash() || manifest.config != config {
            return Err(ManifestError::Damaged);
        }
        Ok(manifest)
    }

    /// Checks that this program wrote it.
    ///
    /// # Errors
    /// Fails when another version did, or one with other dependencies.
    pub fn check_program(&self) -> Result<(), ManifestError> {
        let own = Program::own();
        if self.program == own {
            return Ok(());
        }
        Err(ManifestError::Program { got: self.program.shown(), own: own.shown() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::scenario::shipped;

    fn manifest() -> Manifest {
        let text = shipped("lossy-mesh").unwrap();
        Manifest::new(&Scenario::parse(text).unwrap(), text, &[])
    }

    #[test]
    fn a_manifest_survives_its_file_and_no_change_does() {
        let manifest = manifest();
        let json = manifest.to_json().unwrap();
        assert_eq!(Manifest::parse(&json).unwrap(), manifest);
        manifest.check_program().unwrap();
        for (from, to) in [("loss = 0.25", "loss = 0.26"), ("lossy-mesh\"", "lossy-m3sh\"")] {
            assert!(json.contains(from));
            let changed = json.replace(from, to);
            assert_eq!(Manifest::parse(&changed), Err(ManifestError::Damaged));
        }
        let cut = Manifest::parse(&json[..json.len() / 2]).unwrap_err();
        assert!(matches!(cut, ManifestError::Parse(_)), "{cut}");
    }

    #[test]
    fn another_format_and_another_program_are_named() {
        let mut manifest = manifest();
        let json = manifest.to_json().unwrap().replace("\"format\": 1", "\"format\": 2");
        let error = Manifest::parse(&json).unwrap_err();
        assert_eq!(error, ManifestError::Format { got: 2 });
        manifest.program.version = "9.9.9".into();
        let error = manifest.check_program().unwrap_err().to_string();
        assert!(error.contains("9.9.9") && error.contains("--anyway"), "{error}");
    }
}
