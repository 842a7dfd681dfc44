//! Files that are whole or not there: written beside their place and renamed.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes `bytes` to `path`, whole or not at all: a reader or a crash never sees a part. Two writers at
/// once are fine, the last one stays.
///
/// # Errors
/// Fails when the directory cannot be made or written; the error names the path.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Machines that share a directory may have processes of one number, so the name has random digits.
    let random = RandomState::new().build_hasher().finish();
    let beside = path.with_file_name(format!(".{name}.{random:016x}.part"));
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory).map_err(named)?;
    }
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        // The part is of no use to anybody; that it is gone already is fine.
        let _ = std::fs::remove_file(&beside);
        named(error)
    })
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
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        let below_a_file = path.join("c");
        assert!(write(&below_a_file, b"x").unwrap_err().to_string().contains("b.csv"));
    }
}
