//! Notes that a user's agents leave for that user: private, encrypted like the user's own lessons, never published by
//! themselves.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{HintFiles, HookError};
use crate::write::private_dir;

/// Longest note, in bytes.
pub const MAX_NOTE_BYTES: usize = 1_000;
/// Most notes that are kept of a user; the oldest go first.
pub const MAX_NOTES: usize = 200;

/// One note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Text of the agent, without control characters but line breaks.
    pub text: String,
    /// Time, in seconds since the Unix epoch.
    pub at: u64,
}

impl HintFiles {
    fn notes_path(&self) -> PathBuf {
        self.own().with_extension("notes")
    }

    /// The user's notes, the oldest first; none without the key.
    ///
    /// # Errors
    /// [`HookError::Files`] when the file is damaged.
    pub fn notes(&self) -> Result<Vec<Note>, HookError> {
        let damaged = |why: String| HookError::Files(format!("notes cannot be read: {why}"));
        let Some(bytes) = self.unseal(&self.notes_path())? else { return Ok(Vec::new()) };
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))
    }

    /// Adds a note, cut to [`MAX_NOTE_BYTES`].
    ///
    /// # Errors
    /// In words: an empty text, no key, or a file that cannot be written.
    pub fn add_note(&self, text: &str, at: u64) -> Result<(), String> {
        let text: String =
            text.trim().chars().filter(|letter| *letter == '\n' || !letter.is_control()).collect();
        if text.is_empty() {
            return Err("the note is empty".to_owned());
        }
        if !self.has_key() {
            return Err("there is no key to encrypt notes with: start the node once".to_owned());
        }
        let text = lore_lessons::beginning(&text, MAX_NOTE_BYTES).to_owned();
        let _lock = self.lock().map_err(|error| error.to_string())?;
        let mut notes = self.notes().map_err(|error| error.to_string())?;
        notes.push(Note { text, at });
        let excess = notes.len().saturating_sub(MAX_NOTES);
        notes.drain(..excess);
        let bytes = serde_json::to_vec(&notes).map_err(|error| error.to_string())?;
        self.seal(&self.notes_path(), &bytes).map_err(|error| error.to_string())
    }

    /// Deletes the user's notes.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget_notes(&self) -> io::Result<()> {
        match fs::remove_file(self.notes_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Held while notes are read and written again, so that two agents lose none.
    fn lock(&self) -> io::Result<File> {
        let path = self.notes_path().with_extension("lock");
        if let Some(directory) = path.parent() {
            private_dir(directory)?;
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        file.lock()?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::hook::HintKey;

    #[test]
    fn notes_are_kept_in_order_bounded_and_encrypted() {
        let dir = tempfile::tempdir().unwrap();
        let files = |user: &str| HintFiles::new(dir.path(), user, Some(HintKey([7; 32])));
        let ada = files("ada");
        assert_eq!(ada.notes().unwrap(), []);
        for n in 0..MAX_NOTES as u64 + 2 {
            ada.add_note(&format!("note {n}\u{1b}[2J"), n).unwrap();
        }
        let notes = ada.notes().unwrap();
        assert_eq!((notes.len(), notes[0].at), (MAX_NOTES, 2));
        assert_eq!(notes[0].text, "note 2[2J");
        ada.add_note(&"é".repeat(MAX_NOTE_BYTES), 0).unwrap();
        assert!(ada.notes().unwrap().last().unwrap().text.len() <= MAX_NOTE_BYTES);
        assert!(files("bob").notes().unwrap().is_empty());
        let bytes = fs::read(ada.notes_path()).unwrap();
        assert!(!bytes.windows(4).any(|part| part == b"note"));
        let keyless = HintFiles::new(dir.path(), "ada", None);
        assert!(keyless.add_note("x", 0).is_err() && ada.add_note(" \n", 0).is_err());
        ada.forget_notes().unwrap();
        assert!(ada.notes().unwrap().is_empty());
    }
}
