//! Why a command did not run.

use super::level::Level;

/// Why a command did not run, or how it was lost.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The machine cannot enforce what the policy asks for.
    #[error(
        "refused: {why}. Enforced here: {level}. Enable Landlock and unprivileged user namespaces, \
         or ask the user to run it without a sandbox"
    )]
    Refused {
        /// The level that can be enforced.
        level: Box<Level>,
        /// The missing parts.
        why: String,
    },
    /// Setting up failed.
    #[error("the sandbox could not be set up: {0}")]
    Setup(String),
    /// A path of the policy cannot be granted.
    #[error("the policy cannot be enforced: {0}")]
    Policy(String),
    /// The helper could not be started or spoken with.
    #[error("the sandbox's helper: {0}")]
    Helper(#[from] std::io::Error),
}
