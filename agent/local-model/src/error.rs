//! Why a local model cannot be loaded, asked or served.

use std::io;
use std::path::PathBuf;

/// Errors of a model in this process.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a model that can be computed here.
    #[error("{} cannot be used: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The problem.
        message: String,
    },
    /// The prompt leaves no place for a reply.
    #[error(
        "the prompt has {prompt_tokens} tokens, the context window {window_tokens}: shorten the \
         prompt or serve the model with a larger window"
    )]
    TooLong {
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens of the window.
        window_tokens: u32,
    },
    /// The library that computes failed.
    #[error("the model's computation failed: {0}")]
    Compute(String),
    /// No address to serve at.
    #[error("cannot serve on 127.0.0.1: {0}")]
    Listen(io::Error),
    /// The generator panicked; nothing it holds can be relied on.
    #[error("the model broke down while it was computing; start it again")]
    Broken,
}

impl LocalError {
    pub(super) fn compute(error: impl std::fmt::Display) -> Self {
        // The first line says what; candle adds a backtrace when one is asked for.
        let text = error.to_string();
        Self::Compute(text.lines().next().unwrap_or_default().to_owned())
    }
}
