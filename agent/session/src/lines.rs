//! Reading and writing sessions as lines.

use super::{Session, VERSION};

/// Why a session could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A line is not a session.
    #[error("line {line} is not a session: {reason}; repair or remove that line")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// Message of the parser.
        reason: String,
    },
    /// A line of a later format.
    #[error("line {line} has session format {found}, this build reads up to {VERSION}; update it")]
    Newer {
        /// Number of the line, from 1.
        line: usize,
        /// The version it claims.
        found: u64,
    },
}

impl Session {
    /// The session as one line, without the line break.
    #[must_use]
    pub fn to_line(&self) -> String {
        // SAFETY: string keys and JSON values only, which always serialise.
        #[allow(clippy::expect_used)]
        serde_json::to_string(self).expect("sessions serialise")
    }

    /// Reads one line; `line` is its number, for errors.
    ///
    /// # Errors
    /// Fails when it is no session, or one of a later format.
    pub fn from_line(text: &str, line: usize) -> Result<Self, SessionError> {
        let bad = |error: serde_json::Error| SessionError::Line { line, reason: error.to_string() };
        Self::from_value(serde_json::from_str(text).map_err(bad)?, line)
    }

    /// Reads a session that is JSON already; `line` is its number, for errors.
    ///
    /// # Errors
    /// Fails when it is no session, or one of a later format.
    pub(crate) fn from_value(value: serde_json::Value, line: usize) -> Result<Self, SessionError> {
        let bad = |error: serde_json::Error| SessionError::Line { line, reason: error.to_string() };
        // The version is looked at first: a later format may well have other fields.
        let found = value.get("version").and_then(serde_json::Value::as_u64);
        match found {
            Some(found) if found > u64::from(VERSION) => Err(SessionError::Newer { line, found }),
            Some(0) => Err(SessionError::Line { line, reason: "there is no version 0".to_owned() }),
            _ => serde_json::from_value(value).map_err(bad),
        }
    }
}

/// The JSON Schema of [`Session`], as committed in `docs/session.schema.json`.
#[must_use]
pub fn schema_json() -> String {
    let schema = schemars::schema_for!(Session);
    // SAFETY: a schema is a JSON value.
    #[allow(clippy::expect_used)]
    let mut text = serde_json::to_string_pretty(&schema).expect("schemas serialise");
    text.push('\n');
    text
}
