//! What hooks of agents read: written whole when it changed, so that a hook opens no store.

use std::sync::atomic::{AtomicU64, Ordering};

use lore_connect::hook::{Given, HintFiles, HintKey};
use lore_lessons::{index_of, situation_of};
use lore_protocol::ids::Hash;
use lore_session::Session;

use super::Node;
use crate::error::CliError;

/// Least seconds between two times that the files are written.
const PAUSE_SECONDS: u64 = 2;

/// State of the files.
#[derive(Debug)]
pub(super) struct HintState {
    key: Option<HintKey>,
    /// Number of times that sessions came or went.
    sessions: AtomicU64,
    /// What the files were made of.
    made_of: Option<(u64, u64, u64, Vec<Hash>)>,
    next: u64,
}

impl HintState {
    pub(super) const fn new(key: Option<HintKey>) -> Self {
        Self { key, sessions: AtomicU64::new(0), made_of: None, next: 0 }
    }

    /// Notes that sessions came or went.
    pub(super) fn sessions_changed(&self) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of times that sessions came or went.
    pub(super) fn sessions(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed)
    }
}

impl Node {
    /// Files of a user's hints.
    pub(crate) fn hint_files(&self, user: &str) -> HintFiles {
        HintFiles::new(&self.home.hints_path(), user, self.hints.key.clone())
    }

    /// Writes what hooks read at once, where a node has written it.
    pub(super) fn hints_decided(&mut self) {
        self.hints.next = 0;
        if self.home.hints_path().exists() {
            self.refresh_hints();
        }
    }

    /// Notes at the calls of a session which hints its agent was given by a hook: trials of their lessons. What the
    /// transcript itself says about hints is not asked, since anything may stand there.
    pub(super) fn note_given(&self, session: &mut Session) {
        self.note_skills(session);
        let name = session.id.strip_prefix(&session.harness).unwrap_or(&session.id);
        let name = name.strip_prefix('-').unwrap_or(name);
        let given = Given::of(&self.hint_files(""), &session.harness, name);
        if given.hints().is_empty() {
            return;
        }
        for call in session.turns.iter_mut().flat_map(|turn| &mut turn.calls) {
            if call.hint.is_some() || call.result.is_none() {
                continue;
            }
            call.hint = situation_of(&call.for_lessons(), "").and_then(|one| given.at(&one));
        }
    }

    /// Notes which lessons the skills show that a session read or was given.
    fn note_skills(&self, session: &mut Session) {
        if session.skills_read.is_empty() && session.skills_injected.is_empty() {
            return;
        }
        let shelf = self.shelf();
        let libraries = self.engine.federations().keys().filter_map(|id| shelf.library(*id));
        let libraries: Vec<_> = libraries.collect();
        for used in session.skills_read.iter_mut().chain(&mut session.skills_injected) {
            let Some(skill) = used.skill else { continue };
            used.lessons = libraries.iter().flat_map(|one| one.shown_lessons(skill)).collect();
        }
    }

    /// Writes what hooks read, when it changed. A fault is logged, and tried again: hints are no reason to stop.
    pub(super) fn refresh_hints(&mut self) {
        let now = self.engine.now_seconds();
        if now < self.hints.next {
            return;
        }
        let roots = self.engine.federations().values().map(lore_engine::Federation::root).collect();
        let devices = self.devices.changes();
        let made_of = (self.hints.sessions(), devices, self.shelf_version(), roots);
        if self.hints.made_of.as_ref() == Some(&made_of) {
            return;
        }
        self.hints.next = now.saturating_add(PAUSE_SECONDS);
        match self.write_hints() {
            Ok(()) => self.hints.made_of = Some(made_of),
            Err(error) => tracing::warn!(%error, "hints for agents cannot be written"),
        }
    }

    /// Writes what hooks read: the public index, and the own one of each user whose agents are followed.
    ///
    /// # Errors
    /// Store errors; a file that cannot be written.
    pub(crate) fn write_hints(&self) -> Result<(), CliError> {
        let nobody = self.public_book();
        let public = index_of(&nobody, |_| true);
        let files = self.hint_files("");
        files.write_public(&public).map_err(|error| self.unwritable_hints(&error))?;
        files.drop_old(self.engine.now_seconds());
        for person in self.watched_people()? {
            self.write_own_hints(&person.user)?;
        }
        Ok(())
    }

    fn write_own_hints(&self, user: &str) -> Result<(), CliError> {
        let book = self.book(user)?;
        let own = index_of(&book, |entry| entry.circle.is_private());
        self.hint_files(user).write_own(&own).map_err(|error| self.unwritable_hints(&error))
    }

    /// Writes a user's own lessons again, where they were written: what was deleted is in no file.
    pub(super) fn renew_own_hints(&self, user: &str) -> Result<(), CliError> {
        if self.hint_files(user).own().exists() { self.write_own_hints(user) } else { Ok(()) }
    }

    /// Removes a user's own lessons from what hooks read.
    pub(super) fn drop_own_hints(&self, user: &str) -> Result<(), CliError> {
        HintFiles::new(&self.home.hints_path(), user, None)
            .write_own(&[])
            .map_err(|error| self.unwritable_hints(&error))
    }

    /// Deletes the notes that a user's agents left.
    pub(super) fn drop_notes(&self, user: &str) -> Result<(), CliError> {
        self.hint_files(user).forget_notes().map_err(|error| self.unwritable_hints(&error))
    }

    fn unwritable_hints(&self, error: &std::io::Error) -> CliError {
        let place = self.home.hints_path();
        CliError::failed("hints", format!("cannot write to {}: {error}", place.display()))
    }
}
