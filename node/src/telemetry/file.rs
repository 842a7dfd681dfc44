//! The log file: two files of a bounded size, whatever is logged and however long the node runs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A log of this many bytes becomes `lore.log.1`, in the place of the one before, and a new one begins.
pub(super) const ROTATE_BYTES: u64 = 16 << 20;

struct Open {
    file: File,
    bytes: u64,
}

/// The file that lines are appended to.
pub(super) struct LogFile {
    path: PathBuf,
    most_bytes: u64,
    open: Mutex<Open>,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, ROTATE_BYTES)
    }

    fn open_with(path: &Path, most_bytes: u64) -> io::Result<Self> {
        if let Some(dir) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let open = Mutex::new(append(path)?);
        Ok(Self { path: path.to_owned(), most_bytes, open })
    }
}

fn append(path: &Path) -> io::Result<Open> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok(Open { file, bytes })
}

impl Write for &LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A line is written in one step, so a poisoned file is still whole.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.bytes > 0 && open.bytes.saturating_add(line.len() as u64) > self.most_bytes {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *open = append(&self.path)?;
        }
        let written = open.file.write(line)?;
        open.bytes = open.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).file.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_log_that_grows_while_it_is_open_stays_within_two_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/lore.log");
        let log = LogFile::open_with(&path, 1_000).unwrap();
        for number in 0..500 {
            writeln!(&log, "{number:099}").unwrap();
        }
        let sizes: Vec<u64> = fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|bytes| *bytes <= 1_000), "{sizes:?}");
        let newest = fs::read_to_string(&path).unwrap();
        assert!(newest.trim_end().ends_with("499"), "{newest}");
        // A file that is too long already is moved with the first line.
        drop(log);
        fs::write(&path, "x".repeat(5_000)).unwrap();
        let log = LogFile::open_with(&path, 1_000).unwrap();
        writeln!(&log, "after").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
    }
}
