//! Why the engine does not do something.

use std::fmt;

use lore_privacy::PrivacyError;

use crate::StorageError;

/// Class of an error, by who acts next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It was tried and failed.
    Failed,
    /// The input cannot be right.
    Usage,
    /// A policy (privacy budget, charter) says no.
    Refused,
}

/// One clear error: what happened, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct EngineError {
    /// A stable word for programs, such as `not_a_signer`.
    pub kind: &'static str,
    /// Fault, naming the thing.
    pub message: String,
    /// Way out; empty when the message says it.
    pub help: String,
    /// Its class.
    pub class: Class,
}

impl EngineError {
    /// Something was tried and failed.
    #[must_use]
    pub fn failed(kind: &'static str, message: impl fmt::Display) -> Self {
        Self::new(kind, message, Class::Failed)
    }

    /// The input cannot be right.
    #[must_use]
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new("usage", message, Class::Usage)
    }

    /// A policy says no.
    #[must_use]
    pub fn refused(kind: &'static str, message: impl fmt::Display) -> Self {
        Self::new(kind, message, Class::Refused)
    }

    fn new(kind: &'static str, message: impl fmt::Display, class: Class) -> Self {
        Self { kind, message: message.to_string(), help: String::new(), class }
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = help.to_string();
        self
    }

    /// Changes the stable word.
    #[must_use]
    pub const fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  {}", self.help)?;
        }
        Ok(())
    }
}

impl From<StorageError> for EngineError {
    fn from(error: StorageError) -> Self {
        Self::failed(error.kind, error.message)
    }
}

impl From<PrivacyError> for EngineError {
    fn from(error: PrivacyError) -> Self {
        use PrivacyError as E;
        let (kind, class) = match &error {
            E::NoBudget => ("no_budget", Class::Refused),
            E::OverBudget { .. } => ("over_budget", Class::Refused),
            E::NoConsent => ("no_consent", Class::Refused),
            E::ConsentWaits { .. } => ("consent_waits", Class::Refused),
            E::WrongCode => ("wrong_code", Class::Refused),
            E::PeriodWentBack => ("clock_went_back", Class::Refused),
            E::Late { .. } => ("late", Class::Refused),
            E::AtGate { .. } => ("at_the_gate", Class::Refused),
            E::GateClosed { .. } => ("gate_closed", Class::Refused),
            E::Parameter { .. } | E::Unsupported(_) => ("privacy", Class::Usage),
            E::Damaged { .. } => ("ledger_damaged", Class::Failed),
            E::Store(_) => {
                return Self::new("ledger_write", error, Class::Failed).help(
                    "a write failed, as on a full disk: make room and do it again; what was paid for \
                     stays paid for, and nothing is lost",
                );
            }
            _ => ("privacy", Class::Failed),
        };
        Self::new(kind, error, class)
    }
}
