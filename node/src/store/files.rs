//! Directories of a store.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use super::StoreError;

/// Returns true when there is nothing here: no file or directory, an empty directory or an empty file.
pub(super) fn is_absent_or_empty(path: &Path) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(StoreError::io("read", path)(error)),
        Ok(meta) if meta.is_file() => Ok(meta.len() == 0),
        Ok(_) => Ok(fs::read_dir(path).map_err(StoreError::io("read", path))?.next().is_none()),
    }
}

/// Returns true when a database directory has tables or logs.
pub(super) fn has_data(database: &Path) -> Result<bool, StoreError> {
    if is_absent_or_empty(database)? {
        return Ok(false);
    }
    for entry in fs::read_dir(database).map_err(StoreError::io("read", database))? {
        let name = entry.map_err(StoreError::io("read", database))?.file_name();
        let extension = Path::new(&name).extension();
        if extension.is_some_and(|extension| extension == "sst" || extension == "log") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Creates a directory that only its owner can read.
pub(super) fn create_private_dir(path: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(StoreError::io("create", path))
}

/// Copies a directory tree of plain files. `to` must not exist.
pub(super) fn copy_tree(from: &Path, to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::AlreadyExists { path: to.to_owned() });
    }
    create_private_dir(to)?;
    for entry in fs::read_dir(from).map_err(StoreError::io("read", from))? {
        let entry = entry.map_err(StoreError::io("read", from))?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type().map_err(StoreError::io("read", &entry.path()))?;
        if kind.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map_err(StoreError::io("copy", &entry.path()))?;
        }
    }
    Ok(())
}
