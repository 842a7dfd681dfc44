//! A reply's bytes, within bounds of time and size.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{ModelError, Patience};
pub(super) use crate::http::describe;

/// Largest error answer that is read.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// The body of a response as it comes.
pub(super) struct Body {
    response: reqwest::Response,
    patience: Patience,
    until: Instant,
    read_bytes: u64,
    first: bool,
}

impl Body {
    /// The body of `response`, whose request was sent at `sent`.
    pub(super) fn new(response: reqwest::Response, patience: Patience, sent: Instant) -> Self {
        Self { response, patience, until: sent + patience.total, read_bytes: 0, first: true }
    }

    /// The next bytes; None at the end.
    ///
    /// # Errors
    /// Fails when nothing comes in time, the connection breaks, or too much has come.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ModelError> {
        let (idle, waiting_for) = if self.first {
            (self.patience.first_byte, "waiting for the reply's first byte")
        } else {
            (self.patience.idle, "waiting for the rest of the reply")
        };
        let left = self.until.saturating_duration_since(Instant::now());
        let wait = idle.min(left);
        let hung = || hung(if left < idle { self.patience.total } else { idle }, waiting_for);
        let chunk = timeout(wait, self.response.chunk()).await.map_err(|_| hung())?;
        let chunk = chunk.map_err(|error| ModelError::cut(describe(error)))?;
        self.first = false;
        let Some(chunk) = chunk else {
            return Ok(None);
        };
        self.read_bytes = self.read_bytes.saturating_add(chunk.len() as u64);
        if self.read_bytes > self.patience.reply_bytes {
            return Err(ModelError::TooLarge { limit_bytes: self.patience.reply_bytes });
        }
        Ok(Some(chunk.to_vec()))
    }

    /// The rest as text.
    pub(super) async fn text(mut self) -> Result<String, ModelError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|_| ModelError::malformed("a body that is not UTF-8"))
    }

    /// As much of an error answer as can be had: the status is known already, and matters more.
    pub(super) async fn error_text(mut self) -> String {
        let mut bytes = Vec::new();
        self.patience.reply_bytes = self.patience.reply_bytes.min(MAX_ERROR_BYTES);
        while let Ok(Some(chunk)) = self.chunk().await {
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

pub(super) const fn hung(waited: Duration, waiting_for: &'static str) -> ModelError {
    ModelError::Hung { seconds: waited.as_secs(), waiting_for }
}
