//! Probe of the enforcement that this machine offers.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::error::SandboxError;
use super::level::Level;
use super::policy::Policy;
use super::spawn::Sandbox;

/// The result of running `true` in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The level that was enforced.
    pub level: Level,
    /// From the start of the helper to the moment at which everything was in force.
    pub set_up: Duration,
}

/// Finds the level enforced here for a command that works in an empty directory, without network. The running binary
/// is the helper, so its `main` calls [`super::enter_if_asked`] first.
///
/// # Errors
/// [`SandboxError::Refused`] when nothing can be enforced that deserves the name; others when setting up
/// fails.
pub async fn level() -> Result<Probe, SandboxError> {
    level_with(&Sandbox::new()).await
}

/// As [`level`], with another helper.
///
/// # Errors
/// As [`level`].
pub async fn level_with(sandbox: &Sandbox) -> Result<Probe, SandboxError> {
    let place = tempfile::tempdir()?;
    let (workspace, scratch) = (place.path().join("workspace"), place.path().join("scratch"));
    std::fs::create_dir(&workspace)?;
    std::fs::create_dir(&scratch)?;
    let policy = Policy::new(workspace, scratch);
    let began = Instant::now();
    let (mut running, _output) = sandbox.start(&policy, &["true".to_owned()]).await?;
    let set_up = began.elapsed();
    running.ended().await;
    Ok(Probe { level: running.level, set_up })
}
