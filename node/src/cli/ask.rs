//! Doing a verb: by the running node when there is one, else in this process.

use lore_control::{Ask, Event, Reply, Request};

use super::Context;
use crate::control;
use crate::error::CliError;
use crate::host::Node;

impl Context {
    /// Does a verb and gives its answer.
    pub(super) fn ask<R: Ask>(&self, ask: R) -> Result<R::Answer, CliError> {
        self.ask_with_events(ask, |_| {})
    }

    /// [`Context::ask`] for a verb that sends events.
    pub(super) fn ask_with_events<R: Ask>(
        &self,
        ask: R,
        progress: impl FnMut(Event),
    ) -> Result<R::Answer, CliError> {
        Ok(self.send(&ask.into(), progress)?.read::<R>()?)
    }

    /// Does a request of any verb.
    pub(super) fn send(
        &self,
        request: &Request,
        mut progress: impl FnMut(Event),
    ) -> Result<Reply, CliError> {
        self.must_be_a_home()?;
        match control::send(&self.home, request, &mut progress)? {
            Some(reply) => Ok(reply),
            None => {
                let _lock = self.home.lock()?;
                let mut node = Node::open(self.home.clone(), &self.machine)?;
                let reply = node.answer(request, progress)?;
                node.engine_mut().run_jobs()?;
                Ok(reply)
            }
        }
    }

    /// Does a verb that only a running node can do.
    pub(super) fn ask_running<R: Ask>(&self, ask: R) -> Result<R::Answer, CliError> {
        self.ask_daemon(ask)?.ok_or_else(|| {
            CliError::failed("not_running", "this needs the network, and the node is not running")
                .help("start it with `lore run --detach`")
        })
    }

    /// Asks the running node; none when it is not running.
    pub(super) fn ask_daemon<R: Ask>(&self, ask: R) -> Result<Option<R::Answer>, CliError> {
        self.must_be_a_home()?;
        control::ask_daemon(&self.home, ask)
    }

    /// Fails with the one error that says how to begin.
    pub(super) fn must_be_a_home(&self) -> Result<(), CliError> {
        if !self.home.is_initialised() {
            self.home.load_key()?;
        }
        Ok(())
    }
}

/// Asks a person; anything but `yes` or `y` is no. Without a terminal the answer is no.
pub(super) fn agree(question: &str) -> Result<(), CliError> {
    use std::io::{BufRead as _, IsTerminal as _, Write as _};
    let refused = |why: &str| {
        CliError::refused("not_agreed", why).help("answer `yes`, or give --yes when you are sure")
    };
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(refused("this needs a person's agreement, and there is no terminal"));
    }
    let mut stderr = std::io::stderr();
    let mut answer = String::new();
    write!(stderr, "{question} [yes/no] ")
        .and_then(|()| stderr.flush())
        .and_then(|()| stdin.lock().read_line(&mut answer).map(drop))
        .map_err(|error| CliError::failed("terminal", error))?;
    match answer.trim() {
        "yes" | "y" => Ok(()),
        _ => Err(refused("not agreed")),
    }
}
