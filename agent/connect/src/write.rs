//! Writing a file whole or not at all, where it may be written.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Makes a directory, and those above it, that only their owner can enter.
pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file whole or not at all, and makes its directory (mode 0700) when there is none.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    private_dir(directory)?;
    let mut part = tempfile::NamedTempFile::new_in(directory)?;
    part.write_all(bytes)?;
    part.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    part.as_file().sync_all()?;
    part.persist(path).map(drop).map_err(|error| error.error)
}

/// The file that a path leads to, when this user may change it.
///
/// # Errors
/// In words: it is read-only, of another user, no file, or a link that leads nowhere.
pub(crate) fn target(path: &Path) -> Result<PathBuf, String> {
    let linked = fs::symlink_metadata(path);
    let real = match &linked {
        // What a link leads to is changed, and the link stays: dotfiles are often kept so.
        Ok(meta) if meta.is_symlink() => {
            fs::canonicalize(path).map_err(|_| "it is a link that leads nowhere".to_owned())?
        }
        _ => path.to_owned(),
    };
    match fs::metadata(&real) {
        Ok(meta) if !meta.is_file() => Err("it is no file".into()),
        Ok(meta) if meta.uid() != effective_uid() => {
            Err(format!("it belongs to another user (uid {})", meta.uid()))
        }
        Ok(meta) if meta.mode() & 0o200 == 0 => {
            Err("it is read-only: allow writing with `chmod u+w`, or leave it so".into())
        }
        Ok(_) => Ok(real),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(real),
        Err(error) => Err(error.to_string()),
    }
}

/// The user that this process acts for.
fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Permission bits of a file, or those of a new one.
pub(crate) fn mode_of(path: &Path, new: u32) -> u32 {
    fs::metadata(path).map_or(new, |meta| meta.mode() & 0o7777)
}

/// Directories above a path that are not there yet, the innermost last.
pub(crate) fn missing_directories(path: &Path) -> Vec<PathBuf> {
    let above = path.ancestors().skip(1);
    let mut missing: Vec<PathBuf> =
        above.take_while(|dir| !dir.exists()).map(Path::to_owned).collect();
    missing.reverse();
    missing
}
