//! Logs: to stderr, and in the daemon also to `<home>/logs/lore.log`.
//!
//! Secrets never reach a log: keys, invitation secrets and tokens have no `Debug` or
//! `Display`, and private content is counted in a log, never quoted.

mod file;
mod rate;

use std::io;
use std::path::Path;
use std::sync::Arc;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::error::CliError;
use file::LogFile;
use rate::RateLimit;

/// The environment variable that overrides the level, in `tracing`'s filter language.
pub const FILTER_VARIABLE: &str = "LORE_LOG";

/// Starts logging at `level` (such as `info` or `lore_node=debug,warn`).
///
/// # Errors
/// A usage error for a filter that cannot be read, a failure when the file cannot be opened.
pub fn start(level: &str, file: Option<&Path>) -> Result<(), CliError> {
    let filter = filter(level)?;
    let to_file = match file {
        Some(path) => {
            let log = LogFile::open(path).map_err(|error| {
                CliError::failed("log", format!("cannot write the log {}: {error}", path.display()))
            })?;
            Some(fmt::layer().with_ansi(false).with_writer(Arc::new(log)))
        }
        None => None,
    };
    // A second start in one process (tests) keeps the first.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(RateLimit::default())
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
