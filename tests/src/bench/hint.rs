//! Hints: how long the answer to a failing call takes with many lessons, beside a scan of all of them.

use std::hint::black_box;

use lore_lessons::{Book, Call, Circle, Entry, Situation, Tally, situation_of};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, Op, Token, Trigger};
use lore_protocol::library::LessonState;
use serde_json::{Value, json};

use super::bar;
use super::clock::{Samples, time};

/// Lessons that the book holds.
pub(super) const LESSONS: usize = 10_000;
/// Lines of output before the one that states the error.
const LINES: usize = 60;
/// Most milliseconds that a hint may take.
const MOST_MILLIS: f64 = 1.0;

fn token(text: String) -> Token {
    Token::new(text).expect("a token")
}

/// The `n`-th lesson: an unknown flag of one of 500 programs.
fn lesson(n: usize) -> Lesson {
    let flag = format!("--flag-{n}");
    let trigger = Trigger {
        tool: token(format!("tool{} show", n % 500)),
        error: ErrorClass::UnknownOption,
        subject: Some(token(flag.clone())),
    };
    let action = Action::UseArgument { old: token(flag), new: token(format!("--new-{n}")) };
    Lesson::new(None, Op::Fix, trigger, action).expect("a lesson")
}

/// A call that the `n`-th lesson answers.
pub(super) fn failed(n: usize) -> Call {
    let noise = "a line of progress that says nothing about the error\n".repeat(LINES);
    Call {
        tool: "bash".into(),
        command: Some(format!("tool{} show 17 --flag-{n}", n % 500)),
        exit: Some(2),
        failed: true,
        output: Some(format!("{noise}Error: unknown flag: --flag-{n}\n")),
        ..Call::default()
    }
}

/// A book of all lessons.
pub(super) fn full_book() -> Book {
    let mut book = Book::new();
    for n in 0..LESSONS {
        let tally = Tally { worked: 3, failed: 0, groups: 3, last_seconds: 0 };
        let (lesson, example) = (lesson(n), String::new());
        let (circle, state) = (Circle::Own, LessonState::Steady);
        book.add(Entry { lesson, circle, tally, example, public: true, state });
    }
    book
}

/// The answer by looking at every lesson.
fn scan<'a>(entries: &'a [Entry], situation: &Situation) -> Option<&'a Entry> {
    entries.iter().find(|entry| {
        let trigger = entry.lesson.trigger();
        trigger.tool.as_str() == situation.program
            && trigger.error == situation.class
            && trigger.subject.as_ref().map(Token::as_str) == situation.point()
    })
}

/// Median milliseconds of so many runs.
fn millis<T>(runs: usize, mut one: impl FnMut(usize) -> T) -> f64 {
    let mut run = 0;
    let samples = Samples::repeat(runs, || {
        run += 1;
        time(|| drop(black_box(one(run % runs)))).0
    });
    samples.wall() * 1e3
}

/// Runs both arms.
///
/// # Panics
/// Panics when a hint is missing: then nothing was measured.
#[must_use]
pub fn run(runs: usize) -> Value {
    let runs = runs.max(3);
    let book = full_book();
    let calls: Vec<Call> = (0..runs).map(|run| failed(run * 997 % LESSONS)).collect();
    let hint = millis(runs, |run| book.hint(&calls[run], "").expect("a hint"));
    let situations: Vec<Situation> =
        calls.iter().map(|call| situation_of(call, "").expect("a failure")).collect();
    let lookup = millis(runs, |run| {
        book.hint_for(&situations[run], calls[run].command.as_deref()).expect("a hint")
    });
    let scanned = millis(runs, |run| scan(book.entries(), &situations[run]).expect("a hint"));
    json!({
        "lessons": LESSONS,
        "hint_millis": hint,
        "hint_bar": bar(hint, MOST_MILLIS),
        "lookup_millis": lookup,
        "scan_millis": scanned,
        "scan_to_lookup": scanned / lookup,
    })
}
