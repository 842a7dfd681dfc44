//! The control socket of a home: how a verb asks a running node.

mod bridge;

use lore_control::{Ask, Event, Reply};

use crate::error::CliError;
use crate::home::Home;

pub(crate) use bridge::do_verb;
pub use bridge::{Handler, Progress, Request, Server};

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
    request: &lore_control::Request,
    progress: impl FnMut(Event),
) -> Result<Option<Reply>, CliError> {
    Ok(lore_control::send_blocking(&home.socket_path(), request, progress)?)
}
