//! Modes of files that decide what this node does: nobody else may change them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file or directory that others can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exposed {
    /// Path whose mode or owner lets them.
    pub(crate) path: PathBuf,
    /// Its permission bits.
    pub(crate) mode: u32,
    /// Its owner.
    pub(crate) owner: u32,
}

/// Looks whether other accounts can change a file: by writing to it where they can reach it, or by putting
/// another in its place. None when they cannot.
///
/// # Errors
/// Fails when the file or its directory cannot be looked at.
pub(crate) fn exposed(path: &Path) -> io::Result<Option<Exposed>> {
    const WRITE: u32 = 0o022;
    const ENTER: u32 = 0o011;
    let me = rustix::process::geteuid().as_raw();
    let file = fs::metadata(path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let directory = fs::metadata(parent)?;
    let anothers = |meta: &fs::Metadata| meta.uid() != me && meta.uid() != 0;
    // In a directory with the sticky bit, such as /tmp, only owners put others in a place.
    let sticky = directory.mode() & 0o1000 != 0;
    let found = if anothers(&directory) || (directory.mode() & WRITE != 0 && !sticky) {
        Some((parent, &directory))
    } else if anothers(&file) || (file.mode() & WRITE != 0 && directory.mode() & ENTER != 0) {
        Some((path, &file))
    } else {
        None
    };
    Ok(found.map(|(path, meta)| Exposed {
        path: path.to_owned(),
        mode: meta.mode() & 0o7777,
        owner: meta.uid(),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn others_can_change_what_they_reach_and_write_or_what_lies_where_they_write() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        fs::write(&file, "").unwrap();
        for (directory, mode, is_exposed) in [
            (0o700, 0o600, false),
            (0o755, 0o644, false),
            // Nobody comes so far.
            (0o700, 0o666, false),
            (0o711, 0o620, true),
            (0o755, 0o602, true),
            (0o775, 0o600, true),
            (0o777, 0o600, true),
            (0o1777, 0o600, false),
        ] {
            set(dir.path(), directory);
            set(&file, mode);
            let found = exposed(&file).unwrap();
            assert_eq!(found.is_some(), is_exposed, "{directory:o} {mode:o}: {found:?}");
        }
        set(dir.path(), 0o700);
        assert!(exposed(&dir.path().join("none")).is_err());
    }
}
