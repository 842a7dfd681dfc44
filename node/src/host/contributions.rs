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
    /// it worked is seen without a verdict about the session.
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
struct Read {
    unit: UnitId,
    unread: bool,
    mined: Vec<LessonContribution>,
    proposed: Vec<LessonContribution>,
}

fn read(unit: &UnitId, session: &Session) -> Vec<Read> {
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
fn lessons_of(sessions: Vec<Read>) -> Vec<LessonContribution> {
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

/// Remedies that were tried in a session, and whether they worked the last time.
fn tried(session: &Session) -> BTreeMap<ItemId, bool> {
    let found = lore_lessons::findings(&session.calls(), &session.task);
    let worked = found.pitfalls.iter().map(|pitfall| (pitfall, true));
    let mut tries: Vec<_> = worked.chain(found.attempts.iter().map(|one| (one, false))).collect();
    tries.sort_by_key(|(pitfall, _)| pitfall.answered_at);
    let ids = |(pitfall, worked): (&lore_lessons::Pitfall, bool)| {
        let keys = lore_lessons::forms_of(pitfall).into_iter();
        keys.map(move |lesson| (ItemId::Lesson(lesson.id()), worked)).collect::<Vec<_>>()
    };
    tries.into_iter().flat_map(ids).collect()
}

/// Revisions whose text the session had before it, each once: the agent opened it, or was given it.
fn used(session: &Session) -> BTreeSet<ItemId> {
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
            let taught = taught(session, false).into_iter();
            items.extend(taught.map(|bundle| ItemId::Lesson(bundle.primary.id())));
            let worked = tried(session).into_iter().filter(|(_, worked)| *worked);
            items.extend(worked.map(|(item, _)| item));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]
    use lore_agent::extract::Reader;
    use lore_agent::model::{Model, ModelError, ModelFuture, Reply, Request, Retries};
    use lore_privacy::LocalSecret;
    use lore_protocol::ids::RevisionId;
    use lore_session::{
        Proposals, Role, SessionOutcome, SkillUse, Started, ToolCall, Turn, VERSION,
    };
    use serde_json::json;

    use super::*;

    fn session() -> Session {
        Session {
            version: VERSION,
            id: "one".into(),
            root: None,
            links: Vec::new(),
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
        }
    }

    fn skill(revision: Option<u8>) -> SkillUse {
        let revision = revision.map(|byte| RevisionId([byte; 32]));
        SkillUse { name: "one".into(), skill: None, revision, state: None }
    }

    #[test]
    fn a_skill_counts_once_for_a_session_that_was_given_it_or_opened_it() {
        let mut session = session();
        session.skills_read = vec![skill(Some(1)), skill(None)];
        session.skills_injected = vec![skill(Some(2)), skill(Some(1)), skill(None)];
        let expected = [1, 2].map(|byte| ItemId::Revision(RevisionId([byte; 32])));
        assert_eq!(used(&session), BTreeSet::from(expected));
    }

    #[test]
    fn a_remedy_is_tried_whatever_the_session_came_to_and_the_last_time_counts() {
        let call = |line: &str, flag: Option<&str>| ToolCall {
            id: None,
            tool: "bash".into(),
            arguments: json!({ "command": line }),
            result: Some(
                flag.map_or_else(String::new, |flag| format!("error: unknown option `{flag}'")),
            ),
            exit: Some(if flag.is_some() { 129 } else { 0 }),
            failed: flag.is_some(),
            refusal: None,
            duration_ms: None,
        };
        let of = |calls: Vec<ToolCall>| {
            let turn = Turn { role: Role::Assistant, text: String::new(), calls, tokens: None };
            let tried = tried(&Session { turns: vec![turn], ..session() });
            tried.into_values().collect::<Vec<_>>()
        };
        let failed = || call("git log --onelin", Some("onelin"));
        assert_eq!(of(vec![failed(), call("git log --oneline", None)]), [true, true]);
        let again = || call("git log --one --onelin", Some("onelin"));
        assert_eq!(of(vec![failed(), again()]), [false, false]);
        assert_eq!(of(vec![failed()]), Vec::<bool>::new());
    }

    #[test]
    fn a_session_that_makes_the_miner_panic_gives_nothing_and_ends_nothing() {
        let session = session();
        let given = |odd: bool| {
            alone(&session, None, || if odd { panic!("what the session holds") } else { vec![7] })
        };
        assert_eq!([given(false), given(true), given(false)], [vec![7], vec![], vec![7]]);
    }
    /// An endpoint whose answers are written down: it refuses what names the victim, with a status.
    struct Scripted(u16);

    const VICTIM: u64 = 4_020;

    impl Model for Scripted {
        fn name(&self) -> &str {
            "scripted"
        }

        fn complete<'a>(
            &'a self,
            request: &'a Request,
            _: &'a mut (dyn FnMut(lore_agent::model::Delta<'_>) + Send),
        ) -> ModelFuture<'a> {
            let asked: String = request.messages.iter().map(|message| message.text()).collect();
            let refused = asked.contains(&VICTIM.to_string());
            let message = || "not like this".to_owned();
            let text = json!([{ "kind": "avoid", "text": "git push" }]).to_string();
            let answer = match self.0 {
                403 if refused => Err(ModelError::Auth { message: message() }),
                status if refused => Err(ModelError::Refused { status, message: message() }),
                _ => Ok(Reply { text, ..Reply::default() }),
            };
            Box::pin(async move { answer })
        }
    }

    fn failed_and_mended(number: u64) -> Session {
        let call = |line: String, exit: i32, output: String| ToolCall {
            id: None,
            tool: "bash".into(),
            arguments: json!({ "command": line }),
            result: Some(output),
            exit: Some(exit),
            failed: exit != 0,
            refusal: None,
            duration_ms: None,
        };
        let calls = vec![
            call(
                "git push".into(),
                128,
                format!("fatal: The current branch b{number} has no upstream branch."),
            ),
            call(format!("git push -u origin b{number}"), 0, String::new()),
        ];
        let task = format!("Get invoice {number}");
        Session {
            version: VERSION,
            id: format!("s{number}"),
            root: None,
            links: Vec::new(),
            unit: None,
            harness: "test".into(),
            model: None,
            started: Started::at(number),
            task: task.clone(),
            turns: vec![Turn { role: Role::Assistant, text: task, calls, tokens: None }],
            outcome: SessionOutcome::unknown(),
            skills_read: Vec::new(),
            skills_injected: Vec::new(),
            proposals: None,
        }
    }

    fn unit(number: u64) -> UnitId {
        LocalSecret::from_bytes([1; 32]).user(&number.to_string())
    }

    /// A session with the unit it belongs to.
    type Owned = (UnitId, Session);

    /// The sessions of so many users after a model's pass over them.
    fn asked(model: &Scripted, users: impl Iterator<Item = u64>) -> Vec<Owned> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let one = |number: u64| {
            let mut session = failed_and_mended(number);
            let retries = Retries { most: 0, ..Retries::default() };
            let asked = extract::ask(model, Reader::Large, &session, retries);
            let answer = runtime.block_on(asked).unwrap();
            let lessons = answer.expose_to_owner().clone().unwrap_or_default();
            session.proposals = Some(Proposals { lessons });
            (unit(number), session)
        };
        users.map(one).collect()
    }

    /// Contributions of others than the victim: whose each is, and in short.
    fn of_others(owned: &[Owned]) -> Vec<(u64, String)> {
        let all = owned.iter().flat_map(|(unit, session)| read(unit, session)).collect();
        let all = lessons_of(all).into_iter();
        let others = all.filter(|one| one.unit != unit(VICTIM));
        let user = |of: UnitId| (4_000..4_041).find(|number| unit(*number) == of).unwrap();
        others.map(|one| (user(one.unit), one.primary.to_string())).collect()
    }

    #[test]
    fn a_session_that_the_model_refuses_is_its_own_loss_and_nobody_elses() {
        for status in [400, 403] {
            let owned = asked(&Scripted(status), 4_000..4_041);
            assert_eq!(owned.len(), 41);
            let without: Vec<Owned> =
                asked(&Scripted(status), (4_000..4_041).filter(|number| *number != VICTIM));
            let others = of_others(&owned);
            assert_eq!(others, of_others(&without), "{status}");
            // The key of the repair and the model's, of each.
            assert_eq!(others.len(), 80, "{status}");
        }
    }

    #[test]
    fn a_unit_with_an_unread_session_gives_what_the_miner_finds_and_changes_no_other() {
        let mut owned = asked(&Scripted(400), 4_000..4_003);
        let before = of_others(&owned);
        owned.push((unit(4_001), failed_and_mended(4_004)));
        let after = of_others(&owned);
        let of = |all: &[(u64, String)], number: u64| {
            all.iter().filter(|(one, _)| *one == number).count()
        };
        assert_eq!([of(&before, 4_001), of(&after, 4_001)], [2, 2], "two sessions, one key each");
        for other in [4_000, 4_002] {
            assert_eq!([of(&before, other), of(&after, other)], [2, 2]);
        }
    }

    #[test]
    fn an_endpoint_that_refuses_everything_ends_a_pass() {
        struct Closed;
        impl Model for Closed {
            fn name(&self) -> &str {
                "closed"
            }

            fn complete<'a>(
                &'a self,
                _: &'a Request,
                _: &'a mut (dyn FnMut(lore_agent::model::Delta<'_>) + Send),
            ) -> ModelFuture<'a> {
                Box::pin(async { Err(ModelError::Auth { message: "no such key".into() }) })
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let session = failed_and_mended(1);
        let asked = extract::ask(&Closed, Reader::Small, &session, Retries::default());
        assert!(matches!(runtime.block_on(asked), Err(ModelError::Auth { .. })));
    }
}
