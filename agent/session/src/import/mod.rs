//! Sessions that other programs recorded, read into the one session format.
//!
//! Tolerant: a line or item that cannot be read is a [`Warning`] that names its place, and costs one
//! line; a file that gives no session is one [`ImportError`]. Sessions are private, so neither quotes
//! what it is about: places and reasons only.

mod builder;
mod claude;
mod openai;
mod own;
mod places;
mod skills;

#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod tests;

use std::fmt;

use lore_protocol::steps::Steps;
use serde_json::Value;

use crate::Session;
pub use places::{AgentPlace, places};

/// Largest file that is read, in bytes.
pub const MAX_IMPORT_BYTES: usize = 256 << 20;

/// Lines that [`detect`] looks at.
const DETECT_LINES: usize = 32;

/// Program that wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Sessions of this program, one a line.
    Lore,
    /// A session file of Claude Code (`~/.claude/projects/*/*.jsonl`).
    ClaudeCode,
    /// Lists of OpenAI chat messages with tool calls, alone or in objects with a reward, as one JSON
    /// document or one a line.
    OpenAiChat,
}

impl Format {
    /// All formats, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Lore, Self::ClaudeCode, Self::OpenAiChat];

    /// The name for the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lore => "lore",
            Self::ClaudeCode => "claude-code",
            Self::OpenAiChat => "openai-chat",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = ImportError;

    fn from_str(text: &str) -> Result<Self, ImportError> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or(ImportError::UnknownFormat)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line, from 1.
    Line(usize),
    /// An item of a JSON list, from 1.
    Item(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Item(item) => write!(f, "item {item}"),
        }
    }
}

/// Something that was tolerated. Never quotes the session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct Warning {
    /// The position in the file.
    pub place: Place,
    /// The problem, and what was done about it.
    pub reason: &'static str,
}

/// Why a file gave no session. Never quotes the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Above [`MAX_IMPORT_BYTES`].
    #[error(
        "the file has {0} bytes, at most {MAX_IMPORT_BYTES} are read: split it at a line break"
    )]
    TooLarge(usize),
    /// None of the formats.
    #[error("the format is not recognised: name it with --format lore, claude-code or openai-chat")]
    UnknownFormat,
    /// Not JSON.
    #[error("not JSON at line {line}, column {column}: is the file cut short?")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Read through, and no session found.
    #[error("no session of the format {format} in it ({skipped} lines or items skipped{}): is the format right?", first.as_ref().map(|w| format!(", first: {w}")).unwrap_or_default())]
    NoSessions {
        /// The format that was tried.
        format: Format,
        /// Number of warnings.
        skipped: usize,
        /// The first of them.
        first: Option<Warning>,
    },
}

/// Result of reading a file.
pub struct Import {
    /// The sessions, in the order of the file.
    pub sessions: Vec<Session>,
    /// Warnings: things that were tolerated, in the order of the file.
    pub warnings: Vec<Warning>,
}

impl fmt::Debug for Import {
    /// Counts only: sessions are private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Import({} sessions, {} warnings)", self.sessions.len(), self.warnings.len())
    }
}

impl Import {
    const fn new() -> Self {
        Self { sessions: Vec::new(), warnings: Vec::new() }
    }

    fn warn(&mut self, place: Place, reason: &'static str) {
        self.warnings.push(Warning { place, reason });
    }
}

/// The format of a file, by its first lines; none when it is none of ours.
#[must_use]
pub fn detect(bytes: &[u8]) -> Option<Format> {
    let bytes = without_mark(bytes);
    for (_, line) in lines(bytes).take(DETECT_LINES) {
        if let Some(format) = serde_json::from_slice(line).ok().and_then(|value| of_value(&value)) {
            return Some(format);
        }
    }
    // One document over many lines.
    of_value(&serde_json::from_slice(bytes).ok()?)
}

fn of_value(value: &Value) -> Option<Format> {
    if own::is_session(value) {
        Some(Format::Lore)
    } else if openai::is_document(value) {
        Some(Format::OpenAiChat)
    } else if claude::is_entry(value) {
        Some(Format::ClaudeCode)
    } else {
        None
    }
}

/// Reads all sessions of a file.
///
/// # Errors
/// Fails when the file holds no session.
pub fn read(format: Format, bytes: &[u8]) -> Result<Import, ImportError> {
    read_within(format, bytes, &Steps::unbounded())
}

/// As [`read`], and counts its steps.
fn read_within(format: Format, bytes: &[u8], steps: &Steps) -> Result<Import, ImportError> {
    if bytes.len() > MAX_IMPORT_BYTES {
        return Err(ImportError::TooLarge(bytes.len()));
    }
    let bytes = without_mark(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(ImportError::Empty);
    }
    let import = match format {
        Format::Lore => own::read(bytes, steps),
        Format::ClaudeCode => claude::read(bytes, steps),
        Format::OpenAiChat => openai::read(bytes, steps)?,
    };
    if import.sessions.is_empty() {
        let first = import.warnings.first().cloned();
        return Err(ImportError::NoSessions { format, skipped: import.warnings.len(), first });
    }
    Ok(import)
}

/// Without a byte order mark.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The lines that are not blank, with their numbers.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let numbered = bytes.split(|byte| *byte == b'\n').enumerate();
    numbered
        .map(|(index, line)| (index + 1, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
}
