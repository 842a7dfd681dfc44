//! The client's side of the socket.

use std::io;
use std::path::Path;

use tokio::io::BufReader;
use tokio::net::UnixStream;

use crate::line::{Line, next_line, read_answer, request_line, send};
use crate::{Ask, Event, Failure, Reply, Request};

/// Asks the daemon behind a socket. `Ok(None)` when no daemon is there: do the work without it.
///
/// # Errors
/// Those of [`send_request`], and when the answer is not the verb's.
pub async fn call<R: Ask>(
    socket: &Path,
    ask: R,
    progress: impl FnMut(Event),
) -> Result<Option<R::Answer>, Failure> {
    let reply = send_request(socket, &ask.into(), progress).await?;
    reply.map(Reply::read::<R>).transpose()
}

/// Sends a request of any verb. `Ok(None)` when no daemon is there.
///
/// # Errors
/// The daemon's own failure; `control_socket` when it goes away before its answer; `too_large` when
/// the request is over the limit; `version` or `usage` when one side does not understand the other.
pub async fn send_request(
    socket: &Path,
    request: &Request,
    mut progress: impl FnMut(Event),
) -> Result<Option<Reply>, Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::failed(
            "control_socket",
            format!("the daemon at {} did not answer: {error}", socket.display()),
        )
        .help("see `lore logs`")
    };
    let stream = match UnixStream::connect(socket).await {
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
    let line = request_line(request).map_err(|error| {
        Failure::failed("too_large", format!("`{}` cannot be sent: {error}", request.verb()))
    })?;
    send(&mut write, &line).await.map_err(|error| broken(&error))?;
    let mut reader = BufReader::new(read);
    loop {
        let line = next_line(&mut reader)
            .await
            .map_err(|error| broken(&error))?
            .ok_or_else(|| broken(&"it closed the connection"))?;
        match read_answer(&line)? {
            Line::Event(event) => progress(event),
            Line::Ok(reply) => return Ok(Some(reply)),
            Line::Error(failure) => return Err(failure),
        }
    }
}

/// [`send_request`] for callers outside an async runtime.
///
/// # Errors
/// Those of [`send_request`].
pub fn send_blocking(
    socket: &Path,
    request: &Request,
    progress: impl FnMut(Event),
) -> Result<Option<Reply>, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Failure::failed("runtime", format!("cannot start: {error}")))?
        .block_on(send_request(socket, request, progress))
}
