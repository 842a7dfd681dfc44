//! Logs: to stderr, and in the daemon also to `<home>/logs/lore.log`.
//!
//! Secrets never reach a log: keys, invitation secrets and tokens have no `Debug` or
//! `Display`, and private content is counted in a log, never quoted.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::error::CliError;

/// The environment variable that overrides the level, in `tracing`'s filter language.
pub const FILTER_VARIABLE: &str = "LORE_LOG";

/// A log longer than this at start is moved to `lore.log.1`, in bytes.
const ROTATE_BYTES: u64 = 16 << 20;

/// Starts logging at `level` (such as `info` or `lore_node=debug,warn`).
///
/// # Errors
/// A usage error for a filter that cannot be read, a failure when the file cannot be opened.
pub fn start(level: &str, file: Option<&Path>) -> Result<(), CliError> {
    let filter = filter(level)?;
    let to_file = match file {
        Some(path) => {
            let log = open_log(path).map_err(|error| {
                CliError::failed("log", format!("cannot write the log {}: {error}", path.display()))
            })?;
            Some(fmt::layer().with_ansi(false).with_writer(Arc::new(log)))
        }
        None => None,
    };
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(fmt::layer().with_writer(io::stderr).without_time())
        .with(to_file)
        .try_init();
    Ok(())
}

fn filter(level: &str) -> Result<EnvFilter, CliError> {
    let (text, source) = match std::env::var(FILTER_VARIABLE) {
        Ok(text) if !text.is_empty() => (text, FILTER_VARIABLE),
        _ => (level.to_owned(), "log_level in config.toml"),
    };
    EnvFilter::try_new(&text).map_err(|error| {
        CliError::usage(format!("{source} is `{text}`: {error}"))
            .help("use error, warn, info, debug or trace")
    })
}

fn open_log(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    if fs::metadata(path).is_ok_and(|meta| meta.len() > ROTATE_BYTES) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}
