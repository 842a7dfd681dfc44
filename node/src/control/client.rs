//! The verb's side.

use std::io;

use serde_json::Value;
use tokio::io::BufReader;
use tokio::net::UnixStream;

use super::wire::{Line, Request, VERSION, read_line, write_line};
use crate::error::CliError;
use crate::home::Home;

/// Asks the daemon of a home. `Ok(None)` when no daemon is there: do the work without it.
///
/// # Errors
/// The daemon's own error, or a failure when it goes away before its answer.
pub async fn call(
    home: &Home,
    verb: &str,
    args: Value,
    mut progress: impl FnMut(Value),
) -> Result<Option<Value>, CliError> {
    let path = home.socket_path();
    let broken = |error: &dyn std::fmt::Display| {
        CliError::failed(
            "control_socket",
            format!("the daemon at {} broke off: {error}", path.display()),
        )
        .help("see `lore logs`")
    };
    let stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        // Refused: the file was left behind by a daemon that was killed.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(broken(&error)),
    };
    let (read, mut write) = stream.into_split();
    let request = Request { version: VERSION, verb: verb.to_owned(), args };
    write_line(&mut write, &request).await.map_err(|error| broken(&error))?;
    let mut reader = BufReader::new(read);
    loop {
        let line = read_line(&mut reader)
            .await
            .map_err(|error| broken(&error))?
            .ok_or_else(|| broken(&"it closed the connection"))?;
        match serde_json::from_slice(&line).map_err(|error| broken(&error))? {
            Line::Progress(value) => progress(value),
            Line::Ok(value) => return Ok(Some(value)),
            Line::Error(error) => return Err(error),
        }
    }
}

/// [`call`] for callers outside an async runtime.
///
/// # Errors
/// Those of [`call`].
pub fn call_blocking(
    home: &Home,
    verb: &str,
    args: Value,
    progress: impl FnMut(Value),
) -> Result<Option<Value>, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| CliError::failed("runtime", format!("cannot start: {error}")))?
        .block_on(call(home, verb, args, progress))
}
