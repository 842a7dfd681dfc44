//! Sessions that other programs recorded, read into the one session format.
//!
//! Tolerant: a line or item that cannot be read is a [`Warning`] that names its place, and costs one
//! line; a file that gives no session is one [`ImportError`]. Sessions are private, so neither quotes
//! what it is about: places and reasons only.
//!
//! Bounded: a file is read line by line, long strings are shortened while they are read, and a session
//! over its bound keeps its beginning. Of what is passed over, a few bytes a line are kept. Text in a
//! session is data: a transcript that was pasted into a message is a message.

mod atif;
mod bounds;
mod builder;
mod claude;
mod codex;
mod copilot;
mod cost;
mod facts;
mod fields;
mod format;
mod gemini;
mod mini_swe_agent;
mod ml_intern;
mod openai;
mod opencode;
mod own;
mod pi;
mod places;
mod qwen;
mod reader;
mod skillclaw;
mod skills;
mod spec_story;
mod squeeze;
mod status;
mod swe_agent;

#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Cursor;

use serde_json::Value;

pub use facts::{Found, TurnFact};
pub use format::Format;
pub use places::{AgentPlace, places};
pub use reader::Reader;
pub use status::{Said, StatusForm, refusal};

/// Largest document that is read as a whole, in bytes and with its long strings shortened. A file with
/// one entry a line may be of any size.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 20;

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
    /// The file or the disk failed.
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// A single document above [`MAX_DOCUMENT_BYTES`].
    #[error(
        "it is one document of more than {MAX_DOCUMENT_BYTES} bytes: write one trajectory a line"
    )]
    TooLarge,
    /// None of the formats.
    #[error("the format is not recognised: name it with --format ({})", Format::names())]
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
    #[error("no session of the format {format} in it ({skipped} lines or items skipped{})", first.as_ref().map(|w| format!(", first: {w}")).unwrap_or_default())]
    NoSessions {
        /// The format that was tried.
        format: Format,
        /// Number of warnings.
        skipped: usize,
        /// The first of them.
        first: Option<Warning>,
    },
}

/// Result of reading a file, or a part of one.
#[derive(Default)]
pub struct Import {
    /// The sessions, in the order of the file.
    pub sessions: Vec<Found>,
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
    fn warn(&mut self, place: Place, reason: &'static str) {
        self.warnings.push(Warning { place, reason });
    }

    /// Adds a session, or says why there is none.
    fn add(&mut self, found: Option<Found>, full: bool, place: Place) {
        match found {
            Some(found) => self.sessions.push(found),
            None => self.warn(place, "nothing was asked or done; skipped"),
        }
        if full {
            self.warn(place, "the session is longer than what is kept of one; its end is left out");
        }
    }
}

/// Reads one format, entry by entry.
trait Importer: Send + Sync {
    /// Takes an entry: a line, or the whole document.
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import);

    /// Gives what was still being read at the end of the file.
    fn end(&mut self, _import: &mut Import) {}

    /// Bytes that it holds of sessions that are being read.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// The format of a file, by its content; none when it is none of ours.
#[must_use]
pub fn detect(bytes: &[u8]) -> Option<Format> {
    Reader::open(Cursor::new(bytes), None).ok().map(|reader| reader.format())
}

/// Reads all sessions of a file.
///
/// # Errors
/// Fails when the file holds no session.
pub fn read(format: Format, bytes: &[u8]) -> Result<Import, ImportError> {
    let mut reader = Reader::open(Cursor::new(bytes), Some(format))?;
    let mut all = Import::default();
    while let Some(mut part) = reader.next_part()? {
        all.sessions.append(&mut part.sessions);
        all.warnings.append(&mut part.warnings);
    }
    Ok(all)
}
