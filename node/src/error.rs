//! Error of a verb that cannot do its work, for a person.

use std::fmt;

pub use lore_control::Exit;
use lore_control::Failure;
use lore_engine::{Class, EngineError, StorageError};
use serde::Serialize;

use crate::network::NetworkError;
use crate::store::StoreError;

/// One clear error: what happened, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CliError {
    /// A stable word for programs, such as `port_in_use`.
    pub kind: String,
    /// Fault, naming the thing.
    pub message: String,
    /// Way out; empty when the message says it.
    pub help: String,
    /// The exit code.
    pub exit: Exit,
    /// True when the result on stdout says it already: nothing more is printed there.
    #[serde(skip)]
    pub told: bool,
}

impl CliError {
    /// Something was tried and failed.
    #[must_use]
    pub fn failed(kind: &str, message: impl fmt::Display) -> Self {
        Self::new(kind, message, Exit::Failed)
    }

    /// The input cannot be right.
    #[must_use]
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new("usage", message, Exit::Usage)
    }

    /// A policy says no.
    #[must_use]
    pub fn refused(kind: &str, message: impl fmt::Display) -> Self {
        Self::new(kind, message, Exit::Refused)
    }

    fn new(kind: &str, message: impl fmt::Display, exit: Exit) -> Self {
        Self {
            kind: kind.into(),
            message: message.to_string(),
            help: String::new(),
            exit,
            told: false,
        }
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = help.to_string();
        self
    }

    /// Changes the stable word.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        self.kind = kind.into();
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for CliError {}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        let Failure { kind, message, help, exit } = failure;
        Self { kind, message, help, exit, told: false }
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        let CliError { kind, message, help, exit, told: _ } = error;
        Self { kind, message, help, exit }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::failed(error.kind(), error)
    }
}

impl From<StorageError> for CliError {
    fn from(error: StorageError) -> Self {
        Self::failed(error.kind, error.message)
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        let exit = match error.class {
            Class::Failed => Exit::Failed,
            Class::Usage => Exit::Usage,
            Class::Refused => Exit::Refused,
        };
        Self {
            kind: error.kind.into(),
            message: error.message,
            help: error.help,
            exit,
            told: false,
        }
    }
}

impl From<NetworkError> for CliError {
    fn from(error: NetworkError) -> Self {
        let (kind, exit) = match &error {
            NetworkError::PortInUse { .. } => ("port_in_use", Exit::Failed),
            NetworkError::Listen { .. } => ("listen", Exit::Failed),
            NetworkError::BadAddress { .. }
            | NetworkError::AddressWithoutPeer(_)
            | NetworkError::NotAPeer(_) => ("bad_address", Exit::Usage),
            _ => ("network", Exit::Failed),
        };
        Self::new(kind, error, exit)
    }
}

impl From<lore_privacy::PrivacyError> for CliError {
    fn from(error: lore_privacy::PrivacyError) -> Self {
        EngineError::from(error).into()
    }
}
