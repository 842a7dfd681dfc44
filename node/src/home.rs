//! The directory of a node: where what is, who may read it, and who holds it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lore_protocol::identity::SecretKey;
use lore_protocol::ids::Hash;

use crate::error::CliError;
use crate::lock::{LockedFile, open_private};

/// The longest socket path that every Unix takes, in bytes (`sun_path` is 108 on Linux, 104 on
/// others, with a final zero).
const SOCKET_PATH_BYTES: usize = 100;

/// Number of looks at a held lock before the home counts as held.
const LOCK_LOOKS: u32 = 10;

/// Why a home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// No directory to default to.
    #[error("neither XDG_DATA_HOME nor HOME is set: say where the node lives with --home")]
    NoDefault,
    /// There is no node here.
    #[error("there is no node at {}: run `lore init` first", .0.display())]
    NotInitialised(PathBuf),
    /// There is a node here already.
    #[error("there is a node at {} already; choose another --home", .0.display())]
    AlreadyInitialised(PathBuf),
    /// The key is readable by others.
    #[error(
        "the key {} can be read by others (mode {mode:o}): run `chmod 600` on it, and make a new \
         identity if this machine is shared", path.display()
    )]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file is not a key.
    #[error(
        "the key {} is damaged: expected 64 hexadecimal digits. Restore it from your backup; \
         without it this node cannot sign", .0.display()
    )]
    KeyDamaged(PathBuf),
    /// Another process holds the home.
    #[error(
        "{} is held by process {pid}: stop it, or use another --home", path.display()
    )]
    Held {
        /// The home.
        path: PathBuf,
        /// The process, or `unknown`.
        pid: String,
    },
    /// The file system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// Action that was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
}

impl From<HomeError> for CliError {
    fn from(error: HomeError) -> Self {
        let kind = match &error {
            HomeError::NoDefault => "no_home",
            HomeError::NotInitialised(_) => "not_initialised",
            HomeError::AlreadyInitialised(_) => "already_initialised",
            HomeError::KeyExposed { .. } => "key_exposed",
            HomeError::KeyDamaged(_) => "key_damaged",
            HomeError::Held { .. } => "home_held",
            HomeError::Io { .. } => "io",
        };
        Self::failed(kind, error)
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::Io { doing, path, source }
}

/// The paths of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The home in a directory, which need not exist yet.
    ///
    /// # Errors
    /// [`HomeError::Io`] when the current directory is gone and `root` is relative.
    pub fn at(root: &Path) -> Result<Self, HomeError> {
        let root = std::path::absolute(root).map_err(io_error("resolve", root))?;
        Ok(Self { root })
    }

    /// `--home` when given, else `$XDG_DATA_HOME/commonlore`, else `~/.local/share/commonlore`.
    ///
    /// # Errors
    /// [`HomeError::NoDefault`].
    pub fn resolve(given: Option<&Path>) -> Result<Self, HomeError> {
        if let Some(given) = given {
            return Self::at(given);
        }
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let data = variable("XDG_DATA_HOME")
            .map(PathBuf::from)
            // The XDG specification says to ignore relative paths.
            .filter(|path| path.is_absolute())
            .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/share")))
            .ok_or(HomeError::NoDefault)?;
        Self::at(&data.join("commonlore"))
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `config.toml`.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The node's key: a 32-byte seed in hexadecimal, mode 0600.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        self.root.join("node.key")
    }

    /// The key of private records, or where it is; mode 0600.
    #[must_use]
    pub fn data_key_path(&self) -> PathBuf {
        self.root.join("data.key")
    }

    /// Removes the key of private records: nothing that it encrypted is left.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub(crate) fn remove_data_key(&self) -> Result<(), HomeError> {
        // What hooks read was encrypted by it.
        let hints = self.hints_path();
        match fs::remove_dir_all(&hints) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io_error("remove", &hints)(error));
            }
            _ => {}
        }
        let path = self.data_key_path();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(io_error("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Directory of what hooks of agents read.
    #[must_use]
    pub fn hints_path(&self) -> PathBuf {
        self.root.join("hints")
    }

    /// Directory of what was changed for agents.
    #[must_use]
    pub fn connect_path(&self) -> PathBuf {
        self.root.join("connect")
    }

    /// The store's directory.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The daemon's log.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.root.join("logs").join("lore.log")
    }

    /// The lock file, which holds the pid of its holder.
    #[must_use]
    pub fn lock_path(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The control socket: `control.sock` in the home. When that path is too long for a Unix
    /// socket, a short one in the user's runtime directory, named by a hash of the home, so that
    /// every process finds the same without asking.
    #[must_use]
    pub fn socket_path(&self) -> PathBuf {
        let in_home = self.root.join("control.sock");
        if in_home.as_os_str().len() <= SOCKET_PATH_BYTES {
            return in_home;
        }
        let runtime = std::env::var_os("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute() && path.as_os_str().len() <= 60)
            .unwrap_or_else(|| {
                std::env::temp_dir().join(format!("commonlore-{}", uid_of_home(self)))
            });
        let name =
            Hash::derive("commonlore/socket/v1", &[self.root.as_os_str().as_encoded_bytes()]);
        runtime.join(format!("lore-{}.sock", name.short()))
    }

    /// Returns true when a node was initialised here.
    #[must_use]
    pub fn is_initialised(&self) -> bool {
        self.key_path().exists()
    }

    /// Makes the directory (mode 0700), the key and `config.toml`. Returns the new key.
    ///
    /// # Errors
    /// [`HomeError::AlreadyInitialised`], [`HomeError::Io`].
    pub fn initialise(&self, config: &str) -> Result<SecretKey, HomeError> {
        if self.is_initialised() {
            return Err(HomeError::AlreadyInitialised(self.root.clone()));
        }
        create_private_dir(&self.root)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| HomeError::Io {
            doing: "draw randomness for",
            path: self.key_path(),
            source: io::Error::other(error.to_string()),
        })?;
        // The configuration first: a home with a key is a whole home.
        if !self.config_path().exists() {
            write_private(&self.config_path(), config.as_bytes())?;
        }
        let mut text: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        text.push('\n');
        write_private(&self.key_path(), text.as_bytes())?;
        Ok(SecretKey::from_seed(&seed))
    }

    /// The node's key.
    ///
    /// # Errors
    /// [`HomeError::NotInitialised`], [`HomeError::KeyExposed`], [`HomeError::KeyDamaged`].
    pub fn load_key(&self) -> Result<SecretKey, HomeError> {
        let path = self.key_path();
        let mut file = File::open(&path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                HomeError::NotInitialised(self.root.clone())
            } else {
                io_error("read", &path)(error)
            }
        })?;
        let mode = file.metadata().map_err(io_error("read", &path))?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(HomeError::KeyExposed { path, mode });
        }
        let mut text = String::new();
        (&mut file)
            .take(1024)
            .read_to_string(&mut text)
            .map_err(|_| HomeError::KeyDamaged(path.clone()))?;
        // Parsed as a hash because that is the one parser of 64 hexadecimal digits.
        let seed: Hash = text.trim().parse().map_err(|_| HomeError::KeyDamaged(path))?;
        Ok(SecretKey::from_seed(seed.as_bytes()))
    }

    /// Takes the home for this process until the lock is dropped or the process dies.
    ///
    /// # Errors
    /// [`HomeError::NotInitialised`], [`HomeError::Held`] naming the pid, [`HomeError::Io`].
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        if !self.root.is_dir() {
            return Err(HomeError::NotInitialised(self.root.clone()));
        }
        let path = self.lock_path();
        let mut looks_left = LOCK_LOOKS;
        let held = loop {
            let file = open_private(&path).map_err(io_error("open", &path))?;
            match LockedFile::take(file) {
                Ok(held) => break held,
                // `holder` of another process looks at the lock by taking it for a moment.
                Err(TryLockError::WouldBlock) if looks_left > 0 => {
                    looks_left -= 1;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(HomeError::Held {
                        path: self.root.clone(),
                        pid: read_pid(&path)
                            .map_or_else(|| "unknown".into(), |pid| pid.to_string()),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(io_error("lock", &path)(error)),
            }
        };
        let mut file: &File = &held;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .and_then(|()| file.flush())
            .map_err(io_error("write", &path))?;
        Ok(HomeLock { _file: held })
    }

    /// The pid of the process that holds the home, if one does.
    #[must_use]
    pub fn holder(&self) -> Option<u32> {
        let path = self.lock_path();
        let file = File::open(&path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => read_pid(&path),
            _ => {
                let _ = file.unlock();
                None
            }
        }
    }
}

/// Holds a home. The system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct HomeLock {
    _file: LockedFile,
}

fn read_pid(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The user id that owns the home: part of the fallback directory's name.
fn uid_of_home(home: &Home) -> u32 {
    fs::metadata(&home.root).map_or(0, |meta| meta.uid())
}

/// Creates a directory that only its owner can enter.
///
/// # Errors
/// [`HomeError::Io`].
pub fn create_private_dir(path: &Path) -> Result<(), HomeError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error("create", path))
}

/// Writes a new file of mode 0600 whole or not at all, and refuses to replace one.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let partial = path.with_extension("partial");
    let _ = fs::remove_file(&partial);
    let write = || -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::hard_link(&partial, path)?;
        fs::remove_file(&partial)
    };
    write().map_err(io_error("write", path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use lore_protocol::identity::Signer as _;

    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("node")).unwrap();
        (dir, home)
    }

    #[test]
    fn the_key_that_was_made_is_the_key_that_is_loaded_and_is_private() {
        let (_dir, home) = home();
        let key = home.initialise("").unwrap();
        assert_eq!(home.load_key().unwrap().public_key(), key.public_key());
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&home.key_path()), 0o600);
        assert_eq!(mode(home.root()), 0o700);
        assert!(matches!(home.initialise(""), Err(HomeError::AlreadyInitialised(_))));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let (_dir, home) = home();
        home.initialise("").unwrap();
        for mode in [0o640, 0o604, 0o666] {
            fs::set_permissions(home.key_path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(home.load_key(), Err(HomeError::KeyExposed { .. })));
        }
    }

    #[test]
    fn a_key_that_is_cut_short_is_called_damaged() {
        let (_dir, home) = home();
        home.initialise("").unwrap();
        fs::write(home.key_path(), "abc").unwrap();
        assert!(matches!(home.load_key(), Err(HomeError::KeyDamaged(_))));
        fs::write(home.key_path(), [0xff; 64]).unwrap();
        assert!(matches!(home.load_key(), Err(HomeError::KeyDamaged(_))));
    }

    #[test]
    fn a_second_holder_is_refused_naming_the_pid_until_the_first_lets_go() {
        let (_dir, home) = home();
        home.initialise("").unwrap();
        assert_eq!(home.holder(), None);
        let lock = home.lock().unwrap();
        let error = home.lock().unwrap_err().to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        assert_eq!(home.holder(), Some(std::process::id()));
        drop(lock);
        assert_eq!(home.holder(), None);
        home.lock().unwrap();
    }

    #[test]
    fn a_home_without_a_node_says_what_to_run() {
        let (_dir, home) = home();
        for error in [home.load_key().err().unwrap(), home.lock().unwrap_err()] {
            assert!(error.to_string().contains("lore init"), "{error}");
        }
    }

    #[test]
    fn a_socket_path_always_fits_and_is_the_same_for_every_process() {
        let (dir, home) = home();
        assert_eq!(home.socket_path(), home.root().join("control.sock"));
        let deep = dir.path().join("x".repeat(120));
        let deep = Home::at(&deep).unwrap();
        assert!(deep.socket_path().as_os_str().len() <= SOCKET_PATH_BYTES);
        assert_eq!(deep.socket_path(), Home::at(deep.root()).unwrap().socket_path());
        assert_ne!(deep.socket_path(), home.socket_path());
    }
}
