//! Surroundings that an engine needs and does not have: a clock, randomness, and the private side.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lore_privacy::release::{Fed, Participation};
use lore_privacy::{
    CostContribution, LessonContribution, LocalSecret, OutcomeContribution, PrivacyError, Private,
    UnitId, VoteContribution,
};
use lore_protocol::charter::CostKind;
use lore_protocol::codec;
use lore_protocol::ids::LessonId;
use lore_protocol::lesson::Lesson;
use lore_protocol::library::Library;
use lore_protocol::payload::{ItemId, Unit, Window};

use crate::{Batch, Durability, EngineError, RecordKind, Storage, StorageError};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Seconds since the Unix epoch; 0 for a clock that is set before it.
    fn unix_seconds(&self) -> u64;

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
}

/// Gives randomness that nobody can foresee.
pub trait Entropy: Send + Sync {
    /// Thirty-two random bytes.
    ///
    /// # Errors
    /// Fails when there is no randomness to be had.
    fn bytes(&self) -> Result<[u8; 32], EngineError>;
}

/// The private side: what sessions give to a release. Each method looks at one session at a time, with
/// public data only, and is called after the release was paid for; an error voids it.
pub trait Contributions: Send + Sync {
    /// Lessons of each session.
    ///
    /// # Errors
    /// Fails when the sessions cannot be read.
    fn lessons(
        &self,
        source: &Source<'_>,
    ) -> Result<Private<Vec<LessonContribution>>, PrivacyError>;

    /// Outcome of each session with the skills that it used.
    ///
    /// # Errors
    /// Fails when the sessions cannot be read.
    fn outcomes(
        &self,
        source: &Source<'_>,
    ) -> Result<Private<Vec<OutcomeContribution>>, PrivacyError>;

    /// Cost of each session with the skills that it used, in the charter's units.
    ///
    /// # Errors
    /// Fails when the sessions cannot be read.
    fn costs(
        &self,
        source: &Source<'_>,
        kinds: &[CostKind],
    ) -> Result<Private<Vec<CostContribution>>, PrivacyError>;

    /// Candidates of a public ballot that each session speaks for.
    ///
    /// # Errors
    /// Fails when the sessions cannot be read.
    fn votes(
        &self,
        source: &Source<'_>,
        ballot: &Ballot,
    ) -> Result<Private<Vec<VoteContribution>>, PrivacyError>;
}

/// A private side with no sessions: a node that only receives.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSessions;

impl Contributions for NoSessions {
    fn lessons(&self, _: &Source<'_>) -> Result<Private<Vec<LessonContribution>>, PrivacyError> {
        Ok(Private::new(Vec::new()))
    }

    fn outcomes(&self, _: &Source<'_>) -> Result<Private<Vec<OutcomeContribution>>, PrivacyError> {
        Ok(Private::new(Vec::new()))
    }

    fn costs(
        &self,
        _: &Source<'_>,
        _: &[CostKind],
    ) -> Result<Private<Vec<CostContribution>>, PrivacyError> {
        Ok(Private::new(Vec::new()))
    }

    fn votes(
        &self,
        _: &Source<'_>,
        _: &Ballot,
    ) -> Result<Private<Vec<VoteContribution>>, PrivacyError> {
        Ok(Private::new(Vec::new()))
    }
}

/// A public ballot: items and candidates of the sealed library, and the lessons among them.
#[derive(Debug, Clone)]
pub struct Ballot {
    /// Items that are voted on.
    pub items: std::collections::BTreeSet<ItemId>,
    /// The lessons of the ballot.
    pub lessons: BTreeMap<LessonId, Lesson>,
}

impl Ballot {
    /// The ballot of a library.
    #[must_use]
    pub fn of(library: &Library) -> Self {
        let items: std::collections::BTreeSet<ItemId> = library.ballot().into_iter().collect();
        let lesson = |item: &ItemId| match item {
            ItemId::Lesson(id) => Some((*id, library.lesson(*id)?.clone())),
            ItemId::Revision(_) | ItemId::Given(_) => None,
        };
        let lessons = items.iter().filter_map(lesson).collect();
        Self { items, lessons }
    }
}

/// Sessions that feed one release, with their units.
pub struct Source<'a> {
    window: Window,
    unit: Unit,
    participation: Participation,
    secret: LocalSecret,
    store: &'a Arc<dyn Storage>,
    /// Units that were asked for: the line of the books that they get, none for those that do not feed.
    admitted: RefCell<BTreeMap<UnitId, Option<Line>>>,
}

/// Record of what a unit has fed: its key and its text.
type Line = (Vec<u8>, Vec<u8>);

impl<'a> Source<'a> {
    pub(crate) fn new(
        window: Window,
        unit: Unit,
        participation: Participation,
        secret: LocalSecret,
        store: &'a Arc<dyn Storage>,
    ) -> Self {
        Self { window, unit, participation, secret, store, admitted: RefCell::default() }
    }

    /// The half-open window: sessions that started outside of it feed nothing.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }

    pub(crate) const fn secret(&self) -> &LocalSecret {
        &self.secret
    }

    /// The unit that a session belongs to, by its user and the conversation that it is a piece of: none
    /// for one without a user where users are protected.
    #[must_use]
    pub fn unit_of(&self, user: Option<&str>, conversation: &str) -> Option<UnitId> {
        match self.unit {
            Unit::User => user.map(|user| self.secret.user(user)),
            // With its user: two users may have conversations of one name.
            Unit::Session => {
                let name = format!("{}/{conversation}", user.unwrap_or_default());
                Some(self.secret.session(&name))
            }
            Unit::Personal => Some(self.secret.person()),
        }
    }

    /// Returns true when a unit feeds this release: by its draw, and by its own line of what it fed before.
    ///
    /// # Errors
    /// Fails when the books cannot be read.
    pub fn admits(&self, unit: &UnitId) -> Result<bool, PrivacyError> {
        if let Some(known) = self.admitted.borrow().get(unit) {
            return Ok(known.is_some());
        }
        let line = self.line(unit).map_err(|error| PrivacyError::Unreadable(error.to_string()))?;
        let feeds = line.is_some();
        self.admitted.borrow_mut().insert(*unit, line);
        Ok(feeds)
    }

    fn line(&self, unit: &UnitId) -> Result<Option<Line>, StorageError> {
        if !self.participation.includes(&self.secret, unit) {
            return Ok(None);
        }
        let key = self.participation.unit_key(&self.secret, unit);
        // A line that cannot be read is one that was lost: what binds is the node's ledger.
        let known = self.store.get(RecordKind::Participation, key.as_bytes())?;
        let mut fed: Fed = known.and_then(|line| codec::decode(&line).ok()).unwrap_or_default();
        if !fed.note(&self.participation) {
            tracing::error!("a fault of the program: a unit would feed more releases than it may");
            return Ok(None);
        }
        Ok(Some((key.as_bytes().to_vec(), codec::encode(&fed))))
    }

    /// Writes down who fed the release, before anything is drawn.
    pub(crate) fn note(&self) -> Result<(), PrivacyError> {
        let mut batch = Batch::new();
        for (key, line) in self.admitted.borrow().values().flatten() {
            batch.put(RecordKind::Participation, key, line.clone());
        }
        self.store
            .write(batch, Durability::Synced)
            .map_err(|error| PrivacyError::Unreadable(error.to_string()))
    }
}
