//! Contributions of sessions to a release. Every session is looked at alone, with public data only; what
//! comes out is private, and only the privacy door reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{ScopedJoinHandle, available_parallelism};

use lore_agent::extract;
use lore_engine::{Ballot, Contributions, RecordKind, Source, Storage};
use lore_lessons::TrialEnd;
use lore_privacy::{
    CostContribution, LessonContribution, OutcomeContribution, PrivacyError, Private, UnitId,
    VoteContribution,
};
use lore_protocol::charter::{CostKind, Measure};
use lore_protocol::ids::LessonId;
use lore_protocol::lesson::{self, Bundle};
use lore_protocol::payload::{ItemId, Window};
use lore_protocol::steps::Steps;
use lore_protocol::trace::Outcome;
use lore_session::Session;

use super::conversation::Conversations;
use super::system::Probe;

/// The sessions of a node, as the engine reads them for a release.
pub(super) struct Sessions {
    store: Arc<dyn Storage>,
    probe: Option<Probe>,
}

impl Sessions {
    pub(super) const fn new(store: Arc<dyn Storage>, probe: Option<Probe>) -> Self {
        Self { store, probe }
    }

    /// Contributions of the window's sessions that feed this release, in the order in which they are stored.
    /// Sessions are looked through on a few threads, each alone; so few at a time are in memory that what a node
    /// holds of them does not depend on how many there are.
    fn each<T: Send>(
        &self,
        source: &Source<'_>,
        give: impl Fn(&UnitId, &Session) -> Vec<T> + Sync,
    ) -> Result<Private<Vec<T>>, PrivacyError> {
        let threads = available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        let (wanted, taken) = sync_channel::<(usize, UnitId, Session)>(threads);
        let taken = Arc::new(Mutex::new(taken));
        let look = |taken: Arc<Mutex<Receiver<(usize, UnitId, Session)>>>| {
            let mut found = Vec::new();
            // The guard is gone before the session is looked through.
            while let Ok((place, unit, session)) = {
                let taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
                taken.recv()
            } {
                crate::crash::keep_hook();
                let given = alone(&session, self.probe.as_ref(), || give(&unit, &session));
                found.push((place, Private::new(given)));
            }
            found
        };
        let look = &look;
        let mut given = std::thread::scope(|scope| {
            let start = |_| {
                let taken = Arc::clone(&taken);
                scope.spawn(move || look(taken))
            };
            let workers: Vec<_> = (0..threads).map(start).collect();
            // The threads alone hold it, so that nothing waits for room when they have ended.
            drop(taken);
            let handed_out = self.hand_out(source, wanted);
            // All are waited for, also when one has ended early.
            let ended: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
            handed_out?;
            let mut given = Vec::new();
            for found in ended {
                // What a session makes panic is caught; this is a fault of the program.
                given.extend(found.map_err(|_| unreadable("a thread has ended"))?);
            }
            Ok::<_, PrivacyError>(given)
        })?;
        given.sort_by_key(|(place, _)| *place);
        let given: Vec<Private<Vec<T>>> = given.into_iter().map(|(_, given)| given).collect();
        let given: Private<Vec<Vec<T>>> = given.into();
        Ok(given.map(|all| all.into_iter().flatten().collect()))
    }

    /// Reads one session after the other and hands out those that feed this release.
    fn hand_out(
        &self,
        source: &Source<'_>,
        wanted: SyncSender<(usize, UnitId, Session)>,
    ) -> Result<(), PrivacyError> {
        let Window { start_seconds, end_seconds } = source.window();
        for (place, pair) in self.store.scan(RecordKind::Session, b"").enumerate() {
            let (_, bytes) = pair.map_err(|error| unreadable(&error))?;
            // A record that is damaged belongs to nobody who could be named, and feeds nothing.
            let Ok(session) = serde_json::from_slice::<Session>(&bytes) else { continue };
            drop(bytes);
            if let Some(probe) = &self.probe {
                crate::crash::keep_hook();
                probe(false, &session.task);
            }
            let user = session.unit.as_deref();
            let conversations = Conversations::of(&*self.store, user.unwrap_or_default());
            let root = conversations.root(session.conversation());
            let root = root.map_err(|error| unreadable(&error))?;
            let Some(unit) = source.unit_of(user, &root) else { continue };
            let within = (start_seconds..end_seconds).contains(&session.started.unix_seconds);
            if within && source.admits(&unit)? {
                wanted
                    .send((place, unit, session))
                    .map_err(|_| unreadable("every thread has ended"))?;
            }
        }
        Ok(())
    }
}

/// Most threads that look through sessions.
const MOST_THREADS: usize = 4;

/// Most sessions of a release that are in memory at once: one on every thread, as many handed out, and the next.
#[cfg(test)]
pub(super) const MOST_IN_MEMORY: usize = 2 * MOST_THREADS + 1;

fn unreadable(error: impl std::fmt::Display) -> PrivacyError {
    PrivacyError::Unreadable(error.to_string())
}

impl Contributions for Sessions {
    /// Lessons of each session: a function of that session and of what was proposed for it alone, which
    /// counts when every session of its unit in the window was read.
    fn lessons(
        &self,
        source: &Source<'_>,
    ) -> Result<Private<Vec<LessonContribution>>, PrivacyError> {
        Ok(self.each(source, read)?.map(lessons_of))
    }

    /// Outcome of each session with the skills that it used, and of each remedy that was tried in it: whether
    /// it worked is seen without a verdict about the session. A remedy that the session had been given counts once
    /// more as such.
    fn outcomes(
        &self,
        source: &Source<'_>,
    ) -> Result<Private<Vec<OutcomeContribution>>, PrivacyError> {
        self.each(source, |unit, session| {
            let mut items: BTreeMap<ItemId, bool> = tried(session);
            let verdict = match session.outcome.verdict {
                Outcome::Success => Some(true),
                Outcome::Failure => Some(false),
                Outcome::Unknown => None,
            };
            if let Some(success) = verdict {
                items.extend(used(session).into_iter().map(|item| (item, success)));
            }
            let one = |(item, success)| OutcomeContribution {
                unit: *unit,
                item,
                context: 0,
                success,
                start_seconds: session.started.unix_seconds,
            };
            items.into_iter().map(one).collect()
        })
    }

    /// Cost of each session with the skills that it used, in the charter's units.
    fn costs(
        &self,
        source: &Source<'_>,
        kinds: &[CostKind],
    ) -> Result<Private<Vec<CostContribution>>, PrivacyError> {
        self.each(source, |unit, session| {
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
            used(session).into_iter().map(one).collect()
        })
    }

    /// Candidates that each session speaks for.
    fn votes(
        &self,
        source: &Source<'_>,
        ballot: &Ballot,
    ) -> Result<Private<Vec<VoteContribution>>, PrivacyError> {
        let candidates = Candidates::of(ballot);
        self.each(source, |unit, session| {
            vec![VoteContribution {
                unit: *unit,
                start_seconds: session.started.unix_seconds,
                supports: candidates.supported(session),
            }]
        })
    }
}

/// One session as it was read: its unit, and what it teaches with and without a model's proposals for it.
pub(super) struct Read {
    unit: UnitId,
    unread: bool,
    mined: Vec<LessonContribution>,
    proposed: Vec<LessonContribution>,
}

pub(super) fn read(unit: &UnitId, session: &Session) -> Vec<Read> {
    let of = |bundles: Vec<Bundle>| {
        let one = |bundle: Bundle| LessonContribution {
            unit: *unit,
            start_seconds: session.started.unix_seconds,
            primary: bundle.primary,
            topics: bundle.topics,
        };
        bundles.into_iter().map(one).collect()
    };
    let unread = extract::is_unread(session);
    let mined: Vec<LessonContribution> = of(taught(session, false));
    let proposed =
        if session.proposals.is_some() { of(taught(session, true)) } else { mined.clone() };
    vec![Read { unit: *unit, unread, mined, proposed }]
}

/// Lessons of each session. A unit's proposals count when all its sessions were read; another unit's
/// sessions have no part in that.
pub(super) fn lessons_of(sessions: Vec<Read>) -> Vec<LessonContribution> {
    let unread = sessions.iter().filter(|session| session.unread);
    let incomplete: BTreeSet<UnitId> = unread.map(|session| session.unit).collect();
    let given = sessions.into_iter().flat_map(|session| {
        if incomplete.contains(&session.unit) { session.mined } else { session.proposed }
    });
    given.collect()
}

/// The bundles of one session, which compete with those of its user's others.
pub(super) fn taught(session: &Session, proposals_count: bool) -> Vec<Bundle> {
    // Within the release and on the owner's screen; what they are counted into is private again.
    extract::of(session, proposals_count).expose_to_owner().bundles.clone()
}

/// Contribution of one session; nothing when it makes the code that reads it panic. Were that to end the
/// release, its void would tell everybody that such a session is here. Others' parts stay what they are.
pub(super) fn alone<T>(
    session: &Session,
    probe: Option<&Probe>,
    give: impl FnOnce() -> Vec<T>,
) -> Vec<T> {
    // What is given is made from borrowed data, so that nothing half done is seen afterwards.
    let given = catch_unwind(AssertUnwindSafe(|| {
        if let Some(probe) = probe {
            probe(true, &session.task);
        }
        give()
    }));
    given.unwrap_or_else(|_| {
        // Without a name, a number or the message: all are private, and the log is no private place.
        tracing::warn!("a session cannot be looked through and counts as empty");
        Vec::new()
    })
}

/// Remedies that were tried in a session, and whether they worked the last time; and of those that it had been given,
/// whether they helped or hurt. What was ignored is no outcome.
pub(super) fn tried(session: &Session) -> BTreeMap<ItemId, bool> {
    let found = lore_lessons::findings(&session.calls(), &session.task);
    let tried = found.tried().into_iter();
    let tried = tried.map(|(lesson, worked)| (ItemId::Lesson(lesson.id()), worked));
    let trials = found.trials(&session.given_lessons()).into_iter();
    let trials = trials.filter_map(|(lesson, end)| match end {
        TrialEnd::Helped => Some((ItemId::Given(lesson), true)),
        TrialEnd::Hurt => Some((ItemId::Given(lesson), false)),
        TrialEnd::Ignored => None,
    });
    tried.chain(trials).collect()
}

/// Revisions whose text the session had before it, each once: the agent opened it, or was given it.
pub(super) fn used(session: &Session) -> BTreeSet<ItemId> {
    let skills = session.skills_read.iter().chain(&session.skills_injected);
    skills.filter_map(|skill| skill.revision).map(ItemId::Revision).collect()
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
struct Candidates<'a> {
    ballot: &'a Ballot,
    by_template: BTreeMap<String, Vec<LessonId>>,
}

impl<'a> Candidates<'a> {
    fn of(ballot: &'a Ballot) -> Self {
        let mut by_template: BTreeMap<String, Vec<LessonId>> = BTreeMap::new();
        for (id, lesson) in &ballot.lessons {
            if let Some(template) = lesson.example() {
                by_template.entry(template.as_str().to_owned()).or_default().push(*id);
            }
        }
        Self { ballot, by_template }
    }

    /// Items that a session speaks for: lessons that it would teach itself, and remedies that worked in it, with
    /// the message that failed or without; and when it succeeded, revisions that it used and lessons whose command line worked in it. What the public ballot has nothing of is not looked
    /// for.
    fn supported(&self, session: &Session) -> BTreeSet<ItemId> {
        let mut items: BTreeSet<ItemId> = BTreeSet::new();
        if !self.ballot.lessons.is_empty() {
            let found = extract::of(session, false);
            let found = found.expose_to_owner();
            let taught = found.bundles.iter().map(|bundle| &bundle.primary);
            let worked = found.tried.iter().filter(|(_, worked)| **worked);
            let lessons = taught.chain(worked.map(|(lesson, _)| lesson));
            items.extend(lessons.map(|lesson| ItemId::Lesson(lesson.id())));
        }
        if session.outcome.verdict == Outcome::Success {
            let budget = Steps::of_a_session();
            let worked = self.worked(session, &budget);
            if budget.spent() {
                return BTreeSet::new();
            }
            items.extend(worked.into_iter().map(ItemId::Lesson));
            items.extend(used(session));
        }
        items.retain(|item| self.ballot.items.contains(item));
        items
    }

    fn worked(&self, session: &Session, budget: &Steps) -> Vec<LessonId> {
        if self.by_template.is_empty() {
            return Vec::new();
        }
        let trace = &session.trace();
        let worked = lesson::worked_within(trace, budget);
        let known = worked.iter().filter_map(|template| self.by_template.get(template.as_str()));
        known.flatten().copied().collect()
    }
}
