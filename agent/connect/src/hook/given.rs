//! Hints that a session has had: each situation gets at most one, and each lesson is shown once.
//!
//! One small file a session. It holds ids and hashes, no text.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use lore_lessons::{Circle, Situation};
use lore_protocol::ids::LessonId;
use lore_session::CallHint;
use serde::{Deserialize, Serialize};

use super::HintFiles;
use crate::write::private_dir;

/// Seconds for which a session's file is kept after its last hint.
pub const KEPT_SECONDS: u64 = 90 * 24 * 3600;
/// Largest file that is read, in bytes: some hundred hints.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// One hint that was given: a trial of its lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenHint {
    /// The lesson.
    pub lesson: LessonId,
    /// Circle that it is known from.
    pub circle: Circle,
    /// True when it was learnt from the same message.
    pub exact: bool,
    /// True when it was given before a call.
    pub advice: bool,
    /// Hash of the situation; none before a call.
    #[serde(default)]
    pub situation: Option<String>,
    /// Time, in seconds since the Unix epoch.
    pub at: u64,
}

impl GivenHint {
    pub(super) fn new(hint: &CallHint, situation: Option<&Situation>, at: u64) -> Self {
        Self {
            lesson: hint.lesson,
            circle: hint.circle,
            exact: hint.exact,
            advice: hint.advice,
            situation: situation.map(hash_of_situation),
            at,
        }
    }
}

fn short(bytes: blake3::Hash) -> String {
    bytes.to_hex()[..32].to_owned()
}

fn hash_of_situation(situation: &Situation) -> String {
    let Situation { program, public: _, class, word, message } = situation;
    let word = word.as_deref().unwrap_or_default();
    short(blake3::hash(format!("{program}\0{class}\0{word}\0{message}").as_bytes()))
}

/// Hints of one session.
#[derive(Debug)]
pub struct Given {
    path: Option<PathBuf>,
    hints: Vec<GivenHint>,
}

impl Given {
    /// What the session of an agent has had. A session without an id has had nothing.
    #[must_use]
    pub fn of(files: &HintFiles, agent: &str, session: &str) -> Self {
        if session.is_empty() {
            return Self { path: None, hints: Vec::new() };
        }
        let name = short(blake3::hash(format!("{agent}\0{session}").as_bytes()));
        let path = files.given().join(name);
        let hints = read(&path);
        Self { path: Some(path), hints }
    }

    /// Forgets them, as after a probe.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget(self) -> std::io::Result<()> {
        self.path.map_or(Ok(()), fs::remove_file)
    }

    /// The hints.
    #[must_use]
    pub fn hints(&self) -> &[GivenHint] {
        &self.hints
    }

    /// The hint that was given at such a failure.
    #[must_use]
    pub fn at(&self, situation: &Situation) -> Option<CallHint> {
        let hash = Some(hash_of_situation(situation));
        let given = self.hints.iter().find(|one| one.situation == hash)?;
        // The text itself is in the agent's transcript only.
        Some(CallHint::new(given.lesson, given.circle, given.exact, given.advice, ""))
    }

    /// Notes a hint. False when the session has had the lesson, or one for the situation, or when it cannot be
    /// noted: a hint that leaves no trace could be given at every call.
    pub fn add(&mut self, hint: &GivenHint) -> bool {
        let had = self.hints.iter().any(|one| {
            one.lesson == hint.lesson
                || (one.situation.is_some() && one.situation == hint.situation)
        });
        if had {
            return false;
        }
        let Some(path) = &self.path else { return false };
        let noted = serde_json::to_string(hint).is_ok_and(|line| append(path, &line).is_ok());
        if noted {
            self.hints.push(hint.clone());
        }
        noted
    }
}

/// Removes the files of sessions that are past their time.
pub(super) fn drop_old(directory: &std::path::Path, now: u64) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let last = read(&entry.path()).iter().map(|hint| hint.at).max().unwrap_or(0);
        if last.saturating_add(KEPT_SECONDS) < now {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn read(path: &std::path::Path) -> Vec<GivenHint> {
    let Ok(file) = fs::File::open(path) else { return Vec::new() };
    let mut text = String::new();
    if file.take(MAX_FILE_BYTES).read_to_string(&mut text).is_err() {
        return Vec::new();
    }
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn append(path: &std::path::Path, line: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        private_dir(directory)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    // One write: two hooks of a session may run at once.
    file.write_all(format!("{line}\n").as_bytes())
}
