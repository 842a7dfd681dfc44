//! Follows the directories in which agents keep their sessions.
//!
//! A [`Watcher`] makes one pass after another over the directories of the people who asked for it, in small
//! steps: a step looks at a bounded number of entries, and reads a bounded piece of one file. What a step found is
//! stored elsewhere, and only then the position of a file counts as read; so a pass may be cut off anywhere.
//! It looks at no clock: a file is read when it was quiet for a while by the time that a step is given.

mod position;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lore_control::SessionImport;
use lore_session::import::Found;

use crate::import::{Chunk, SessionFiles};
pub(crate) use position::Position;
use walk::{Walk, Walked};

/// Directory entries of one step.
const STEP_ENTRIES: usize = 4_000;
/// Seconds without a change after which a file counts as finished.
const QUIET_SECONDS: u64 = 300;
/// Seconds from the end of a pass to the next one.
const PASS_SECONDS: u64 = 60;
/// Most files that are named as not read.
pub(crate) const MOST_NOTES: usize = 5;

/// Someone whose agents are followed.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// The user, as sessions are imported for.
    pub(crate) user: String,
    /// Their pseudonym.
    pub(crate) unit: String,
    /// Directories of their agents.
    pub(crate) directories: Vec<PathBuf>,
}

/// Position of a file of a user when it was read last.
pub(crate) type Known<'a> = &'a dyn Fn(&str, &Path) -> Option<Position>;

/// Count of one pass over a person's directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Files that may hold sessions.
    pub(crate) files: u64,
    /// Files that are still being written.
    pub(crate) waiting: u64,
    /// Files that were read now and held no session that could be read.
    pub(crate) unread: u64,
    /// Some of them, with the reason.
    pub(crate) notes: Vec<String>,
}

/// Result of a step.
#[derive(Default)]
pub(crate) struct Step {
    /// Whose files they are; none at the end of a pass.
    pub(crate) person: Option<Person>,
    /// Sessions to store.
    pub(crate) sessions: Vec<Found>,
    /// Files that are read now, to be noted after the sessions are stored.
    pub(crate) read: Vec<(PathBuf, Position)>,
    /// Set with the last step over a person's directories.
    pub(crate) over: Option<Tally>,
}

/// Passes over directories.
#[derive(Default)]
pub(crate) struct Watcher {
    people: VecDeque<Person>,
    at: Option<Following>,
    next_pass: u64,
}

/// One person's directories, in the middle of a pass.
struct Following {
    person: Person,
    walk: Walk,
    open: Option<Open>,
    tally: Tally,
}

/// A file of which a part was read.
struct Open {
    files: SessionFiles,
    path: PathBuf,
    position: Position,
}

impl Watcher {
    /// A watcher whose first pass is due some time after `now`.
    pub(crate) fn later(now: u64) -> Self {
        Self { next_pass: now.saturating_add(PASS_SECONDS), ..Self::default() }
    }

    /// Returns true when a step is due.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.is_in_a_pass() || now >= self.next_pass
    }

    /// Returns true in the middle of a pass.
    pub(crate) fn is_in_a_pass(&self) -> bool {
        self.at.is_some() || !self.people.is_empty()
    }

    /// Begins a pass.
    pub(crate) fn begin(&mut self, people: Vec<Person>, now: u64) {
        self.people = people.into();
        self.at = None;
        self.next_pass = now.saturating_add(PASS_SECONDS);
    }

    /// One step of a pass, at a time in seconds since the Unix epoch. `known` gives positions.
    pub(crate) fn step(&mut self, now: u64, known: Known<'_>) -> Step {
        let mut step = Step::default();
        let following = self.at.take().or_else(|| self.people.pop_front().map(Following::new));
        let Some(mut following) = following else { return step };
        step.person = Some(following.person.clone());
        let mut entries_left = STEP_ENTRIES;
        let over = loop {
            if let Some(mut open) = following.open.take() {
                match open.next_chunk() {
                    Ok(Some(chunk)) => {
                        step.sessions = chunk.sessions;
                        following.open = Some(open);
                        break false;
                    }
                    Ok(None) => {}
                    Err(why) => following.tally.note(why),
                }
                step.read.push((open.path, open.position));
            }
            match following.walk.next(&mut entries_left) {
                Walked::File(path) => following.look_at(path, now, known, &mut step.read),
                Walked::Paused => break false,
                Walked::Over => break true,
            }
        };
        if over {
            step.over = Some(following.tally);
            self.next_pass = now.saturating_add(PASS_SECONDS);
        } else {
            self.at = Some(following);
        }
        step
    }
}

impl Following {
    fn new(person: Person) -> Self {
        let walk = Walk::over(&person.directories);
        Self { person, walk, open: None, tally: Tally::default() }
    }

    /// Opens a file when it changed since it was read, and is quiet.
    fn look_at(
        &mut self,
        path: PathBuf,
        now: u64,
        known: Known<'_>,
        read: &mut Vec<(PathBuf, Position)>,
    ) {
        // It may be gone already.
        let Ok(position) = Position::of(&path) else { return };
        self.tally.files += 1;
        let before = known(&self.person.unit, &path);
        if before.as_ref().is_some_and(|before| before.is_unchanged(&position)) {
            return;
        }
        // A clock that went back must not make a file wait for ever.
        if now.abs_diff(position.modified_seconds()) < QUIET_SECONDS {
            self.tally.waiting += 1;
            return;
        }
        let Ok(position) = position.with_head(&path) else { return };
        if before.is_some_and(|before| before.has_the_same_bytes(&position)) {
            read.push((path, position));
            return;
        }
        let (user, at) = (self.person.user.clone(), position.modified_seconds());
        let wanted = SessionImport { user, path: path.clone(), format: None, again: false };
        match SessionFiles::find(&wanted, at) {
            Ok(files) => self.open = Some(Open { files, path, position }),
            Err(error) => {
                self.tally.note(error.message);
                read.push((path, position));
            }
        }
    }
}

impl Open {
    /// The next sessions of the file. A file that makes an importer panic costs itself alone.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, String> {
        let read = catch_unwind(AssertUnwindSafe(|| self.files.next_chunk()));
        match read {
            Ok(Some(chunk)) => Ok(Some(chunk)),
            Ok(None) => self.files.take_failure().map_or(Ok(None), |error| Err(error.message)),
            Err(_) => {
                Err(format!("{} cannot be read: a fault of the program", self.path.display()))
            }
        }
    }
}

impl Tally {
    fn note(&mut self, why: String) {
        self.unread += 1;
        if self.notes.len() < MOST_NOTES {
            self.notes.push(why);
        }
    }
}
