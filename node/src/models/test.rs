//! Asking an endpoint what it can do.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lore_agent::model::{HttpModel, ModelError, probe};

use super::{Chosen, Recorded, Records};
use crate::error::CliError;
use crate::home::Home;

/// The result of a test.
#[derive(Debug)]
pub(crate) struct Found {
    /// The abilities that the endpoint showed.
    pub(crate) recorded: Recorded,
    /// True when it was written into the home; a directory without a node keeps nothing.
    pub(crate) kept: bool,
    /// Time that all questions took, in milliseconds.
    pub(crate) milliseconds: u64,
}

/// Asks a model's endpoint, and records what it showed.
///
/// # Errors
/// When it does not answer a plain question, or the answer cannot be kept.
pub(crate) fn test(home: &Home, chosen: &Chosen) -> Result<Found, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("runtime", error))?;
    let began = Instant::now();
    let model = HttpModel::new(chosen.endpoint.clone())
        .map_err(|error| CliError::failed("bad_endpoint", error))?;
    let abilities = runtime.block_on(probe(&model)).map_err(failed)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let recorded = Recorded { abilities, tested_at_seconds: now.as_secs() };
    let kept = home.is_initialised();
    if kept {
        Records::record(home, &chosen.endpoint, recorded.clone())?;
    }
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Found { recorded, kept, milliseconds })
}

/// A model call's failure, under its class.
pub(crate) fn failed(error: ModelError) -> CliError {
    let kind = format!("model_{}", error.class());
    CliError::failed(&kind, error)
}
