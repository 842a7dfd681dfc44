//! A lock on a file that is released the moment its holder lets go.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A file that this process holds alone. The system releases it when the process ends, however it ends.
///
/// Closing the file would not be enough: a child that was being started meanwhile shares the open file until it
/// becomes another program, and a lock lives as long as its open file (`flock(2)`).
#[derive(Debug)]
pub(crate) struct LockedFile(File);

impl LockedFile {
    /// Takes the lock, or fails at once.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] when it is held already, also by this process.
    pub(crate) fn take(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }
}

/// Opens a file to be locked, which only this account may read and write, and makes it when it is absent.
///
/// # Errors
/// Those of the system.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // What fails here was never locked or is closed next.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_lock_ends_with_its_holder_also_while_a_child_is_being_started() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let open = || File::create(&path).unwrap();
        let held = LockedFile::take(open()).unwrap();
        assert!(matches!(LockedFile::take(open()), Err(TryLockError::WouldBlock)));
        // What a child has between `fork` and `exec`: a second descriptor of the same open file.
        let of_a_child = held.try_clone().unwrap();
        drop(held);
        LockedFile::take(open()).unwrap();
        drop(of_a_child);
    }
}
