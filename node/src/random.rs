//! Randomness of the operating system.

use lore_engine::{EngineError, Entropy};

use crate::error::CliError;

/// The system's randomness, as the engine takes it.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bytes(&self) -> Result<[u8; 32], EngineError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            EngineError::failed(
                "no_randomness",
                format!("the operating system gives no randomness: {error}"),
            )
            .help("check that /dev/urandom is readable")
        })?;
        Ok(bytes)
    }
}

/// Thirty-two bytes of it.
///
/// # Errors
/// Fails when the system gives none.
pub(crate) fn random_bytes() -> Result<[u8; 32], CliError> {
    Ok(SystemEntropy.bytes()?)
}
