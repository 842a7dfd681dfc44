//! Pitfalls of real tools: users of every node meet them, and a node that joins late asks about its own.
//!
//! Their sessions are files as agents write them, and come in as those of everybody do. The driver knows what then
//! worked in the recorded scenario; the nodes know what they read and what was released.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use lore_control::{Circle, HintShown, LessonHint, LessonId, LessonList, SessionImport};
use lore_lab::recorded::{Person, session_file};
use lore_lab::transfer::Scenario;
use lore_lessons::{findings, forms_of};
use lore_session::Session;
use serde::Serialize;

use super::nodes::Node;
use crate::error::CliError;

/// Most lessons of a library that are looked at.
const MOST_LISTED: usize = 10_000;

fn failed(error: &dyn std::fmt::Display) -> CliError {
    CliError::failed("demo", error)
}

/// People of a node: the first ones are named by secrets, which no seed gives, so that a secret is a home, a branch
/// and a token.
pub(super) fn people(seed: u64, count: usize, canaries: &[String]) -> Vec<Person> {
    let mut people: Vec<Person> = (0..count).map(|at| Person::drawn(seed, at)).collect();
    for (person, canary) in people.iter_mut().zip(canaries) {
        person.name.clone_from(canary);
    }
    people
}

/// Sessions that people have with real tools.
#[derive(Clone, Copy)]
pub(super) struct Round<'a> {
    /// Dealt to the people round about, two neighbours the same one.
    pub(super) pitfalls: &'a [&'a Scenario],
    /// Directory for the session files.
    pub(super) files: &'a Path,
}

impl Round<'_> {
    /// Writes session files of a node's people and imports them, person by person. `numbers` are those of each
    /// person's sessions; `started` is the start of number 0, in seconds since the Unix epoch. Returns the number of
    /// sessions.
    pub(super) fn import(
        &self,
        node: &Node,
        people: &[Person],
        numbers: Range<u64>,
        started: u64,
    ) -> Result<u64, CliError> {
        let mut imported = 0;
        for (at, person) in people.iter().enumerate() {
            let Some(nth) = (at / 2).checked_rem(self.pitfalls.len()) else { break };
            let one = |number: u64| {
                let repaired = person.repairs(number);
                person.session(self.pitfalls[nth], number, started + 60 * number, repaired)
            };
            let sessions: Vec<Session> = numbers.clone().map(one).collect();
            imported += import(node, &user(at), person, &sessions, self.files)?;
        }
        Ok(imported)
    }

    /// Failing calls of the node that joins late: each of its people meets every pitfall. What the node gets of
    /// their sessions ends with the failure.
    pub(super) fn fail(
        &self,
        node: &Node,
        people: &[Person],
        started: u64,
    ) -> Result<Vec<Failing>, CliError> {
        let mut calls = Vec::new();
        for (at, person) in people.iter().enumerate() {
            let user = user(at);
            let mut sessions = Vec::new();
            for (number, pitfall) in (0..).zip(self.pitfalls) {
                let begun = started + 60 * number;
                sessions.push(person.session(pitfall, number, begun, false));
                let whole = person.session(pitfall, number, begun, true);
                calls.extend(failing(&whole, &user));
            }
            import(node, &user, person, &sessions, self.files)?;
        }
        Ok(calls)
    }
}

fn user(at: usize) -> String {
    format!("user-{at}")
}

fn import(
    node: &Node,
    user: &str,
    person: &Person,
    sessions: &[Session],
    files: &Path,
) -> Result<u64, CliError> {
    let directory = files.join(&node.name).join(user);
    std::fs::create_dir_all(&directory).map_err(|error| failed(&error))?;
    for session in sessions {
        let text = session_file(session, person.harness);
        let path = directory.join(format!("{}.jsonl", session.id));
        std::fs::write(path, text).map_err(|error| failed(&error))?;
    }
    let wanted =
        SessionImport { user: user.to_owned(), path: directory, format: None, again: false };
    Ok(node.ask(wanted)?.imported)
}

/// A call that failed at the node that joins late, and what then works.
pub(super) struct Failing {
    user: String,
    command: Option<String>,
    output: Option<String>,
    exit: Option<i32>,
    /// The lesson of the recorded repair, in both of its forms.
    works: BTreeSet<LessonId>,
}

fn failing(session: &Session, user: &str) -> Option<Failing> {
    let calls = session.calls();
    let found = findings(&calls, &session.task);
    let pitfall = found.pitfalls.first()?;
    let call = calls.get(pitfall.at)?;
    let works = forms_of(pitfall).iter().map(|lesson| LessonId::of(lesson.id())).collect();
    Some(Failing {
        user: user.to_owned(),
        command: call.command.clone(),
        output: call.output.clone(),
        exit: call.exit,
        works,
    })
}

/// Asks a node for a hint about each call.
pub(super) fn hints(node: &Node, calls: &[Failing]) -> Result<Vec<Option<HintShown>>, CliError> {
    let hint = |call: &Failing| {
        let wanted = LessonHint {
            user: call.user.clone(),
            tool: "bash".into(),
            command: call.command.clone(),
            output: call.output.clone(),
            exit: call.exit,
            task: String::new(),
        };
        Ok(node.ask(wanted)?.hint)
    };
    calls.iter().map(hint).collect()
}

/// What the node that joins late was told about its failing calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Anticipated {
    /// Failing calls.
    pub(super) calls: usize,
    /// Of these, of a pitfall whose lesson was released.
    pub(super) of_released_pitfalls: usize,
    /// Before it joined, by a lesson of a federation.
    pub(super) by_federation_before_joining: usize,
    /// Before it joined, by the codebook that comes with the program.
    pub(super) by_codebook_alone: usize,
    /// After it joined, by a lesson of the federation.
    pub(super) by_federation: usize,
    /// Hints after it joined, of any circle, that name something else than what then worked.
    pub(super) disagreeing: usize,
}

impl Anticipated {
    /// Counts the hints before and after joining; `released` are the lessons of the federation.
    pub(super) fn of(
        calls: &[Failing],
        before: &[Option<HintShown>],
        after: &[Option<HintShown>],
        released: &BTreeSet<LessonId>,
    ) -> Self {
        let agreeing = |hints: &[Option<HintShown>], circle: Circle| {
            let told = calls.iter().zip(hints).filter(|(call, hint)| {
                hint.as_ref().is_some_and(|hint| hint.circle == circle && call.agrees(hint))
            });
            told.count()
        };
        let wrong = |(call, hint): &(&Failing, &Option<HintShown>)| {
            hint.as_ref().is_some_and(|hint| !call.agrees(hint))
        };
        Self {
            calls: calls.len(),
            of_released_pitfalls: calls.iter().filter(|call| call.is_among(released)).count(),
            by_federation_before_joining: agreeing(before, Circle::Federation),
            by_codebook_alone: agreeing(before, Circle::Codebook),
            by_federation: agreeing(after, Circle::Federation),
            disagreeing: calls.iter().zip(after).filter(wrong).count(),
        }
    }
}

impl Failing {
    fn agrees(&self, hint: &HintShown) -> bool {
        self.works.contains(&hint.id)
    }

    fn is_among(&self, released: &BTreeSet<LessonId>) -> bool {
        !self.works.is_disjoint(released)
    }
}

/// Lessons that a node knows from its federation.
pub(super) fn released(node: &Node) -> Result<BTreeSet<LessonId>, CliError> {
    let wanted = LessonList {
        user: user(0),
        circle: Some(Circle::Federation),
        program: String::new(),
        drifting: false,
        limit: MOST_LISTED,
    };
    let known = node.ask(wanted)?.lessons;
    Ok(known.into_iter().map(|one| one.id).collect())
}

/// Number of pitfalls of which at least one failing call has a released lesson.
pub(super) fn pitfalls_released(calls: &[Failing], released: &BTreeSet<LessonId>) -> usize {
    let answered = calls.iter().filter(|call| call.is_among(released));
    answered.map(|call| &call.works).collect::<BTreeSet<_>>().len()
}
