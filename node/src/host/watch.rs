//! Whose agents are followed, and what was read of their files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lore_control as control;
use lore_engine::{Batch, Durability, RecordKind, Storage};
use lore_session::Started;
use lore_session::import::places;
use serde::{Deserialize, Serialize};

use super::Node;
use crate::error::CliError;
use crate::watch::{MOST_NOTES, Person, Position, Step, Tally, Watcher};

/// A user's wish, with what came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Watch {
    user: String,
    home: PathBuf,
    last_pass: Option<u64>,
    imported: u64,
    grown: u64,
    files: u64,
    waiting: u64,
    unread: u64,
    notes: Vec<String>,
}

/// A step over directories of agents, to be done on any thread.
pub(crate) struct WatchJob {
    watcher: Watcher,
    store: Arc<dyn Storage>,
    now: u64,
}

/// Result of a [`WatchJob`].
pub(crate) struct Watched {
    watcher: Watcher,
    step: Step,
}

#[cfg(test)]
impl Watched {
    /// Returns true when no file was read.
    pub(super) fn found_nothing(&self) -> bool {
        self.step.sessions.is_empty() && self.step.read.is_empty()
    }
}

impl WatchJob {
    /// Looks at some entries, and reads a piece of a file.
    pub(crate) fn run(self) -> Watched {
        let Self { mut watcher, store, now } = self;
        let known = |unit: &str, path: &Path| {
            // What cannot be read counts as not known: the file is read again, and its sessions are known.
            let bytes = store.get(RecordKind::WatchedFile, &file_key(unit, path)).ok()??;
            serde_json::from_slice::<Position>(&bytes).ok()
        };
        let step = watcher.step(now, &known);
        Watched { watcher, step }
    }
}

impl Node {
    /// Turns following on or off for a user, or says how it stands.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub(super) fn session_watch(
        &mut self,
        ask: &control::SessionWatch,
    ) -> Result<control::Watching, CliError> {
        let unit = self.unit_of(&ask.user);
        match &ask.set {
            control::WatchSetting::Keep => {}
            control::WatchSetting::Off => {
                let mut batch = Batch::new();
                batch.delete(RecordKind::Watch, &unit);
                // With what was noted of the files that were read.
                for pair in self.store.scan(RecordKind::WatchedFile, format!("{unit}/").as_bytes())
                {
                    batch.delete(RecordKind::WatchedFile, pair?.0);
                }
                self.store.write(batch, Durability::Synced)?;
                self.watcher = Some(Watcher::default());
                self.drop_own_hints(&ask.user)?;
            }
            control::WatchSetting::On { home } => {
                if !home.is_absolute() {
                    let what = format!("{} is not an absolute path", home.display());
                    return Err(CliError::usage(what).help("set HOME to the user's home directory"));
                }
                let before = self.watch_of(&unit)?.unwrap_or_default();
                let watch = Watch { user: ask.user.clone(), home: home.clone(), ..before };
                self.keep_watch(&unit, &watch, Durability::Synced)?;
                self.watcher = Some(Watcher::default());
                self.hints.sessions_changed();
            }
        }
        let watch = self.watch_of(&unit)?;
        Ok(watching(&ask.user, watch))
    }

    /// A step that is due, while none is being done.
    pub(crate) fn watch_begin(&mut self) -> Result<Option<WatchJob>, CliError> {
        let now = self.engine.now_seconds();
        if !self.watcher.as_ref().is_some_and(|watcher| watcher.is_due(now)) {
            return Ok(None);
        }
        let Some(mut watcher) = self.watcher.take() else { return Ok(None) };
        if !watcher.is_in_a_pass() {
            watcher.begin(self.watched_people()?, now);
            if !watcher.is_in_a_pass() {
                self.watcher = Some(watcher);
                return Ok(None);
            }
        }
        Ok(Some(WatchJob { watcher, store: Arc::clone(&self.store), now }))
    }

    /// Stores what a step found. One that was overtaken by a change of what is followed is dropped.
    ///
    /// # Errors
    /// Fails when the store fails: then the file does not count as read, and another pass begins.
    pub(crate) fn watch_finish(&mut self, watched: Watched) -> Result<(), CliError> {
        if self.watcher.is_some() {
            return Ok(());
        }
        let Watched { watcher, step } = watched;
        let stored = self.watch_store(step);
        // After a fault from the beginning, when the next pass is due.
        let now = self.engine.now_seconds();
        self.watcher = Some(if stored.is_ok() { watcher } else { Watcher::later(now) });
        stored
    }

    /// Goes on after a step that ended without a result.
    pub(crate) fn watch_lost(&mut self) {
        let now = self.engine.now_seconds();
        self.watcher.get_or_insert_with(|| Watcher::later(now));
    }

    fn watch_store(&self, step: Step) -> Result<(), CliError> {
        let Some(Person { user, unit, .. }) = step.person else { return Ok(()) };
        let Some(mut watch) = self.watch_of(&unit)? else { return Ok(()) };
        let is_new = !step.sessions.is_empty();
        if is_new {
            let added = self.session_store(&user, step.sessions, false)?;
            watch.imported += added.imported;
            watch.grown += added.grown;
        }
        let mut batch = Batch::new();
        for (path, position) in &step.read {
            let bytes = serde_json::to_vec(position).map_err(unwritable)?;
            batch.put(RecordKind::WatchedFile, file_key(&unit, path), bytes);
        }
        self.store.write(batch, Durability::Buffered)?;
        if let Some(tally) = step.over.as_ref() {
            watch.over(tally, self.engine.now_seconds());
        }
        if is_new || step.over.is_some() {
            self.keep_watch(&unit, &watch, Durability::Buffered)?;
        }
        Ok(())
    }

    pub(super) fn watched_people(&self) -> Result<Vec<Person>, CliError> {
        let mut people = Vec::new();
        for pair in self.store.scan(RecordKind::Watch, b"") {
            let (unit, bytes) = pair?;
            let Ok(watch) = serde_json::from_slice::<Watch>(&bytes) else { continue };
            let directories = places(&watch.home).into_iter().map(|place| place.directory);
            people.push(Person {
                user: watch.user,
                unit: String::from_utf8_lossy(&unit).into_owned(),
                directories: directories.collect(),
            });
        }
        Ok(people)
    }

    fn watch_of(&self, unit: &str) -> Result<Option<Watch>, CliError> {
        let kept = self.store.get(RecordKind::Watch, unit.as_bytes())?;
        Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn keep_watch(
        &self,
        unit: &str,
        watch: &Watch,
        durability: Durability,
    ) -> Result<(), CliError> {
        let bytes = serde_json::to_vec(watch).map_err(unwritable)?;
        Ok(self.store.put(RecordKind::Watch, unit.as_bytes(), &bytes, durability)?)
    }
}

impl Watch {
    /// Notes the end of a pass.
    fn over(&mut self, tally: &Tally, now: u64) {
        self.last_pass = Some(now);
        self.files = tally.files;
        self.waiting = tally.waiting;
        self.unread += tally.unread;
        self.notes.extend(tally.notes.iter().cloned());
        let old = self.notes.len().saturating_sub(MOST_NOTES);
        self.notes.drain(..old);
    }
}

/// A user's answer.
fn watching(user: &str, watch: Option<Watch>) -> control::Watching {
    let on = watch.is_some();
    let watch = watch.unwrap_or_default();
    let one = |place: lore_session::import::AgentPlace| control::WatchedDirectory {
        harness: place.harness.to_owned(),
        is_there: place.directory.is_dir(),
        directory: place.directory,
    };
    let directories = if on { places(&watch.home) } else { Vec::new() };
    control::Watching {
        user: user.to_owned(),
        on,
        directories: directories.into_iter().map(one).collect(),
        last_pass: watch.last_pass.map(|at| Started::at(at).text),
        imported: watch.imported,
        grown: watch.grown,
        files: watch.files,
        waiting: watch.waiting,
        unread: watch.unread,
        notes: watch.notes,
    }
}

fn file_key(unit: &str, path: &Path) -> Vec<u8> {
    format!("{unit}/{}", path.display()).into_bytes()
}

fn unwritable(error: serde_json::Error) -> CliError {
    CliError::failed("watch", format!("what is followed cannot be stored: {error}"))
}
