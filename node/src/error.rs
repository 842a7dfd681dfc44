//! What a verb tells a person when it cannot do its work.

use std::fmt;

use lore_engine::{Class, EngineError, StorageError};
use serde::{Deserialize, Serialize};

use crate::network::NetworkError;
use crate::store::StoreError;

/// The process's exit code, beside 0 for done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Exit {
    /// 1: it was tried and failed.
    Failed,
    /// 2: the command or its input cannot be right.
    Usage,
    /// 3: a policy (privacy budget, quarantine, charter) says no.
    Refused,
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
        }
    }
}

impl TryFrom<u8> for Exit {
    type Error = String;

    fn try_from(code: u8) -> Result<Self, String> {
        match code {
            1 => Ok(Self::Failed),
            2 => Ok(Self::Usage),
            3 => Ok(Self::Refused),
            other => Err(format!("{other} is not an exit code of lore")),
        }
    }
}

/// One clear error: what happened, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CliError {
    /// A stable word for programs, such as `port_in_use`.
    pub kind: String,
    /// What happened, naming the thing.
    pub message: String,
    /// What to do about it; empty when the message says it.
    pub help: String,
    /// The exit code.
    pub exit: Exit,
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
        Self { kind: kind.into(), message: message.to_string(), help: String::new(), exit }
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
        Self { kind: error.kind.into(), message: error.message, help: error.help, exit }
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
