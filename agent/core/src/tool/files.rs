//! Files of the workspace, opened so that nothing outside is ever reached.
//!
//! The tools run in the process of the agent, beside commands that may change the workspace at any time. A
//! path is therefore resolved once (`cap-std`, which refuses to leave the root), judged by its real name,
//! and then opened component by component without following links, so that what was judged is what is
//! opened.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt, PermissionsExt};

/// Largest file that is read, edited or written, in bytes.
pub(super) const MAX_FILE_BYTES: u64 = 16 << 20;
/// Longest path.
const MAX_PATH_BYTES: usize = 4096;

/// The state that an agent's tools share about files.
#[derive(Debug, Default)]
pub struct Files {
    /// Readable directories besides the workspace.
    read: Vec<PathBuf>,
    /// Never read or written.
    hidden: Vec<PathBuf>,
    /// Content as the model last saw it, by real path.
    seen: Mutex<BTreeMap<PathBuf, blake3::Hash>>,
}

/// The use that a path is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Reading.
    Read,
    /// Writing.
    Write,
}

/// A path that may be used.
#[derive(Debug)]
pub(super) struct Place {
    root: Dir,
    /// Below the root, without links.
    below: PathBuf,
    /// Its real name.
    pub(super) real: PathBuf,
}

/// Why a file was not read or written, in words for a model.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("{path}: {why}")]
    Refused { path: String, why: &'static str },
    #[error("{path}: {error}")]
    Io { path: String, error: io::Error },
}

impl Files {
    /// With directories that may be read besides the workspace, and paths that are never touched.
    #[must_use]
    pub fn new(read: Vec<PathBuf>, hidden: Vec<PathBuf>) -> Self {
        let real = |paths: Vec<PathBuf>| {
            paths.into_iter().map(|path| path.canonicalize().unwrap_or(path)).collect()
        };
        Self { read: real(read), hidden: real(hidden), seen: Mutex::default() }
    }

    /// The same rules for a reader that has seen nothing yet, such as a sub-agent: what it read, its caller
    /// has not.
    #[must_use]
    pub fn unseen(&self) -> Self {
        Self { read: self.read.clone(), hidden: self.hidden.clone(), seen: Mutex::default() }
    }

    /// Directories that may be read besides the workspace.
    pub(super) fn read_roots(&self) -> &[PathBuf] {
        &self.read
    }

    /// Paths that are never touched.
    pub(super) fn hidden(&self) -> &[PathBuf] {
        &self.hidden
    }

    /// Returns true when `real` is one of the hidden paths or below one.
    pub(super) fn is_hidden(&self, real: &Path) -> bool {
        self.hidden.iter().any(|hidden| real.starts_with(hidden))
    }

    /// Remembers what the model saw of a file.
    pub(super) fn saw(&self, real: &Path, content: &[u8]) {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.insert(real.to_path_buf(), blake3::hash(content));
    }

    /// Checks that the model saw the file as it is now.
    ///
    /// # Errors
    /// What to do first.
    pub(super) fn check_seen(&self, real: &Path, content: &[u8]) -> Result<(), &'static str> {
        let seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match seen.get(real) {
            None => Err("read it first, so that you change what is really there"),
            Some(hash) if *hash == blake3::hash(content) => Ok(()),
            Some(_) => Err("it changed since you read it: read it again"),
        }
    }

    /// Resolves a path that a model gave, relative to the workspace or absolute.
    ///
    /// # Errors
    /// When it leads outside, is hidden, or cannot be resolved.
    pub(super) fn place(
        &self,
        workspace: &Path,
        path: &str,
        want: Want,
    ) -> Result<Place, FileError> {
        let refused = |why| FileError::Refused { path: shown(path), why };
        let failed = |error| FileError::Io { path: shown(path), error };
        if path.is_empty() || path.len() > MAX_PATH_BYTES || path.contains('\0') {
            return Err(refused("not a path: empty, too long, or with a NUL"));
        }
        let workspace = workspace.canonicalize().map_err(failed)?;
        let wanted = Path::new(path);
        let (root, below) = if wanted.is_absolute() {
            let readable = if want == Want::Read { self.read.as_slice() } else { &[] };
            std::iter::once(&workspace)
                .chain(readable)
                .find_map(|root| Some((root.clone(), wanted.strip_prefix(root).ok()?)))
                .ok_or_else(|| refused("outside the workspace; paths are relative to it"))?
        } else {
            (workspace, wanted)
        };
        let directory = Dir::open_ambient_dir(&root, ambient_authority()).map_err(failed)?;
        let below = resolve(&directory, below).map_err(failed)?;
        let real = root.join(&below);
        if self.is_hidden(&real) {
            return Err(refused("not accessible"));
        }
        let git = |part: Component<'_>| part.as_os_str().eq_ignore_ascii_case(".git");
        if want == Want::Write && below.components().any(git) {
            return Err(refused("the inside of .git is read-only"));
        }
        Ok(Place { root: directory, below, real })
    }
}

/// A path as it is safe to repeat.
fn shown(path: &str) -> String {
    path.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The real name below `root`. Of what does not exist yet, the directories that do are resolved.
fn resolve(root: &Dir, below: &Path) -> io::Result<PathBuf> {
    if below.as_os_str().is_empty() {
        return Ok(PathBuf::new());
    }
    match root.canonicalize(below) {
        // The root itself is ".", which no path below it begins with.
        Ok(real) => return Ok(real.components().filter(|c| *c != Component::CurDir).collect()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    if root.symlink_metadata(below).is_ok() {
        return Err(io::Error::other("a symbolic link that leads nowhere"));
    }
    match (below.parent(), below.file_name()) {
        (Some(parent), Some(name)) => {
            let parent =
                if parent.as_os_str().is_empty() { PathBuf::new() } else { resolve(root, parent)? };
            Ok(parent.join(name))
        }
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

impl Place {
    /// The path as a model knows it, relative to its root.
    pub(super) fn name(&self) -> String {
        if self.below.as_os_str().is_empty() {
            ".".to_owned()
        } else {
            self.below.display().to_string()
        }
    }

    /// The directory that holds it, entered without following links.
    fn parent(&self, create: bool) -> io::Result<(Dir, PathBuf)> {
        let name = self
            .below
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::IsADirectory, "is a directory"))?;
        let mut directory = self.root.try_clone()?;
        for part in self.below.parent().into_iter().flat_map(Path::components) {
            if create {
                match directory.create_dir(part) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
            directory = directory.open_dir_nofollow(part)?;
        }
        Ok((directory, PathBuf::from(name)))
    }

    /// The file, if it is an ordinary one.
    ///
    /// # Errors
    /// When it is absent, a directory, a pipe or a device, or a link meanwhile.
    pub(super) fn open(&self) -> io::Result<File> {
        let (directory, name) = self.parent(false)?;
        let mut options = OpenOptions::new();
        // A pipe without a writer would block for ever.
        options.read(true).follow(FollowSymlinks::No).custom_flags(libc::O_NONBLOCK);
        let file = directory.open_with(name, &options)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "is a directory; list it with glob",
            ));
        }
        if !metadata.is_file() {
            return Err(io::Error::other("is not an ordinary file"));
        }
        Ok(file)
    }

    /// The whole content.
    ///
    /// # Errors
    /// As [`Self::open`], and when it is larger than [`MAX_FILE_BYTES`].
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut file = self.open()?;
        let mut content = Vec::new();
        // Not by its length: it may grow, or be of a file system that tells none.
        (&mut file).take(MAX_FILE_BYTES + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MAX_FILE_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "larger than 16 MiB; look at parts of it with bash (sed -n, head, tail) or grep",
            ));
        }
        Ok(content)
    }

    /// Replaces the content at once: a reader sees the old or the new, and so does a process that looks after a
    /// crash. Keeps the permissions of what it replaces.
    ///
    /// # Errors
    /// When a directory cannot be made or the file not be written.
    pub(super) fn replace(&self, content: &[u8]) -> io::Result<()> {
        let (directory, name) = self.parent(true)?;
        let before = match directory.symlink_metadata(&name) {
            Ok(metadata) if metadata.is_file() => Some(metadata.permissions()),
            Ok(metadata) if metadata.is_dir() => {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
            }
            Ok(_) => return Err(io::Error::other("is not an ordinary file")),
            Err(_) => None,
        };
        let temporary = PathBuf::from(format!(".{}.lore-{}", name.display(), unique()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o644).follow(FollowSymlinks::No);
        let mut file = directory.open_with(&temporary, &options)?;
        let written = (|| {
            file.write_all(content)?;
            if let Some(permissions) = before {
                let mode = permissions.mode() & 0o777;
                file.set_permissions(cap_std::fs::Permissions::from_mode(mode))?;
            }
            file.sync_all()?;
            directory.rename(&temporary, &directory, &name)
        })();
        if written.is_err() {
            let _ = directory.remove_file(&temporary);
        }
        written
    }
}

/// A name that no other call of this process uses.
fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
