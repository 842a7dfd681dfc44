//! A skill's directory as data.

use std::collections::{BTreeMap, BTreeSet};

use super::path::{BundlePath, PathError};
use crate::ids::BlobId;
use crate::payload::FileEntry;

/// Largest file, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
/// Largest sum of files, in bytes.
pub const MAX_BUNDLE_BYTES: u64 = 4 << 20;
/// Most files: their manifest must fit a payload.
pub const MAX_FILES: usize = 256;
/// The file that makes a directory a skill.
pub const SKILL_MD: &str = "SKILL.md";

const BLOB_TAG: &str = "commonlore/blob/v1";

/// Why files do not make a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A path breaks a rule.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A symbolic link.
    #[error("`{0}` is a symbolic link: replace it with the file it points to")]
    Symlink(String),
    /// A device, socket or pipe.
    #[error("`{0}` is not a regular file: remove it")]
    NotRegular(String),
    /// Above [`MAX_FILE_BYTES`].
    #[error("`{path}` has {len} bytes, at most {MAX_FILE_BYTES} are allowed")]
    FileTooLarge {
        /// Path of the file.
        path: String,
        /// Its length, in bytes.
        len: u64,
    },
    /// Above [`MAX_BUNDLE_BYTES`].
    #[error("the files have more than {MAX_BUNDLE_BYTES} bytes together")]
    TooLarge,
    /// Above [`MAX_FILES`].
    #[error("more than {MAX_FILES} files")]
    TooManyFiles,
    /// Two paths that are one file on some systems, or a file that is also a directory.
    #[error("`{0}` and `{1}` cannot be together in one directory on every system")]
    Collision(String, String),
    /// A manifest that is not sorted, or names a path twice.
    #[error("the manifest is not sorted by path at `{0}`")]
    Unsorted(String),
    /// No `SKILL.md` at the top.
    #[error("there is no {SKILL_MD} at the top of the directory")]
    NoSkillMd,
}

/// Kind of a directory entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File(BundleFile),
    /// A symbolic link, which is refused.
    Symlink,
    /// Anything else that is no directory, which is refused.
    Other,
}

/// One thing found in a directory; directories themselves are not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative path with `/`.
    pub path: String,
    /// Its kind.
    pub kind: EntryKind,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// True when it may be executed; the only part of a mode that travels.
    pub executable: bool,
    /// Contents.
    pub bytes: Vec<u8>,
}

/// A skill's files, within the limits and sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<BundlePath, BundleFile>,
    manifest: Vec<FileEntry>,
}

impl Bundle {
    /// Checks entries in any order and makes a bundle of them.
    ///
    /// # Errors
    /// Any broken rule about paths, kinds, sizes, or the missing `SKILL.md`.
    pub fn from_entries(entries: impl IntoIterator<Item = Entry>) -> Result<Self, BundleError> {
        let mut files = BTreeMap::new();
        for Entry { path, kind } in entries {
            let file = match kind {
                EntryKind::File(file) => file,
                EntryKind::Symlink => return Err(BundleError::Symlink(path)),
                EntryKind::Other => return Err(BundleError::NotRegular(path)),
            };
            let path: BundlePath = path.parse()?;
            if files.contains_key(&path) {
                return Err(BundleError::Collision(path.to_string(), path.to_string()));
            }
            if files.len() == MAX_FILES {
                return Err(BundleError::TooManyFiles);
            }
            files.insert(path, file);
        }
        let manifest: Vec<FileEntry> = files
            .iter()
            .map(|(path, file)| FileEntry {
                path: path.to_string(),
                executable: file.executable,
                len: file.bytes.len() as u64,
                blob: blob_id(&file.bytes),
            })
            .collect();
        check_manifest(&manifest)?;
        Ok(Self { files, manifest })
    }

    /// The files, sorted by path.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<BundlePath, BundleFile> {
        &self.files
    }

    /// One file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&BundleFile> {
        self.files.get(&path.parse::<BundlePath>().ok()?)
    }

    /// The bytes of `SKILL.md`.
    #[must_use]
    pub fn skill_md(&self) -> &[u8] {
        self.get(SKILL_MD).map_or(&[], |file| &file.bytes)
    }

    /// The files as a `Revision` payload lists them.
    #[must_use]
    pub fn manifest(&self) -> &[FileEntry] {
        &self.manifest
    }
}

/// The id of a file's contents.
#[must_use]
pub fn blob_id(bytes: &[u8]) -> BlobId {
    BlobId::derive(BLOB_TAG, &[bytes])
}

/// Checks the manifest of another member's `Revision` payload by the rules for bundles.
///
/// # Errors
/// Any broken rule about paths, order, sizes, or the missing `SKILL.md`.
pub fn check_manifest(manifest: &[FileEntry]) -> Result<(), BundleError> {
    if manifest.len() > MAX_FILES {
        return Err(BundleError::TooManyFiles);
    }
    let mut total: u64 = 0;
    let mut paths = Vec::with_capacity(manifest.len());
    for entry in manifest {
        let path: BundlePath = entry.path.parse()?;
        if entry.len > MAX_FILE_BYTES {
            return Err(BundleError::FileTooLarge { path: entry.path.clone(), len: entry.len });
        }
        // At most 256 files of at most 1 MiB: no overflow.
        total += entry.len;
        if paths.last().is_some_and(|last| *last >= path) {
            return Err(BundleError::Unsorted(entry.path.clone()));
        }
        paths.push(path);
    }
    if total > MAX_BUNDLE_BYTES {
        return Err(BundleError::TooLarge);
    }
    check_collisions(&paths)?;
    if !paths.iter().any(|path| path.as_str() == SKILL_MD) {
        return Err(BundleError::NoSkillMd);
    }
    Ok(())
}

/// On systems that ignore case or Unicode form, no two paths may be one file, no file a directory,
/// and no directory two spellings.
fn check_collisions(paths: &[BundlePath]) -> Result<(), BundleError> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut prefixes = BTreeSet::new();
    for path in paths {
        let folded = path.folded();
        let mut places: Vec<(String, String)> = Vec::new();
        for (index, (at, _)) in path.as_str().match_indices('/').enumerate() {
            let prefix = &path.as_str()[..at];
            if !prefixes.insert(prefix) {
                continue;
            }
            let folded_prefix = folded.split('/').take(index + 1).collect::<Vec<_>>().join("/");
            places.push((folded_prefix, prefix.to_owned()));
        }
        places.push((folded, path.to_string()));
        for (folded, spelled) in places {
            if let Some(other) = seen.insert(folded, spelled.clone()) {
                return Err(BundleError::Collision(other, spelled));
            }
        }
    }
    Ok(())
}
