//! Known lessons of the three circles, for their owner's screen and for a failing call.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use lore_control as control;
use lore_lessons::{Book, Call, Circle, Digest, Entry, Hint, TrialEnd, is_shell, released};
use lore_protocol::ids::{FederationId, LessonId};
use lore_protocol::lesson::Lesson;
use lore_protocol::library::LessonState;
use lore_protocol::payload::Unit;
use lore_session::Started;

use super::Node;
use super::convert::{self, count};
use crate::error::CliError;
use crate::reports::Reports;

/// Least digits of a lesson's id that name it.
const MIN_DIGITS: usize = 4;

/// Everything that one user may be told.
struct Known {
    digests: Vec<(String, Digest)>,
    book: Book,
    federations: Federations,
}

/// The federation that a lesson of a circle is from.
type Federations = BTreeMap<(Circle, LessonId), FederationId>;

impl Node {
    /// Own lessons of a user, also from other devices, and the public ones of every federation.
    fn known(&self, user: &str) -> Result<Known, CliError> {
        let digests = self.digests(user)?;
        let (book, federations) = self.book_of(&digests, Some(user));
        Ok(Known { digests, book, federations })
    }

    /// As [`Node::known`], without what other devices gave: what this node may suggest to publish is its own.
    fn known_here(&self, user: &str) -> Result<Known, CliError> {
        let digests = self.digests(user)?;
        let (book, federations) = self.book_of(&digests, None);
        Ok(Known { digests, book, federations })
    }

    /// A user's own lessons and the public ones on the shelf, with the federation of each; with a user also what that
    /// user's other devices gave.
    fn book_of(&self, digests: &[(String, Digest)], user: Option<&str>) -> (Book, Federations) {
        let mut book = Book::new();
        for (_, digest) in digests {
            book.add_session(digest);
        }
        if let Some(user) = user {
            self.add_devices(user, &mut book);
        }
        let shelf = self.shelf();
        let mut federations = BTreeMap::new();
        let mut states = Vec::new();
        for (id, found) in self.engine.federations() {
            let me = found.member(&self.engine.public_key());
            let Some(library) = shelf.library(*id) else { continue };
            for (lesson, item) in &library.lessons {
                states.push((*lesson, library.lesson_state(*lesson)));
                for entry in released(library, found.log().charter(), me, *lesson, item) {
                    federations.insert((entry.circle, *lesson), *id);
                    book.add(entry);
                }
            }
        }
        book.add_codebook();
        states.into_iter().for_each(|(lesson, state)| book.mark(lesson, state));
        (book, federations)
    }

    /// Everything that a user may be told about a failing call. Where the budget protects single sessions, nothing of
    /// the user's other ones, here or on another device: a session must not be shown what another unit taught.
    pub(crate) fn book(&self, user: &str) -> Result<Book, CliError> {
        let unit = self.engine.ledger().budget().map(|budget| budget.unit);
        if unit == Some(Unit::Session) {
            return Ok(self.public_book());
        }
        Ok(self.book_of(&self.digests(user)?, Some(user)).0)
    }

    /// Everything that all users of this node may be told.
    pub(super) fn public_book(&self) -> Book {
        self.book_of(&[], None).0
    }

    /// Known lessons: those of each circle, the most often seen first.
    pub(super) fn lesson_list(
        &self,
        ask: &control::LessonList,
    ) -> Result<control::KnownLessons, CliError> {
        let known = self.known(&ask.user)?;
        let wanted = |entry: &&Entry| {
            // The codebook is long and the same everywhere: it is listed when it is asked for.
            let listed = match ask.circle {
                Some(circle) => circle == shown(entry.circle),
                None => entry.circle != Circle::Codebook,
            };
            listed
                && (!ask.drifting || matches!(entry.state, LessonState::Drifting { .. }))
                && entry.lesson.trigger().tool.as_str().starts_with(&ask.program)
                && (entry.tally.worked > 0 || !entry.state.is_steady())
        };
        let mut entries: Vec<&Entry> = known.book.entries().iter().filter(wanted).collect();
        entries.sort_by_key(|entry| {
            (entry.circle, Reverse((entry.tally.groups, entry.tally.worked)), &entry.lesson)
        });
        let mut totals: BTreeMap<control::Circle, u64> = BTreeMap::new();
        for entry in &entries {
            *totals.entry(shown(entry.circle)).or_default() += 1;
        }
        let failures = known.digests.iter().map(|(_, digest)| u64::from(digest.failures)).sum();
        let totals =
            totals.into_iter().map(|(circle, lessons)| control::CircleTotal { circle, lessons });
        Ok(control::KnownLessons {
            failures,
            totals: totals.collect(),
            lessons: entries.iter().take(ask.limit).map(|entry| known.show(entry)).collect(),
        })
    }

    /// Where a lesson is known from.
    pub(super) fn lesson_why(
        &self,
        ask: &control::LessonWhy,
    ) -> Result<control::ExplainedLesson, CliError> {
        let known = self.known(&ask.user)?;
        let id = known.named(&ask.id)?;
        let entries = known.book.entries().iter().filter(|entry| entry.lesson.id() == id);
        let shown = entries.map(|entry| known.show(entry)).collect();
        let named = known.book.entries().iter().find(|entry| entry.lesson.id() == id);
        let rivals = named.map(|entry| known.book.rivals(&entry.lesson)).unwrap_or_default();
        let rivals = rivals.into_iter().map(|entry| known.show(entry)).collect();
        let mut sessions: Vec<(u64, control::Witness)> = Vec::new();
        for (session, digest) in &known.digests {
            let seen = digest.seen.iter().filter(|one| one.lesson.id() == id);
            let seen: Vec<_> = seen.collect();
            let practice = digest.practices.iter().filter(|lesson| lesson.id() == id).count();
            if seen.is_empty() && practice == 0 {
                continue;
            }
            let times =
                |worked: bool| count(seen.iter().filter(|one| one.worked == worked).count());
            let example = seen.iter().map(|one| &one.example).find(|text| !text.is_empty());
            let witness = control::Witness {
                session: session.clone(),
                started: Started::at(digest.started_seconds).text,
                worked: times(true) + count(practice),
                failed: times(false),
                example: example.cloned(),
            };
            sessions.push((digest.started_seconds, witness));
        }
        sessions.sort_by_key(|(started, one)| (Reverse(*started), one.session.clone()));
        let sessions = sessions.into_iter().map(|(_, witness)| witness).collect();
        let (helped, not_helped) = Reports::of(&self.home).about(&ask.user, id);
        let reports = control::Reported { helped, not_helped };
        let trials = trials_of(&known.digests, id);
        let effect = self.effect_of(id);
        let devices = self.devices_that_know(&ask.user, id);
        Ok(control::ExplainedLesson {
            known: shown,
            rivals,
            sessions,
            devices,
            reports,
            trials,
            effect,
        })
    }

    /// What being given a lesson changed, in the released evidence of the first federation that counts it.
    fn effect_of(&self, id: LessonId) -> Option<control::Effect> {
        self.engine.federations().values().find_map(|found| {
            let effect = found.library().effect(found.log().charter(), id, 0);
            let shown = |estimate: Option<lore_protocol::library::Estimate>| {
                estimate.as_ref().map(convert::evidence)
            };
            let effect =
                control::Effect { given: shown(effect.given), without: shown(effect.without) };
            (effect.given.is_some() || effect.without.is_some()).then_some(effect)
        })
    }

    /// Own lessons that may help others, as they would be published.
    pub(super) fn lesson_suggest(
        &self,
        ask: &control::LessonSuggest,
    ) -> Result<control::Suggestions, CliError> {
        let known = self.known_here(&ask.user)?;
        let lists = self.deny_lists()?;
        let offered = known.suggested().into_iter().take(ask.limit).map(|entry| {
            let id = entry.lesson.id();
            let denied = lists.iter().find_map(|list| list.matching(&entry.lesson, &[]));
            let of_others = |circle| known.federations.contains_key(&(circle, id));
            control::Suggestion {
                id: control::LessonId::of(id),
                text: entry.lesson.to_string(),
                masked: some(&entry.example),
                sessions: u64::from(entry.tally.groups),
                worked: u64::from(entry.tally.worked),
                failed: u64::from(entry.tally.failed),
                known: of_others(Circle::Node) || of_others(Circle::Federation),
                denied_by: denied.map(|pattern| pattern.as_str().to_owned()),
            }
        });
        Ok(control::Suggestions { lessons: offered.collect() })
    }

    /// The own lesson of a user that an id from `lesson.suggest` names.
    ///
    /// # Errors
    /// Fails when there is none, or more than one.
    pub fn own_lesson(&self, user: &str, id: &str) -> Result<Lesson, CliError> {
        let known = self.known_here(user)?;
        let named = known.named(id)?;
        let found = known.suggested().into_iter().find(|entry| entry.lesson.id() == named);
        found.map(|entry| entry.lesson.clone()).ok_or_else(|| {
            CliError::usage(format!("`{id}` is no lesson of `{user}` that could help others"))
                .help("`lore lesson suggest` lists those that could")
        })
    }

    /// The one hint for a call; before it runs when there is no output yet.
    pub(super) fn lesson_hint(
        &self,
        ask: &control::LessonHint,
    ) -> Result<control::Hinted, CliError> {
        let book = self.book(&ask.user)?;
        let hint = match (call_of(ask), &ask.command) {
            (Some(call), _) => book.hint_or_advice(&call, &ask.task),
            (None, Some(command)) => book.advice(command),
            (None, None) => None,
        };
        let shown = |hint: Hint<'_>| control::HintShown {
            id: control::LessonId::of(hint.entry.lesson.id()),
            circle: shown(hint.entry.circle),
            exact: hint.exact,
            advice: !hint.failed,
            text: hint.to_string(),
        };
        Ok(control::Hinted { hint: hint.map(shown) })
    }
}

/// The call that a request is about; none before it was made.
pub(crate) fn call_of(ask: &control::LessonHint) -> Option<Call> {
    let tool = if ask.command.is_some() && !is_shell(&ask.tool) { "bash" } else { &ask.tool };
    Some(Call {
        tool: tool.to_owned(),
        command: ask.command.clone(),
        exit: ask.exit,
        failed: ask.exit.is_none_or(|exit| exit != 0),
        output: Some(ask.output.clone()?),
        ..Call::default()
    })
}

impl Known {
    fn show(&self, entry: &Entry) -> control::KnownLesson {
        let id = entry.lesson.id();
        let tally = entry.tally;
        control::KnownLesson {
            id: control::LessonId::of(id),
            circle: shown(entry.circle),
            federation: self.federations.get(&(entry.circle, id)).map(control::FederationId::of),
            lesson: convert::lesson(&entry.lesson),
            text: entry.lesson.to_string(),
            worked: u64::from(tally.worked),
            failed: u64::from(tally.failed),
            supporters: u64::from(tally.groups),
            last: (tally.last_seconds > 0).then(|| Started::at(tally.last_seconds).text),
            example: some(&entry.example),
            state: convert::lesson_state(entry.state),
        }
    }

    /// The lesson that an id or its beginning names.
    fn named(&self, digits: &str) -> Result<LessonId, CliError> {
        let ids: BTreeSet<LessonId> = self
            .book
            .entries()
            .iter()
            .map(|entry| entry.lesson.id())
            .filter(|id| digits.len() >= MIN_DIGITS && id.to_string().starts_with(digits))
            .collect();
        let mut ids = ids.into_iter();
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => Err(CliError::usage(format!("no known lesson has the id `{digits}`"))
                .help("`lore lesson list` shows the ids; at least four digits are needed")),
            (Some(_), Some(_)) => {
                Err(CliError::usage(format!("more than one lesson begins with `{digits}`"))
                    .help("give more of its digits"))
            }
        }
    }

    /// Own lessons about public programs that worked more often than not, the most repeated first.
    fn suggested(&self) -> Vec<&Entry> {
        let helps = |entry: &&Entry| {
            let tally = entry.tally;
            let helps = tally.worked > tally.failed && entry.stands();
            entry.circle == Circle::Own && entry.public && helps
        };
        let mut found: Vec<&Entry> = self.book.entries().iter().filter(helps).collect();
        found.sort_by_key(|entry| {
            (Reverse((entry.tally.groups, entry.tally.worked)), &entry.lesson)
        });
        found
    }
}

/// Trials of a lesson in a user's own sessions.
fn trials_of(digests: &[(String, Digest)], id: LessonId) -> control::OwnTrials {
    let ends = digests.iter().flat_map(|(_, digest)| &digest.trials);
    let mut trials = control::OwnTrials::default();
    for (_, end) in ends.filter(|(lesson, _)| *lesson == id) {
        match end {
            TrialEnd::Helped => trials.helped += 1,
            TrialEnd::Hurt => trials.hurt += 1,
            TrialEnd::Ignored => trials.ignored += 1,
        }
    }
    trials
}

const fn shown(circle: Circle) -> control::Circle {
    match circle {
        Circle::Own => control::Circle::Own,
        Circle::Devices => control::Circle::Devices,
        Circle::Node => control::Circle::Node,
        Circle::Federation => control::Circle::Federation,
        Circle::Codebook => control::Circle::Codebook,
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
