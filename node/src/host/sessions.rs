//! Private sessions: stored, and listed to their owner. How they feed a release is in `contributions`.

use lore_agent::extract;
use lore_control as control;
use lore_session::import::Found;
use lore_session::{Proposals, Session};

use super::Node;
use super::conversation::Conversations;
use super::convert::{self, count};
use super::forget::{Arrival, session_key};
use super::states::{Placed, States, base_of};
use crate::error::CliError;
use lore_engine::{Batch, Durability, RecordKind, StorageError};

const UNIT_TAG: &str = "commonlore local unit v1";

impl Node {
    /// Stores sessions of one user, without those that were deleted here.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub(crate) fn session_import(
        &self,
        user: &str,
        sessions: Vec<Session>,
    ) -> Result<control::SessionsAdded, CliError> {
        self.session_store(user, sessions.into_iter().map(Found::bare).collect(), false)
    }

    /// Stores what importers found for one user. Turns that this user has already, from an earlier state of a
    /// session or from the session that it was forked from, are not stored again; a session that went on keeps the
    /// time at which it began, which says to which window it belongs. Another user's session of the same id is
    /// another session: whose data is here changes nobody else's. With `again` also those that were deleted here.
    ///
    /// # Errors
    /// Fails when the store fails.
    pub(crate) fn session_store(
        &self,
        user: &str,
        found: Vec<Found>,
        again: bool,
    ) -> Result<control::SessionsAdded, CliError> {
        let unit = self.unit_of(user);
        let now = self.engine.now_seconds();
        let (mut imported, mut known, mut grown, mut forgotten) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut pieces = 0_u64;
        let mut batch = Batch::new();
        let counted_until = self.engine.counted_until_seconds();
        let deleted = |id: &str| {
            let gone = |id: &str| -> Result<bool, StorageError> {
                let key = self.forgotten_key(&unit, id);
                Ok(self.store.get(RecordKind::Forgotten, &key)?.is_some())
            };
            Ok(!again && (gone(id)? || gone(base_of(id))?))
        };
        let mut states = States::of(&*self.store, &unit, counted_until, now, &deleted);
        let mut conversations = Conversations::of(&*self.store, &unit);
        for mut one in found {
            if deleted(&one.session.id)? {
                forgotten += 1;
                continue;
            }
            one.session.unit = Some(unit.clone());
            self.note_given(&mut one.session);
            let placed = states.place(&mut one)?;
            if placed == Placed::Forgotten {
                forgotten += 1;
                continue;
            }
            if again {
                batch.delete(RecordKind::Forgotten, self.forgotten_key(&unit, &one.session.id));
            }
            // Also of one that is here: its marks may tell of others.
            conversations.place(&mut one.session, |id| states.is_here(id))?;
            match placed {
                Placed::Known => known += 1,
                Placed::New => imported += 1,
                Placed::Grown => grown += 1,
                Placed::Piece => (grown, pieces) = (grown + 1, pieces + 1),
                Placed::Forgotten => {}
            }
            if matches!(placed, Placed::New | Placed::Piece) {
                let key = session_key(&unit, &one.session.id);
                let arrival = Arrival { at: now, started: one.session.started.unix_seconds };
                batch.put(RecordKind::SessionArrived, &key, arrival.to_bytes());
            }
            if placed != Placed::Known {
                states.keep(one);
            }
        }
        let held = self.conversations_of(&unit)?.saturating_add_signed(conversations.more());
        let stored = self.sessions_of(&unit)?.saturating_add(imported).saturating_add(pieces);
        if stored > 0 {
            batch.put(RecordKind::ConversationCount, &unit, held.to_be_bytes());
            batch.put(RecordKind::SessionCount, &unit, stored.to_be_bytes());
        }
        conversations.store(&mut batch);
        states.store(&mut batch)?;
        self.store.write(batch, Durability::Synced)?;
        self.hints.sessions_changed();
        Ok(control::SessionsAdded {
            imported,
            known,
            grown,
            forgotten,
            users: count(self.users()?),
            too_few: self.too_few_anywhere()?,
        })
    }

    /// Summaries of stored sessions, newest first. For the owner's screen.
    pub(super) fn session_list(&self, limit: usize) -> Result<control::Sessions, CliError> {
        let mut sessions = self.sessions()?;
        sessions.sort_by_key(|s| std::cmp::Reverse(s.started.unix_seconds));
        let total = count(sessions.len());
        let mut shown = Vec::new();
        for session in sessions.iter().take(limit) {
            let unit = session.unit.as_deref().unwrap_or_default();
            let (kept_until, awaits_release) = self.kept(unit, &session.id)?;
            shown.push(control::SessionSummary {
                id: session.id.clone(),
                started: session.started.text.clone(),
                harness: session.harness.clone(),
                outcome: convert::outcome(session.outcome.verdict),
                task: session.task.chars().take(80).collect(),
                kept_until,
                awaits_release,
            });
        }
        Ok(control::Sessions { total, sessions: shown })
    }

    /// One session, whole. For the owner's screen.
    pub(super) fn session_show(&self, id: &str) -> Result<control::StoredSession, CliError> {
        // By its key under each user: to read all sessions for one would be much.
        for pair in self.store.scan(RecordKind::SessionCount, b"") {
            let unit = String::from_utf8_lossy(&pair?.0).into_owned();
            let bytes = self.store.get(RecordKind::Session, &session_key(&unit, id))?;
            if let Some(session) = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                return Ok(stored(&session));
            }
        }
        Err(CliError::usage(format!("there is no session `{id}`")).help("see `lore session list`"))
    }

    /// The keys of the sessions that no model has read and to which one could add something.
    pub(super) fn session_unread(&self) -> Result<control::UnreadSessions, CliError> {
        let mut keys = Vec::new();
        for pair in self.store.scan(RecordKind::Session, b"") {
            let (key, bytes) = pair?;
            let unread = serde_json::from_slice::<Session>(&bytes)
                .is_ok_and(|session| extract::is_unread(&session));
            if let (true, Ok(key)) = (unread, String::from_utf8(key)) {
                keys.push(key);
            }
        }
        Ok(control::UnreadSessions { keys })
    }

    /// One session by where it is.
    pub(super) fn session_at(&self, key: &str) -> Result<control::StoredSession, CliError> {
        Ok(stored(&self.session_of(key)?))
    }

    fn session_of(&self, key: &str) -> Result<Session, CliError> {
        let gone = || CliError::failed("session_gone", "the session is not here any more");
        let bytes = self.store.get(RecordKind::Session, key.as_bytes())?.ok_or_else(gone)?;
        serde_json::from_slice(&bytes).map_err(|_| gone())
    }

    /// Keeps with a session what a model proposed for it. Says how many of them would be admitted.
    pub(super) fn session_propose(
        &self,
        key: &str,
        lessons: Vec<control::ProposedLesson>,
    ) -> Result<control::ProposalsKept, CliError> {
        let mut session = self.session_of(key)?;
        let lessons = lessons.into_iter().map(convert::proposal).collect();
        session.proposals = Some(Proposals { lessons });
        let bytes = serde_json::to_vec(&session).map_err(|error| {
            CliError::failed("session", format!("a session cannot be stored: {error}"))
        })?;
        let mut batch = Batch::new();
        batch.put(RecordKind::Session, key.as_bytes(), bytes);
        self.store.write(batch, Durability::Synced)?;
        let found = extract::of(&session, true);
        let found = found.expose_to_owner();
        Ok(control::ProposalsKept {
            proposed: count(found.proposed),
            admitted: count(found.admitted),
        })
    }

    pub(super) fn sessions(&self) -> Result<Vec<Session>, CliError> {
        let mut sessions = Vec::new();
        for pair in self.store.scan(RecordKind::Session, b"") {
            // Without its name: a session's id is private, and the log is no private place.
            match serde_json::from_slice(&pair?.1) {
                Ok(session) => sessions.push(session),
                Err(_) => tracing::warn!("a stored session cannot be read and is left out"),
            }
        }
        Ok(sessions)
    }

    /// Number of distinct users with a session. Shown to the operator only.
    pub(super) fn users(&self) -> Result<usize, CliError> {
        Ok(self.session_counts()?.len())
    }

    /// Number of stored sessions. Shown to the operator only.
    pub(super) fn session_count(&self) -> Result<u64, CliError> {
        Ok(self.session_counts()?.into_iter().sum())
    }

    /// Sessions of each user. Kept with every import, so that no session is read for it.
    fn session_counts(&self) -> Result<Vec<u64>, CliError> {
        let counts = self.store.scan(RecordKind::SessionCount, b"");
        let counts: Result<Vec<u64>, _> = counts.map(|pair| Ok(number(&pair?.1))).collect();
        Ok(counts.map_err(|error: lore_engine::StorageError| error)?)
    }

    /// Number of conversations, each with its side chains and its resumed and forked pieces.
    pub(super) fn conversation_count(&self) -> Result<u64, CliError> {
        let mut sum = 0_u64;
        for pair in self.store.scan(RecordKind::ConversationCount, b"") {
            sum = sum.saturating_add(number(&pair?.1));
        }
        Ok(sum)
    }

    fn conversations_of(&self, unit: &str) -> Result<u64, CliError> {
        let kept = self.store.get(RecordKind::ConversationCount, unit.as_bytes())?;
        Ok(kept.map_or(0, |bytes| number(&bytes)))
    }

    pub(super) fn sessions_of(&self, unit: &str) -> Result<u64, CliError> {
        let kept = self.store.get(RecordKind::SessionCount, unit.as_bytes())?;
        Ok(kept.map_or(0, |bytes| number(&bytes)))
    }

    /// A user's pseudonym in the store: a keyed hash under this node's secret.
    pub(super) fn unit_of(&self, user: &str) -> String {
        let key = self.engine.local_key(UNIT_TAG);
        blake3::keyed_hash(&key, user.as_bytes()).to_hex().to_string()
    }
}

fn stored(session: &Session) -> control::StoredSession {
    control::StoredSession { session: control::SessionLine::new(session.to_line()) }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}
