//! The signals that ask this program to end.

use std::future::poll_fn;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;

/// Signals that are taken from the moment of [`Stop::listen`] on, one after the other, so that none
/// is lost between two waits. Before that moment they end the program as they do any other.
#[derive(Debug)]
pub(crate) struct Stop(Vec<Signal>);

impl Stop {
    /// Takes SIGINT and SIGTERM from here on.
    ///
    /// # Errors
    /// Fails when the system refuses. A Tokio runtime must have been entered.
    pub(crate) fn listen() -> Result<Self, CliError> {
        Self::of(&[SignalKind::interrupt(), SignalKind::terminate()])
    }

    /// Takes these signals from here on.
    ///
    /// # Errors
    /// As [`Stop::listen`].
    pub(crate) fn of(kinds: &[SignalKind]) -> Result<Self, CliError> {
        kinds.iter().map(|kind| listen(*kind)).collect::<Result<_, _>>().map(Self)
    }

    /// Waits for the next of them. Dropping the wait loses none.
    pub(crate) async fn asked(&mut self) {
        poll_fn(|cx| match self.0.iter_mut().any(|signal| signal.poll_recv(cx).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

/// Takes one kind of signal from here on.
///
/// # Errors
/// Fails when the system refuses.
pub(crate) fn listen(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::failed("signals", error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rustix::process::{Signal as Sent, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn what_comes_before_and_between_waits_is_not_lost() {
        let mut stop = Stop::listen().unwrap();
        for sent in [Sent::TERM, Sent::INT, Sent::TERM] {
            kill_process(getpid(), sent).unwrap();
            stop.asked().await;
        }
    }
}
