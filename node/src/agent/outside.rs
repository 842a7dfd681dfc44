//! Tools of outside services, where this build has them (the feature `services`).

use std::sync::Arc;

use lore_agent::service::OutsideSettings;
use lore_agent::tool::Tool;

use crate::error::CliError;

/// Those that only look.
#[cfg(feature = "services")]
pub(super) const READERS: &[&str] = &lore_services::OUTSIDE_READERS;
#[cfg(not(feature = "services"))]
pub(super) const READERS: &[&str] = &[];

/// The tools that `settings` switch on.
///
/// # Errors
/// Fails when the settings cannot be used.
#[cfg(feature = "services")]
pub(super) fn tools(settings: &OutsideSettings) -> Result<Vec<Arc<dyn Tool>>, CliError> {
    lore_services::outside_tools(settings).map_err(|error| CliError::usage(error).kind("config"))
}

/// None.
///
/// # Errors
/// Fails when `settings` switch a service on, which this build does not have.
#[cfg(not(feature = "services"))]
pub(super) fn tools(settings: &OutsideSettings) -> Result<Vec<Arc<dyn Tool>>, CliError> {
    let Some(table) = settings.enabled().into_iter().next() else {
        return Ok(Vec::new());
    };
    Err(CliError::usage(format!(
        "config.toml switches [{table}] on, and this lore was built without outside services"
    ))
    .kind("config")
    .help("build it with `cargo build -p lore-node --features services`, or remove the table"))
}
