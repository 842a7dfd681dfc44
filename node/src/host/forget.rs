//! How stored sessions end: by their user's wish, and by age.
//!
//! A session that was deleted leaves a keyed hash of its name, so that it does not come back when its file is
//! read again. The books of the privacy door keep no session and stay as they are: what a release counted, it
//! counted.

use std::collections::{BTreeMap, BTreeSet};

use lore_control as control;
use lore_engine::{Batch, Durability, RecordKind, Table};
use lore_session::{Session, Started};

use super::Node;
use super::conversation::Conversations;
use super::convert::count;
use super::states::base_of;
use crate::error::CliError;

const FORGOTTEN_TAG: &str = "commonlore forgotten session v1";
/// Seconds between two looks for sessions that are past their time.
const LOOK_SECONDS: u64 = 3_600;
const DAY_SECONDS: u64 = 86_400;

const STAYS: [&str; 4] = [
    "what was released before stays released: it is on other nodes and cannot be taken back",
    "counts of windows that were released stay as they were",
    "the files of your agents were not touched, nor transcripts of `lore agent`",
    "backups that were made with `lore store backup` still hold the sessions",
];

const DEVICES: &str = "your other devices give up what these sessions taught at their next contact with this one; \
     a device that was removed keeps what it had";

/// Times of a stored session, in seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// When it came here.
    pub(super) at: u64,
    /// When it began.
    pub(super) started: u64,
}

impl Arrival {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.at.to_be_bytes(), self.started.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, started) = bytes.split_first_chunk::<8>()?;
        let started = started.try_into().ok()?;
        Some(Self { at: u64::from_be_bytes(*at), started: u64::from_be_bytes(started) })
    }
}

/// A stored session, as far as deleting needs it. None of the times when it cannot be read.
struct Stored {
    id: String,
    root: String,
    started: Option<Started>,
}

impl Node {
    /// Deletes sessions of one user, or counts them.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub(super) fn session_forget(
        &mut self,
        ask: &control::SessionForget,
    ) -> Result<control::SessionsForgotten, CliError> {
        let unit = self.unit_of(&ask.user);
        let all = self.stored_of(&unit)?;
        let named: BTreeSet<&str> = match &ask.which {
            control::WhichSessions::Ids(ids) => ids.iter().map(String::as_str).collect(),
            _ => BTreeSet::new(),
        };
        let is_meant = |one: &Stored| match &ask.which {
            // Pieces with which a named session went on are meant too.
            control::WhichSessions::Ids(_) => {
                named.contains(one.id.as_str()) || named.contains(base_of(&one.id))
            }
            control::WhichSessions::BeforeSeconds(before) => {
                one.started.as_ref().is_some_and(|started| started.unix_seconds < *before)
            }
            control::WhichSessions::All => true,
        };
        let meant: Vec<&Stored> = all.iter().filter(|one| is_meant(one)).collect();
        let here: BTreeSet<&str> =
            meant.iter().flat_map(|one| [one.id.as_str(), base_of(&one.id)]).collect();
        let times = || meant.iter().filter_map(|one| one.started.as_ref());
        let text = |started: &Started| started.text.clone();
        let mut stays = STAYS.map(ToOwned::to_owned).to_vec();
        if self.devices().group(&unit).is_some_and(|group| !group.others().is_empty()) {
            stays.push(DEVICES.to_owned());
        }
        let answer = control::SessionsForgotten {
            preview: ask.preview,
            forgotten: count(meant.len()),
            not_here: count(named.difference(&here).count()),
            left: count(all.len() - meant.len()),
            oldest: times().min_by_key(|started| started.unix_seconds).map(text),
            newest: times().max_by_key(|started| started.unix_seconds).map(text),
            stays,
        };
        let ids: BTreeSet<String> = meant.iter().map(|one| one.id.clone()).collect();
        if !ask.preview && !ids.is_empty() {
            self.delete(&unit, &all, &ids)?;
            // Before the files are cleaned: what other devices are given holds lessons of these sessions too.
            self.give_own_lessons()?;
            self.scrub();
            self.renew_own_hints(&ask.user)?;
        }
        if !ask.preview && matches!(ask.which, control::WhichSessions::All) {
            self.drop_notes(&ask.user)?;
        }
        Ok(answer)
    }

    /// Deletes the sessions that are past their time, now and then. One that a release to come may draw on
    /// stays.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub(super) fn drop_old_sessions(&mut self) -> Result<(), CliError> {
        let now = self.engine.now_seconds();
        // A release that is being made reads them.
        if now < self.next_look || self.engine.is_working() {
            return Ok(());
        }
        self.next_look = now.saturating_add(LOOK_SECONDS);
        let Some(keep) = self.keep_seconds() else { return Ok(()) };
        let draws_from = self.engine.draws_from_seconds();
        let mut old: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, arrival) in self.arrivals()? {
            let over = now >= arrival.at.saturating_add(keep) && !awaited(arrival, draws_from);
            if let (true, Some((unit, id))) = (over, key.split_once('/')) {
                old.entry(unit.to_owned()).or_default().insert(id.to_owned());
            }
        }
        let any = !old.is_empty();
        for (unit, ids) in old {
            let all = self.stored_of(&unit)?;
            self.delete(&unit, &all, &ids)?;
            self.hints.sessions_changed();
            tracing::info!(sessions = ids.len(), "deleted sessions that were past their time");
        }
        if any {
            // Before the files are cleaned, as when a person deletes sessions.
            self.give_own_lessons()?;
            self.scrub();
        }
        Ok(())
    }

    /// How long sessions are kept, and what is due.
    pub(super) fn retention(&self) -> Result<control::Retention, CliError> {
        let now = self.engine.now_seconds();
        let draws_from = self.engine.draws_from_seconds();
        let (mut next_due, mut awaiting_release) = (None::<u64>, 0);
        if let Some(keep) = self.keep_seconds() {
            for (_, arrival) in self.arrivals()? {
                let due = arrival.at.saturating_add(keep);
                if due <= now && awaited(arrival, draws_from) {
                    awaiting_release += 1;
                } else {
                    next_due = Some(next_due.map_or(due, |known| known.min(due)));
                }
            }
        }
        Ok(control::Retention {
            keep_days: self.keep_days,
            next_due: next_due.map(|due| Started::at(due).text),
            awaiting_release,
        })
    }

    /// When a session is due to be deleted, and whether a release to come may draw on it.
    pub(super) fn kept(&self, unit: &str, id: &str) -> Result<(Option<String>, bool), CliError> {
        let key = session_key(unit, id);
        let bytes = self.store.get(RecordKind::SessionArrived, &key)?;
        let Some(arrival) = bytes.and_then(|bytes| Arrival::from_bytes(&bytes)) else {
            return Ok((None, false));
        };
        let until = self.keep_seconds().map(|keep| Started::at(arrival.at.saturating_add(keep)));
        Ok((until.map(|until| until.text), awaited(arrival, self.engine.draws_from_seconds())))
    }

    /// Notes for sessions that came here before that was noted that they come now.
    pub(super) fn note_arrivals(&self) -> Result<(), CliError> {
        let noted: BTreeSet<String> = self.arrivals()?.into_iter().map(|(key, _)| key).collect();
        if count(noted.len()) >= self.session_count()? {
            return Ok(());
        }
        let (mut batch, at) = (Batch::new(), self.engine.now_seconds());
        for pair in self.store.scan(RecordKind::Session, b"") {
            let (key, bytes) = pair?;
            if noted.contains(String::from_utf8_lossy(&key).as_ref()) {
                continue;
            }
            let session = serde_json::from_slice::<Session>(&bytes).ok();
            let started = session.map_or(0, |session| session.started.unix_seconds);
            let arrival = Arrival { at, started };
            batch.put(RecordKind::SessionArrived, key, arrival.to_bytes());
        }
        Ok(self.store.write(batch, Durability::Synced)?)
    }

    /// Name of the record that a deleted session leaves.
    pub(super) fn forgotten_key(&self, unit: &str, id: &str) -> Vec<u8> {
        let key = self.engine.local_key(FORGOTTEN_TAG);
        blake3::keyed_hash(&key, &session_key(unit, id)).as_bytes().to_vec()
    }

    fn keep_seconds(&self) -> Option<u64> {
        Some(u64::from(self.keep_days?) * DAY_SECONDS)
    }

    /// Arrivals of all sessions, by the key of the session.
    fn arrivals(&self) -> Result<Vec<(String, Arrival)>, CliError> {
        let mut found = Vec::new();
        for pair in self.store.scan(RecordKind::SessionArrived, b"") {
            let (key, bytes) = pair?;
            if let (Ok(key), Some(arrival)) = (String::from_utf8(key), Arrival::from_bytes(&bytes))
            {
                found.push((key, arrival));
            }
        }
        Ok(found)
    }

    /// The sessions of a user.
    fn stored_of(&self, unit: &str) -> Result<Vec<Stored>, CliError> {
        let mut found = Vec::new();
        let prefix = session_key(unit, "");
        let conversations = Conversations::of(&*self.store, unit);
        for pair in self.store.scan(RecordKind::Session, &prefix) {
            let (key, bytes) = pair?;
            let Ok(id) = String::from_utf8(key.get(prefix.len()..).unwrap_or_default().to_vec())
            else {
                continue;
            };
            // One that cannot be read can still be deleted.
            let (root, started) = match serde_json::from_slice::<Session>(&bytes) {
                Ok(session) => (conversations.root(session.conversation())?, Some(session.started)),
                Err(_) => (id.clone(), None),
            };
            found.push(Stored { id, root, started });
        }
        Ok(found)
    }

    /// Deletes sessions of a user, with the marks of conversations of which no piece is left.
    fn delete(&self, unit: &str, all: &[Stored], ids: &BTreeSet<String>) -> Result<(), CliError> {
        let mut batch = Batch::new();
        for id in ids {
            let key = session_key(unit, id);
            batch.delete(RecordKind::Session, &key);
            batch.delete(RecordKind::Digest, &key);
            batch.delete(RecordKind::SessionArrived, &key);
            batch.put(RecordKind::Forgotten, self.forgotten_key(unit, id), b"");
        }
        let left: Vec<&Stored> = all.iter().filter(|one| !ids.contains(&one.id)).collect();
        let roots: BTreeSet<&str> = left.iter().map(|one| one.root.as_str()).collect();
        let conversations = Conversations::of(&*self.store, unit);
        let prefix = session_key(unit, "");
        for pair in self.store.scan(RecordKind::Conversation, &prefix) {
            let (mark, root) = pair?;
            let root = conversations.root(&String::from_utf8_lossy(&root))?;
            if !roots.contains(root.as_str()) {
                batch.delete(RecordKind::Conversation, mark);
            }
        }
        for (kind, number) in
            [(RecordKind::SessionCount, left.len()), (RecordKind::ConversationCount, roots.len())]
        {
            if number == 0 {
                batch.delete(kind, unit);
            } else {
                batch.put(kind, unit, count(number).to_be_bytes());
            }
        }
        Ok(self.store.write(batch, Durability::Synced)?)
    }

    /// Takes what was deleted or replaced out of the files of the database, beside everything else: how long
    /// that takes depends on private data.
    pub(super) fn scrub(&mut self) {
        let (disk, before) = (self.disk.clone(), self.scrubbing.take());
        let work = move || {
            // One after the other. It has no result, and its panic is in the log.
            let _ = before.map(std::thread::JoinHandle::join);
            if let Err(error) = disk.scrub(&[Table::Sessions, Table::Settings]) {
                tracing::warn!(%error, "deleted records are still in files of the store");
            }
        };
        self.scrubbing = Some(std::thread::spawn(work));
    }

    /// Returns true while files are rewritten.
    pub(super) fn is_scrubbing(&self) -> bool {
        self.scrubbing.as_ref().is_some_and(|work| !work.is_finished())
    }

    /// Waits until the files are rewritten.
    fn wait_for_scrub(&mut self) {
        if let Some(scrubbing) = self.scrubbing.take() {
            // It has no result, and its panic is in the log.
            let _ = scrubbing.join();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.devices.take_dropped() {
            self.scrub();
        }
        self.wait_for_scrub();
    }
}

/// Key of a user's session.
pub(super) fn session_key(unit: &str, id: &str) -> Vec<u8> {
    format!("{unit}/{id}").into_bytes()
}

fn awaited(arrival: Arrival, draws_from: Option<u64>) -> bool {
    draws_from.is_some_and(|from| arrival.started >= from)
}
