//! Files that are whole or not there: written beside their place and renamed.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::Builder;

/// Writes `bytes` to `path`, whole or not at all: a reader or a crash never sees a part. Two writers at
/// once are fine, the last one stays.
///
/// # Errors
/// Fails when the directory cannot be made or written; the error names the path.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let directory = above.unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    // Results are for everybody whom the user's mask lets read them.
    let mut part =
        Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(directory)?;
    part.write_all(bytes)?;
    part.as_file().sync_all()?;
    part.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_no_part() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b.csv");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        // As any other new file of this user.
        let other = directory.path().join("other");
        std::fs::write(&other, b"").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&other));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        let below_a_file = path.join("c");
        assert!(write(&below_a_file, b"x").unwrap_err().to_string().contains("b.csv"));
    }
}
