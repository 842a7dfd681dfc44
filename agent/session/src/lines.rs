//! Reading and writing sessions as lines.

use std::io::BufRead;

use super::{Session, VERSION};

/// Longest line that is read, in bytes: a session of that size is a mistake or an attack.
const MAX_LINE_BYTES: usize = 64 << 20;

/// Why a session could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The file or pipe failed.
    #[error("reading sessions failed: {0}")]
    Io(#[from] std::io::Error),
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

/// Reads sessions, one a line; empty lines are skipped. A bad line is one error, and reading continues.
pub fn read_lines<R: BufRead>(reader: R) -> impl Iterator<Item = Result<Session, SessionError>> {
    Lines { reader, line: 0, broken: false }
}

struct Lines<R> {
    reader: R,
    line: usize,
    broken: bool,
}

impl<R: BufRead> Lines<R> {
    /// The next line that is not empty; None at the end.
    fn next_text(&mut self) -> Result<Option<String>, SessionError> {
        loop {
            let mut bytes = Vec::new();
            let limit = MAX_LINE_BYTES as u64 + 1;
            let read =
                std::io::Read::take(&mut self.reader, limit).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if bytes.len() > MAX_LINE_BYTES {
                // The rest of the line is not looked for: it may have no end.
                self.broken = true;
                return Err(self.bad(format!("longer than {MAX_LINE_BYTES} bytes")));
            }
            let text = String::from_utf8(bytes).map_err(|_| self.bad("not UTF-8".to_owned()))?;
            if !text.trim().is_empty() {
                return Ok(Some(text));
            }
        }
    }

    fn bad(&self, reason: String) -> SessionError {
        SessionError::Line { line: self.line, reason }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Session, SessionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        match self.next_text() {
            Ok(text) => text.map(|text| Session::from_line(&text, self.line)),
            Err(error) => {
                self.broken |= matches!(error, SessionError::Io(_));
                Some(Err(error))
            }
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
