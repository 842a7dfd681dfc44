//! The control socket of a home: how a verb asks a running node.

use lore_control::{Ask, Event, Reply, Request, Server};

use crate::error::CliError;
use crate::home::{Home, HomeLock};

/// Asks the daemon of a home, outside an async runtime. `Ok(None)` when no daemon is there: do the work
/// without it.
///
/// # Errors
/// The daemon's own error, or a failure when it goes away before its answer.
pub fn ask_daemon<R: Ask>(home: &Home, ask: R) -> Result<Option<R::Answer>, CliError> {
    let reply = send(home, &ask.into(), |_| {})?;
    Ok(reply.map(Reply::read::<R>).transpose()?)
}

/// [`ask_daemon`] for a request of any verb, with its events.
///
/// # Errors
/// Those of [`ask_daemon`].
pub fn send(
    home: &Home,
    request: &Request,
    progress: impl FnMut(Event),
) -> Result<Option<Reply>, CliError> {
    Ok(lore_control::send_blocking(&home.socket_path(), request, progress)?)
}

/// Binds the socket of a home that this process holds.
///
/// # Errors
/// A failure that names the socket.
pub(crate) fn bind(home: &Home, lock: &HomeLock) -> Result<Server, CliError> {
    Ok(Server::bind(&home.socket_path(), home.root(), lock)?)
}
