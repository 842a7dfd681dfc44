//! What sessions give to a release. Every session is looked at alone, with public data only; what comes
//! out is private, and only the privacy door reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use lore_agent::extract;
use lore_privacy::release::{Fed, Participation};
use lore_privacy::{
    CostContribution, LessonContribution, LocalSecret, OutcomeContribution, PrivacyError, Private,
    UnitId, VoteContribution,
};
use lore_protocol::charter::{CostKind, Measure};
use lore_protocol::codec;
use lore_protocol::ids::LessonId;
use lore_protocol::lesson::{self, Bundle};
use lore_protocol::library::Library;
use lore_protocol::payload::{ItemId, Unit, Window};
use lore_protocol::trace::{Outcome, Trace};
use lore_session::Session;

use crate::store::{Batch, Durability, Store, StoreError, Table};

/// What a unit has fed, as it is kept: its key and its text.
type Line = (Vec<u8>, Vec<u8>);

/// Reads the sessions that feed one release. It is used while the release is sampled, so that an error
/// here voids the release.
pub(super) struct Reader {
    pub(super) store: Store,
    pub(super) secret: LocalSecret,
    /// Whose removal or replacement the release protects.
    pub(super) unit: Unit,
    pub(super) participation: Participation,
    /// Sessions that started outside of it are left where they are.
    pub(super) window: Window,
}

/// Before a unit's line in the node's books, in the settings.
const FED: &[u8] = b"fed/";

/// A session with the unit it belongs to.
type Owned = (UnitId, Session);

impl Reader {
    fn sessions(&self) -> Result<Private<Vec<Owned>>, PrivacyError> {
        let unreadable =
            |error: &dyn std::fmt::Display| PrivacyError::Unreadable(error.to_string());
        let Window { start_seconds, end_seconds } = self.window;
        let mut sessions = Vec::new();
        let (mut admitted, mut lines) = (BTreeMap::new(), Vec::new());
        for pair in self.store.scan(Table::Sessions, b"") {
            let (_, bytes) = pair.map_err(|error| unreadable(&error))?;
            // A record that is damaged belongs to nobody who could be named, and feeds nothing.
            let Ok(session) = serde_json::from_slice::<Session>(&bytes) else { continue };
            super::fault::crash_over(&session.task);
            let unit = match self.unit {
                Unit::User => session.unit.as_deref().map(|unit| self.secret.user(unit)),
                // With its user: two users may have sessions of one id.
                Unit::Session => {
                    let user = session.unit.as_deref().unwrap_or_default();
                    Some(self.secret.session(&format!("{user}/{}", session.id)))
                }
                Unit::Personal => Some(self.secret.person()),
            };
            let Some(unit) = unit else { continue };
            if !(start_seconds..end_seconds).contains(&session.started.unix_seconds) {
                continue;
            }
            let feeds = match admitted.get(&unit) {
                Some(known) => *known,
                None => {
                    let line = self.admit(&unit).map_err(|error| unreadable(&error))?;
                    let feeds = line.is_some();
                    lines.extend(line);
                    admitted.insert(unit, feeds);
                    feeds
                }
            };
            if feeds {
                sessions.push(Private::new((unit, session)));
            }
        }
        let mut batch = Batch::new();
        for (key, line) in lines {
            batch.put(Table::Settings, key, line);
        }
        self.store.write(batch, Durability::Synced).map_err(|error| unreadable(&error))?;
        Ok(sessions.into())
    }

    /// Whether a unit feeds this release: by its draw, and by its own line of what it fed before. Gives
    /// the line as it is from now on.
    fn admit(&self, unit: &UnitId) -> Result<Option<Line>, StoreError> {
        if !self.participation.includes(&self.secret, unit) {
            return Ok(None);
        }
        let key = [FED, self.participation.unit_key(&self.secret, unit).as_bytes()].concat();
        // A line that cannot be read is one that was lost: what binds is the node's ledger.
        let known = self.store.get(Table::Settings, &key)?;
        let mut fed: Fed = known.and_then(|line| codec::decode(&line).ok()).unwrap_or_default();
        if !fed.note(&self.participation) {
            tracing::error!("a fault of the program: a unit would feed more releases than it may");
            return Ok(None);
        }
        Ok(Some((key, codec::encode(&fed))))
    }

    fn each<T>(
        &self,
        give: impl Fn(&UnitId, &Session) -> Vec<T>,
    ) -> Result<Private<Vec<T>>, PrivacyError> {
        let alone = |(unit, one): &Owned| alone(one, || give(unit, one));
        Ok(self.sessions()?.map(|owned| owned.iter().flat_map(alone).collect()))
    }

    /// What each session teaches: a function of that session and of what was proposed for it alone.
    pub(super) fn lessons(&self) -> Result<Private<Vec<LessonContribution>>, PrivacyError> {
        let passes =
            passes(&self.store).map_err(|error| PrivacyError::Unreadable(error.to_string()))?;
        self.each(|unit, session| {
            let one = |bundle: Bundle| LessonContribution {
                unit: *unit,
                start_seconds: session.started.unix_seconds,
                primary: bundle.primary,
                topics: bundle.topics,
            };
            taught(session, passes).into_iter().map(one).collect()
        })
    }

    /// How each session ended with the skills that it used.
    pub(super) fn outcomes(&self) -> Result<Private<Vec<OutcomeContribution>>, PrivacyError> {
        self.each(|unit, session| {
            let success = match session.outcome.verdict {
                Outcome::Success => true,
                Outcome::Failure => false,
                Outcome::Unknown => return Vec::new(),
            };
            let one = |item| OutcomeContribution {
                unit: *unit,
                item,
                context: 0,
                success,
                start_seconds: session.started.unix_seconds,
            };
            used(session).map(one).collect()
        })
    }

    /// What each session cost with the skills that it used, in the charter's units.
    pub(super) fn costs(
        &self,
        kinds: &[CostKind],
    ) -> Result<Private<Vec<CostContribution>>, PrivacyError> {
        self.each(|unit, session| {
            let amounts: Vec<u64> = kinds
                .iter()
                .map(|kind| measure(session, kind.measure) / u64::from(kind.per.max(1)))
                .collect();
            let one = |item| CostContribution {
                unit: *unit,
                item,
                context: 0,
                amounts: amounts.clone(),
                start_seconds: session.started.unix_seconds,
            };
            used(session).map(one).collect()
        })
    }

    /// Which candidates each session speaks for.
    pub(super) fn votes(
        &self,
        candidates: &Candidates,
    ) -> Result<Private<Vec<VoteContribution>>, PrivacyError> {
        self.each(|unit, session| {
            vec![VoteContribution {
                unit: *unit,
                start_seconds: session.started.unix_seconds,
                supports: candidates.supported(session),
            }]
        })
    }
}

/// Complete passes of a model over the sessions.
const PASSES: &[u8] = b"extract/passes";

/// How many passes of a model over the sessions are complete.
pub(super) fn passes(store: &Store) -> Result<u64, StoreError> {
    let kept = store.get(Table::Settings, PASSES)?;
    Ok(kept.and_then(|bytes| codec::decode(&bytes).ok()).unwrap_or(0))
}

/// Notes that so many passes are complete.
pub(super) fn note_passes(store: &Store, passes: u64) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.put(Table::Settings, PASSES, codec::encode(&passes));
    store.write(batch, Durability::Synced)
}

/// The bundles of one session, which compete with those of its user's others.
pub(super) fn taught(session: &Session, passes: u64) -> Vec<Bundle> {
    // Within the release and on the owner's screen; what they are counted into is private again.
    extract::of(session, passes).expose_to_owner().bundles.clone()
}

/// What one session gives; nothing when it makes the code that reads it panic. Were that to end the
/// release, its void would tell everybody that such a session is here. Others' parts stay what they are.
pub(super) fn alone<T>(session: &Session, give: impl FnOnce() -> Vec<T>) -> Vec<T> {
    // What is given is made anew from borrowed data, so that nothing half done is seen afterwards.
    let given = catch_unwind(AssertUnwindSafe(|| {
        super::fault::odd(&session.task);
        give()
    }));
    given.unwrap_or_else(|_| {
        // Without a name, a number or the message: all are private, and the log is no private place.
        tracing::warn!("a session cannot be looked through and counts as empty");
        Vec::new()
    })
}

/// Revisions whose text the session opened.
fn used(session: &Session) -> impl Iterator<Item = ItemId> {
    session.skills_read.iter().filter_map(|skill| skill.revision).map(ItemId::Revision)
}

fn measure(session: &Session, measure: Measure) -> u64 {
    let calls = || session.turns.iter().flat_map(|turn| &turn.calls);
    match measure {
        Measure::Tokens => {
            session.turns.iter().filter_map(|turn| turn.tokens).fold(0, |sum, tokens| {
                sum.saturating_add(tokens.input).saturating_add(tokens.output)
            })
        }
        Measure::Seconds => {
            calls().filter_map(|call| call.duration_ms).fold(0_u64, u64::saturating_add) / 1000
        }
        Measure::Calls => calls().count() as u64,
    }
}

/// A public ballot, with the command lines of its lessons.
pub(super) struct Candidates {
    ballot: BTreeSet<ItemId>,
    by_template: BTreeMap<String, Vec<LessonId>>,
}

impl Candidates {
    /// The ballot of a library.
    pub(super) fn of(library: &Library) -> Self {
        let ballot: BTreeSet<ItemId> = library.ballot().into_iter().collect();
        let mut by_template: BTreeMap<String, Vec<LessonId>> = BTreeMap::new();
        for item in &ballot {
            let ItemId::Lesson(id) = item else { continue };
            let example = library.lessons.get(id).and_then(|item| item.lesson.example());
            if let Some(template) = example {
                by_template.entry(template.as_str().to_owned()).or_default().push(*id);
            }
        }
        Self { ballot, by_template }
    }

    /// What is voted on.
    pub(super) const fn ballot(&self) -> &BTreeSet<ItemId> {
        &self.ballot
    }

    /// What a session speaks for, when it succeeded: revisions that it read, lessons that it would teach
    /// itself, and lessons whose command line worked in it.
    fn supported(&self, session: &Session) -> BTreeSet<ItemId> {
        if session.outcome.verdict != Outcome::Success {
            return BTreeSet::new();
        }
        let trace = session.trace();
        let taught = lesson::candidates(&trace).into_iter().map(|lesson| lesson.id());
        let lessons = taught.chain(self.worked(&trace)).map(ItemId::Lesson);
        used(session).chain(lessons).filter(|item| self.ballot.contains(item)).collect()
    }

    fn worked(&self, trace: &Trace) -> Vec<LessonId> {
        let values = lesson::values(&trace.task);
        let mut found = Vec::new();
        for call in trace.calls.iter().filter(|call| !call.failed) {
            // A shell's input is a command line; another tool's name stands before its arguments.
            for line in [call.input.clone(), format!("{} {}", call.tool.to_lowercase(), call.input)]
            {
                let Ok(template) = lesson::templatise_with(&line, &values) else { continue };
                found.extend(self.by_template.get(template.as_str()).into_iter().flatten());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use lore_session::{SessionOutcome, Started, VERSION};

    use super::*;

    #[test]
    fn a_session_that_makes_the_miner_panic_gives_nothing_and_ends_nothing() {
        let session = Session {
            version: VERSION,
            id: "one".into(),
            unit: None,
            harness: "test".into(),
            model: None,
            started: Started::at(0),
            task: String::new(),
            turns: Vec::new(),
            outcome: SessionOutcome::unknown(),
            skills_read: Vec::new(),
            skills_injected: Vec::new(),
            proposals: None,
        };
        let given = |odd: bool| {
            alone(&session, || if odd { panic!("what the session holds") } else { vec![7] })
        };
        assert_eq!([given(false), given(true), given(false)], [vec![7], vec![], vec![7]]);
    }
}
