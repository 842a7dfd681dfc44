//! Transfer: how many failing calls a lesson of earlier sessions, of other people or of a release would have
//! answered, and whether the hint agrees with what then worked.
//!
//! A person's own sessions are taken in order: each is judged by what the person's earlier sessions show, and
//! then added to it. Other people's lessons are judged leaving that person out. Releases are drawn from one half
//! of the people and judged on the other, both ways. Only the first time of a situation in a session counts,
//! since one hint a situation and session is given.

mod crowd;
mod release;
mod report;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use lore_lessons::{
    Book, Call, Circle, Digest, Entry, Situation, Tally, findings, forms_of, key_of, keys,
};
use lore_privacy::PrivacyError;
use lore_protocol::lesson::{Action, Lesson};
use lore_protocol::library::LessonState;
use lore_protocol::payload::ItemId;
use lore_session::Session;

pub use crowd::{Recorded, Scenario, crowd, scenarios};
pub(crate) use crowd::{shell_call, written};
pub use release::EPSILONS_MICROS;
pub use report::{Arm, Released, Report};

/// Number of keys that a report shows to be read.
const SHOWN: usize = 50;

/// Sessions of one person, in order.
#[derive(Debug, Clone, Default)]
pub struct Person {
    work: Vec<Work>,
}

/// One session as the measure reads it.
#[derive(Debug, Clone)]
struct Work {
    /// The conversation: pieces of one teach each other nothing.
    root: String,
    calls: usize,
    digest: Digest,
    /// What it gives to a lesson release.
    keys: BTreeSet<Lesson>,
    /// What it speaks for when candidates are voted on.
    forms: BTreeSet<Lesson>,
    failures: Vec<Failure>,
}

/// The first time of a situation in a session.
#[derive(Debug, Clone)]
struct Failure {
    situation: Situation,
    command: Option<String>,
    /// What then worked, when anything did.
    action: Option<Action>,
}

impl Person {
    /// Reads a person's sessions.
    #[must_use]
    pub fn of(sessions: &[Session]) -> Self {
        let mut sessions: Vec<&Session> = sessions.iter().collect();
        sessions.sort_by_key(|session| (session.started.unix_seconds, &session.id));
        Self { work: sessions.into_iter().map(read).collect() }
    }
}

impl Person {
    /// What a person's sessions of one window speak for, when their work is spread over a period's vote releases.
    fn forms_in(&self, window: usize) -> BTreeSet<&Lesson> {
        let is_in = |at: usize| at * release::vote_releases() / self.work.len() == window;
        let work = self.work.iter().enumerate().filter(|(at, _)| is_in(*at));
        work.flat_map(|(_, work)| &work.forms).collect()
    }
}

fn read(session: &Session) -> Work {
    let calls = session.calls();
    let found = findings(&calls, &session.task);
    let mut failures: Vec<Failure> = Vec::new();
    let mut met: BTreeMap<(String, String, Option<String>), usize> = BTreeMap::new();
    for (at, situation) in &found.failures {
        let place = (
            situation.program.clone(),
            situation.class.name(),
            situation.point().map(str::to_owned),
        );
        let pitfall = found.pitfalls.iter().find(|pitfall| pitfall.at == *at);
        let lesson = pitfall.and_then(|one| key_of(&one.situation, &one.remedy, true));
        let action = lesson.map(|lesson| lesson.action().clone());
        let index = *met.entry(place).or_insert_with(|| {
            let command = calls.get(*at).and_then(|call: &Call| call.command.clone());
            failures.push(Failure { situation: situation.clone(), command, action: None });
            failures.len() - 1
        });
        if failures[index].action.is_none() {
            failures[index].action = action;
        }
    }
    Work {
        root: session.conversation().to_owned(),
        calls: calls.len(),
        digest: Digest::of(&found, &calls, &session.given_lessons(), session.started.unix_seconds),
        keys: keys(&found),
        forms: found.pitfalls.iter().flat_map(forms_of).collect(),
        failures,
    }
}

/// Measures transfer between people. `codebook` are public lessons; `seed` draws the noise of releases.
///
/// # Errors
/// Fails when a budget buys no release.
pub fn measure(people: &[Person], codebook: &[Lesson], seed: u64) -> Result<Report, PrivacyError> {
    let mut report = Report { people: people.len(), ..Report::default() };
    for person in people {
        for work in &person.work {
            report.sessions += 1;
            report.calls += work.calls;
            report.failures += work.failures.len();
            let repaired = work.failures.iter().filter(|one| one.action.is_some());
            report.repaired += repaired.count();
        }
        own(person, &mut report);
    }
    let supporters = supporters(people);
    for (at, person) in people.iter().enumerate() {
        let others = supporters.iter().filter_map(|(lesson, by)| {
            let others = by.len() - usize::from(by.contains(&at));
            (others > 0).then(|| entry(lesson, Circle::Federation, others))
        });
        let book = book(others);
        judge(person, &book, &mut report.others);
    }
    let documented = book(codebook.iter().map(|lesson| entry(lesson, Circle::Codebook, 1)));
    for person in people {
        judge(person, &documented, &mut report.codebook);
    }
    for epsilon_micros in EPSILONS_MICROS {
        report.released.push(released(people, codebook, epsilon_micros, seed)?);
    }
    report.distinct_keys = supporters.len();
    report.keys = shown(&supporters);
    Ok(report)
}

/// A person's sessions, each judged by the conversations before it.
fn own(person: &Person, report: &mut Report) {
    let mut book = Book::new();
    let mut known: BTreeSet<(&str, String, Option<&str>)> = BTreeSet::new();
    let mut waiting: Vec<&Work> = Vec::new();
    for work in &person.work {
        if waiting.last().is_some_and(|last| last.root != work.root) {
            for done in waiting.drain(..) {
                book.add_session(&done.digest);
                known.extend(done.failures.iter().map(|one| place(&one.situation)));
            }
        }
        for failure in &work.failures {
            let repeated = known.contains(&place(&failure.situation));
            report.own.count(&book, failure);
            if repeated {
                report.repeated.count(&book, failure);
            }
        }
        waiting.push(work);
    }
}

fn place(situation: &Situation) -> (&str, String, Option<&str>) {
    (&situation.program, situation.class.name(), situation.point())
}

fn judge(person: &Person, book: &Book, arm: &mut Arm) {
    for work in &person.work {
        for failure in &work.failures {
            arm.count(book, failure);
        }
    }
}

impl Arm {
    fn count(&mut self, book: &Book, failure: &Failure) {
        self.failures += 1;
        self.repaired += usize::from(failure.action.is_some());
        let Some(hint) = book.hint_for(&failure.situation, failure.command.as_deref()) else {
            return;
        };
        self.hinted += 1;
        if let Some(action) = &failure.action {
            self.hinted_repaired += 1;
            self.agreed += usize::from(hint.entry.lesson.action() == action);
        }
    }
}

/// People by the keys that their sessions give.
fn supporters(people: &[Person]) -> BTreeMap<&Lesson, BTreeSet<usize>> {
    let mut by: BTreeMap<&Lesson, BTreeSet<usize>> = BTreeMap::new();
    for (at, person) in people.iter().enumerate() {
        for lesson in person.work.iter().flat_map(|work| &work.keys) {
            by.entry(lesson).or_default().insert(at);
        }
    }
    by
}

fn entry(lesson: &Lesson, circle: Circle, people: usize) -> Entry {
    let people = u32::try_from(people).unwrap_or(u32::MAX);
    let tally = Tally { worked: people, failed: 0, groups: people, last_seconds: 0 };
    let (lesson, state) = (lesson.clone(), LessonState::Steady);
    Entry { lesson, circle, tally, example: String::new(), public: true, state }
}

fn book(entries: impl Iterator<Item = Entry>) -> Book {
    let mut book = Book::new();
    entries.for_each(|entry| book.add(entry));
    book
}

fn released(
    people: &[Person],
    codebook: &[Lesson],
    epsilon_micros: u64,
    seed: u64,
) -> Result<Released, PrivacyError> {
    let mut out = Released { epsilon: epsilon_micros as f64 / 1e6, ..Released::default() };
    let mut pool = release::Pool::default();
    let mut keys = BTreeSet::new();
    let on_ballot: BTreeSet<&Lesson> = codebook.iter().collect();
    for half in 0..2 {
        let is_in = |at: usize| at % 2 == half;
        let of =
            |inside: bool| people.iter().enumerate().filter(move |(at, _)| is_in(*at) == inside);
        let units: Vec<BTreeSet<&Lesson>> = of(true)
            .map(|(_, person)| person.work.iter().flat_map(|work| &work.keys).collect())
            .collect();
        let alone = release::lessons(&units, epsilon_micros, seed, half as u64)?;
        out.without_codebook.push(alone.len());
        // What is on the ballot is voted on, and is no part of discovery.
        let units: Vec<BTreeSet<&Lesson>> = units
            .into_iter()
            .map(|keys| keys.into_iter().filter(|one| !on_ballot.contains(one)).collect())
            .collect();
        let lessons = release::lessons(&units, epsilon_micros, seed, half as u64)?;
        let mut own = release::Pool::default();
        for window in 0..release::vote_releases() {
            let units: Vec<BTreeSet<&Lesson>> =
                of(true).map(|(_, person)| person.forms_in(window)).collect();
            own.add(&units, codebook, epsilon_micros, seed, [half as u64, window as u64])?;
        }
        let voted: BTreeSet<ItemId> = own.sure().into_iter().collect();
        pool.merge(&own);
        out.discovered.push(lessons.len());
        out.voted.push(voted.len());
        keys.extend(lessons.iter().map(|(lesson, _)| lesson.to_string()));
        let voted = codebook.iter().filter(|one| voted.contains(&ItemId::Lesson(one.id())));
        keys.extend(voted.map(Lesson::to_string));
        let mut entries: Vec<Entry> = lessons
            .iter()
            .map(|(lesson, support)| entry(lesson, Circle::Federation, *support))
            .collect();
        entries.extend(codebook.iter().map(|lesson| entry(lesson, Circle::Codebook, 1)));
        let book = book(entries.into_iter());
        for (_, person) in of(false) {
            judge(person, &book, &mut out.arm);
        }
    }
    out.candidates = codebook.len();
    out.candidates_voted = pool.sure().len();
    out.keys = keys.into_iter().collect();
    Ok(out)
}

/// Keys to read: evenly spaced over all of two people or more, the best known first.
fn shown(supporters: &BTreeMap<&Lesson, BTreeSet<usize>>) -> Vec<String> {
    let mut shared: Vec<(usize, &Lesson)> = supporters
        .iter()
        .filter(|(_, by)| by.len() > 1)
        .map(|(lesson, by)| (by.len(), *lesson))
        .collect();
    shared.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let step = shared.len().div_ceil(SHOWN).max(1);
    shared.iter().step_by(step).map(|(by, lesson)| format!("{by:4} people  {lesson}")).collect()
}
