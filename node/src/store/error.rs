//! Errors of a store, and the way out.

use std::path::{Path, PathBuf};

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store here.
    #[error("there is no store at {}: run `lore init` first", path.display())]
    Missing {
        /// The path where it was expected.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error(
        "the store at {} is in use by another process (a running `lore run`?): stop it, or use \
         another home with --home", path.display()
    )]
    Locked {
        /// The store.
        path: PathBuf,
    },
    /// Bytes are missing or changed.
    #[error(
        "the store at {} is damaged: {detail}. Nothing was changed. `lore store repair` keeps a \
         copy and saves what can be read; `lore store restore` goes back to a backup",
        path.display()
    )]
    Damaged {
        /// The store.
        path: PathBuf,
        /// The finding.
        detail: String,
    },
    /// A newer program wrote it.
    #[error(
        "the store at {} has layout {found}, this program knows up to {known}: use a newer `lore`",
        path.display()
    )]
    NewerSchema {
        /// The store.
        path: PathBuf,
        /// The layout found.
        found: u32,
        /// The newest layout known here.
        known: u32,
    },
    /// The disk is full; nothing of the batch was kept.
    #[error(
        "no space left for the store at {}: free some space and try again; what was stored before \
         is safe", path.display()
    )]
    DiskFull {
        /// The store.
        path: PathBuf,
    },
    /// There is no backup to restore.
    #[error("there is no backup at {}: name a directory that `lore store backup` wrote", path.display())]
    NoBackup {
        /// The path where it was expected.
        path: PathBuf,
    },
    /// A backup or restore would overwrite something.
    #[error("{} already exists; choose another place or move it away", path.display())]
    AlreadyExists {
        /// The path that is in the way.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// The attempted action.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// RocksDB refused for another reason.
    #[error("the store at {} failed: {detail}", path.display())]
    Engine {
        /// The store.
        path: PathBuf,
        /// The message of RocksDB.
        detail: String,
    },
}

impl StoreError {
    /// A stable word for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "store_missing",
            Self::Locked { .. } => "store_locked",
            Self::Damaged { .. } => "store_damaged",
            Self::NewerSchema { .. } => "store_newer",
            Self::DiskFull { .. } => "disk_full",
            Self::NoBackup { .. } => "no_backup",
            Self::AlreadyExists { .. } => "already_exists",
            Self::Io { .. } | Self::Engine { .. } => "store",
        }
    }

    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            if source.kind() == std::io::ErrorKind::StorageFull {
                Self::DiskFull { path }
            } else {
                Self::Io { doing, path, source }
            }
        }
    }

    /// Sorts RocksDB's errors into those a person can act on.
    pub(super) fn engine(path: &Path, error: &rocksdb::Error) -> Self {
        use rocksdb::ErrorKind;
        let path = path.to_owned();
        let detail = error.to_string();
        // RocksDB gives a kind and a text; lock and full disk share the kind "IO error".
        let text = detail.to_lowercase();
        if text.contains("no space left") {
            return Self::DiskFull { path };
        }
        if text.contains("lock") && (text.contains("unavailable") || text.contains("lock hold")) {
            return Self::Locked { path };
        }
        match error.kind() {
            ErrorKind::Corruption => Self::Damaged { path, detail },
            // A file that the manifest names and that is not there, or a missing CURRENT.
            ErrorKind::IOError if text.contains("no such file") => Self::Damaged { path, detail },
            ErrorKind::InvalidArgument if text.contains("does not exist") => {
                Self::Damaged { path, detail }
            }
            ErrorKind::InvalidArgument if text.contains("column famil") => {
                Self::Damaged { path, detail }
            }
            _ => Self::Engine { path, detail },
        }
    }
}

impl From<StoreError> for lore_engine::StorageError {
    fn from(error: StoreError) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }
}
