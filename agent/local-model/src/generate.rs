//! Requests to a model in this process, and their results.

use std::ops::ControlFlow;
use std::time::Duration;

use super::{ChatMessage, LocalError};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The conversation so far.
    pub messages: Vec<ChatMessage>,
    /// Most tokens of the reply; None is as many as the window holds.
    pub max_tokens: Option<u32>,
    /// Thousandths; 0 always takes the likeliest token.
    pub temperature_milli: u32,
    /// For draws; without temperature nothing is drawn.
    pub seed: u64,
}

/// A step of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// So many tokens of the prompt have been read.
    Reading {
        /// Tokens read, those that were known from before among them.
        read: u32,
        /// Tokens of the whole prompt.
        of: u32,
    },
    /// A token was written. Its text is empty while a character is not complete.
    Text(&'a str),
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The model ended it.
    Stop,
    /// At the most tokens, or at the end of the window.
    Length,
    /// Nobody wanted it any more.
    Cancelled,
}

/// The result of a generation. The text went through the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generated {
    /// Why it ended.
    pub ended: Ended,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of these, how many were known from the question before and not read again.
    pub cached_tokens: u32,
    /// Tokens written, the last one, which ends the message, among them.
    pub reply_tokens: u32,
    /// For reading the prompt.
    pub reading: Duration,
    /// For writing the reply.
    pub writing: Duration,
}

/// Something that answers questions one after another.
pub trait Generator: Send {
    /// Its name towards clients.
    fn name(&self) -> &str;

    /// Tokens of its context window.
    fn window_tokens(&self) -> u32;

    /// Answers, and tells each step to `sink`, at least once for every token; a sink that breaks ends
    /// the generation.
    ///
    /// # Errors
    /// [`LocalError::TooLong`] before anything is told; later only when the computation fails.
    fn generate(
        &mut self,
        ask: &Ask,
        sink: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
    ) -> Result<Generated, LocalError>;
}
