//! Calls that touch files: off the async threads, and never longer than they may.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::files::FileError;
use super::{ToolContext, ToolFuture, ToolOutput, arguments};

/// Why a call failed, in words for a model.
#[derive(Debug)]
pub(super) struct Outcome(String);

impl Outcome {
    pub(super) fn said(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<String> for Outcome {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<FileError> for Outcome {
    fn from(error: FileError) -> Self {
        Self(error.to_string())
    }
}

/// Runs `work` on a thread for blocking calls. It is given a token that it looks at in loops; a call that
/// is stuck in the kernel is left behind when the time is over.
pub(super) fn call<'a, A, F>(arguments: Value, context: &'a ToolContext, work: F) -> ToolFuture<'a>
where
    A: DeserializeOwned + Send + 'static,
    F: FnOnce(A, &CancellationToken) -> Result<ToolOutput, Outcome> + Send + 'static,
{
    Box::pin(async move {
        let arguments: A = match arguments::parse(arguments) {
            Ok(arguments) => arguments,
            Err(output) => return output,
        };
        let stop = context.cancel.child_token();
        // Also when this future is dropped.
        let _guard = stop.clone().drop_guard();
        let working = stop.clone();
        let task = tokio::task::spawn_blocking(move || work(arguments, &working));
        tokio::select! {
            done = task => match done {
                Ok(Ok(output)) => output,
                Ok(Err(Outcome(text))) => ToolOutput::error(text),
                Err(_) => ToolOutput::error("the tool failed inside; try another way"),
            },
            () = context.cancel.cancelled() => ToolOutput::error("cancelled"),
            () = tokio::time::sleep(context.timeout) => {
                let seconds = context.timeout.as_secs_f32();
                ToolOutput::error(format!("timed out after {seconds} s; ask for less"))
            }
        }
    })
}
