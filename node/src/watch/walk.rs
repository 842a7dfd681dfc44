//! The files below some directories, a bounded number of entries at a time.

use std::fs::{self, ReadDir};
use std::path::PathBuf;

use crate::import::may_hold_sessions;

/// Most directories inside of one another.
const MAX_DEPTH: usize = 12;

/// Result of looking for the next file.
pub(super) enum Walked {
    /// A file that may hold sessions.
    File(PathBuf),
    /// So many entries were looked at; there are more.
    Paused,
    /// All were.
    Over,
}

/// A walk that goes on where it was. Links are not followed, but for the directories that it is given.
pub(super) struct Walk {
    waiting: Vec<(PathBuf, usize)>,
    open: Option<(ReadDir, usize)>,
}

impl Walk {
    pub(super) fn over(directories: &[PathBuf]) -> Self {
        let waiting = directories.iter().rev().map(|path| (path.clone(), 0)).collect();
        Self { waiting, open: None }
    }

    /// The next file, with at most `left` entries looked at.
    pub(super) fn next(&mut self, left: &mut usize) -> Walked {
        loop {
            if *left == 0 {
                return Walked::Paused;
            }
            let Some((entries, depth)) = &mut self.open else {
                let Some((path, depth)) = self.waiting.pop() else { return Walked::Over };
                *left -= 1;
                // One that is not there, or is not ours to read, holds nothing for us.
                self.open = fs::read_dir(path).ok().map(|entries| (entries, depth));
                continue;
            };
            let depth = *depth;
            let Some(entry) = entries.next() else {
                self.open = None;
                continue;
            };
            *left -= 1;
            let Ok(entry) = entry else { continue };
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && depth < MAX_DEPTH {
                self.waiting.push((path, depth + 1));
            } else if kind.is_file() && may_hold_sessions(&path) {
                return Walked::File(path);
            }
        }
    }
}
