//! Lookups: what is hinted, when, and what is not.

use lore_protocol::lesson::{Action, ErrorClass, Lesson, Op, Token, Trigger};
use lore_protocol::library::LessonState;

use super::cases::shell;
use crate::hint::MAX_HINT_BYTES;
use crate::{Book, Call, Circle, Digest, Entry, GivenLessons, Hint, Tally, findings};

fn digest(calls: &[Call]) -> Digest {
    Digest::of(&findings(calls, ""), calls, &GivenLessons::default(), 10)
}

fn token(text: &str) -> Token {
    Token::new(text).unwrap()
}

fn lesson(tool: &str, error: ErrorClass, subject: Option<&str>, action: Action) -> Lesson {
    let trigger = Trigger { tool: token(tool), error, subject: subject.map(token) };
    Lesson::new(None, Op::Fix, trigger, action).unwrap()
}

fn known(circle: Circle, lesson: Lesson, worked: u32, failed: u32) -> Entry {
    let tally = Tally { worked, failed, groups: worked, last_seconds: 0 };
    Entry {
        lesson,
        circle,
        tally,
        example: String::new(),
        public: true,
        state: LessonState::Steady,
    }
}

fn unknown_flag(line: &str, flag: &str) -> Call {
    shell(line, 1, &format!("Error: unknown flag: {flag}"))
}

fn text(hint: Option<Hint<'_>>) -> String {
    hint.map_or_else(String::new, |hint| hint.to_string())
}

#[test]
fn a_users_own_repair_is_hinted_at_the_next_failure() {
    let mut book = Book::new();
    book.add_session(&digest(&[
        unknown_flag("bd show bd-17 --tree", "--tree"),
        shell("bd show bd-17 --children", 0, "bd-18"),
    ]));
    assert_eq!(
        text(book.hint(&unknown_flag("bd show bd-90 --tree", "--tree"), "")),
        "`bd show` failed (unknown option: --tree). What worked: use `--children` instead of `--tree` \
         (`bd show bd-17 --children`). Seen once in your own sessions."
    );
    // Another flag of the same program is another failure.
    assert_eq!(book.hint(&unknown_flag("bd show bd-90 --deep", "--deep"), ""), None);
    // A call that did its work is none.
    assert_eq!(book.hint(&shell("bd show bd-90 --children", 0, "bd-91"), ""), None);
}

#[test]
fn a_remedy_after_which_the_failure_came_again_is_not_hinted() {
    let mut book = Book::new();
    let failed = || unknown_flag("bd show bd-17 --tree", "--tree");
    book.add_session(&digest(&[failed(), shell("bd show bd-17 --all", 0, "")]));
    assert!(book.hint(&failed(), "").is_some());
    let again = digest(&[failed(), unknown_flag("bd show bd-17 --all --tree", "--tree")]);
    assert!(again.seen.iter().all(|one| !one.worked), "{again:?}");
    let reversed = lesson(
        "bd show",
        ErrorClass::UnknownOption,
        Some("--tree"),
        Action::UseArgument { old: token("--tree"), new: token("--all") },
    );
    book.add(known(Circle::Own, reversed, 0, 1));
    assert_eq!(book.hint(&failed(), ""), None);
}

#[test]
fn the_innermost_circle_answers_then_the_best_lower_bound() {
    let of = |new: &str| {
        lesson(
            "bd show",
            ErrorClass::UnknownOption,
            Some("--tree"),
            Action::UseArgument { old: token("--tree"), new: token(new) },
        )
    };
    let failed = unknown_flag("bd show bd-17 --tree", "--tree");
    let mut book = Book::new();
    let mut told = Vec::new();
    for (circle, new, worked, failures) in [
        (Circle::Codebook, "--documented", 0, 0),
        (Circle::Federation, "--one", 1, 0),
        (Circle::Federation, "--mixed", 30, 20),
        (Circle::Federation, "--many", 20, 0),
        (Circle::Node, "--node", 5, 0),
        (Circle::Own, "--own", 1, 0),
    ] {
        book.add(known(circle, of(new), worked, failures));
        let hint = text(book.hint(&failed, ""));
        told.push(hint.split('`').nth(3).unwrap_or_default().to_owned());
    }
    assert_eq!(told, ["--documented", "--one", "--mixed", "--many", "--node", "--own"]);
}

#[test]
fn what_other_devices_saw_changes_nothing_about_what_own_sessions_saw() {
    let failed = unknown_flag("bd show bd-17 --tree", "--tree");
    let action = Action::AddFlag(token("--children"));
    let one = lesson("bd show", ErrorClass::UnknownOption, Some("--tree"), action);
    let told = |own: (u32, u32), others: (u32, u32)| {
        let mut book = Book::new();
        book.add(Entry {
            example: "bd show --children 1".into(),
            ..known(Circle::Own, one.clone(), own.0, own.1)
        });
        let theirs = known(Circle::Devices, one.clone(), others.0, others.1);
        let tally = Tally { last_seconds: u64::MAX, ..theirs.tally };
        book.add(Entry { tally, example: "bd show --children 2".into(), ..theirs });
        book.hint(&failed, "").map(|hint| {
            let Entry { circle, tally, example, .. } = hint.entry;
            (*circle, tally.worked, tally.failed, example.clone())
        })
    };
    let own = |worked, failed| Some((Circle::Own, worked, failed, "bd show --children 1".into()));
    assert_eq!(told((1, 0), (5, 0)), own(1, 0));
    assert_eq!(told((2, 1), (0, u32::MAX)), own(2, 1), "nor can they silence it");
    let theirs = Some((Circle::Devices, 1, 0, "bd show --children 2".into()));
    assert_eq!(told((0, 1), (1, 0)), theirs, "what failed here is no own remedy");
    assert_eq!(told((0, 1), (0, 1)), None);
}

#[test]
fn another_device_that_answers_the_very_message_does_not_displace_what_worked_here() {
    let failed = unknown_flag("bd show bd-17 --tree", "--tree");
    let with = |subject, flag| {
        let action = Action::AddFlag(token(flag));
        lesson("bd show", ErrorClass::UnknownOption, subject, action)
    };
    let (own, theirs) = (with(None, "--children"), with(Some("--tree"), "--other"));
    let hint = |of: &[Entry]| {
        let mut book = Book::new();
        of.iter().cloned().for_each(|one| book.add(one));
        book.hint(&failed, "").map(|hint| hint.entry.circle)
    };
    let theirs = known(Circle::Devices, theirs, 9, 0);
    assert_eq!(hint(&[known(Circle::Own, own.clone(), 1, 0), theirs.clone()]), Some(Circle::Own));
    assert_eq!(hint(&[known(Circle::Own, own, 0, 1), theirs]), Some(Circle::Devices));
}

#[test]
fn advice_that_does_not_touch_the_line_is_none() {
    let drop = lesson(
        "pack",
        ErrorClass::UnknownOption,
        Some("--fast"),
        Action::DropFlag(token("--fast")),
    );
    let mut book = Book::new();
    book.add(known(Circle::Own, drop, 3, 0));
    let call = |line| shell(line, 2, "error: unexpected argument '--fast' found");
    assert!(book.hint(&call("pack x.txt --fast"), "").is_some());
    assert_eq!(book.hint(&call("pack x.txt"), ""), None);
}

#[test]
fn only_remedies_without_words_of_the_message_answer_another_message() {
    let with = |action| {
        let mut book = Book::new();
        let lesson = lesson("git fetch", ErrorClass::Sandboxed, Some("cannot open a"), action);
        book.add(known(Circle::Own, lesson, 2, 0));
        let call = shell("git fetch --all", 1, "error: cannot open 'b': Operation not permitted");
        book.hint(&call, "").map(|hint| hint.exact)
    };
    assert_eq!(with(Action::WithOption(token("permission outside the sandbox"))), Some(false));
    assert_eq!(with(Action::AddFlag(token("--quiet"))), None);
}

#[test]
fn a_line_that_holds_the_failing_word_is_advised_against_before_it_runs() {
    let renamed = lesson(
        "bd list",
        ErrorClass::UnknownOption,
        Some("--wisp"),
        Action::UseArgument { old: token("--wisp"), new: token("--ephemeral") },
    );
    let mut book = Book::new();
    book.add(known(Circle::Own, renamed.clone(), 1, 0));
    assert_eq!(book.advice("bd list --wisp"), None, "seen in one session only");
    book.add(known(Circle::Own, renamed, 1, 0));
    assert!(text(book.advice("cd x && bd list --wisp")).contains("is known to fail"));
    assert_eq!(book.advice("bd list --ephemeral"), None);
    assert_eq!(book.advice("bd show --wisp"), None);
}

#[test]
fn a_hint_is_short_and_holds_no_control_characters() {
    let mut book = Book::new();
    let odd = format!("bd show --children \u{1b}[31m{}", "x".repeat(900));
    let calls = [unknown_flag("bd show --tree", "--tree"), shell(&odd, 0, "")];
    book.add_session(&digest(&calls));
    let told = text(book.hint(&calls[0], ""));
    assert!(!told.is_empty() && told.len() <= MAX_HINT_BYTES);
    assert!(!told.contains('\u{1b}'));
}

#[test]
fn a_digest_survives_its_bytes() {
    let calls = [unknown_flag("bd show --tree", "--tree"), shell("bd show --children", 0, "")];
    let digest = digest(&calls);
    let bytes = lore_protocol::codec::encode(&digest);
    assert_eq!(lore_protocol::codec::decode::<Digest>(&bytes), Ok(digest));
}

#[test]
fn messages_of_older_versions_and_empty_words_are_answered_from_the_codebook() {
    let mut book = Book::new();
    book.add_codebook();
    for (line, output) in [
        ("rg -l -t tsx useState src", "unrecognized file type: tsx"),
        (
            "rg --include '*.py' import",
            "error: Found argument '--include' which wasn't expected, or isn't valid in this context",
        ),
        ("sed -i '' 's/red/blue/' a.txt", "sed: can't read s/red/blue/: No such file or directory"),
    ] {
        let hint = book.hint(&shell(line, 2, output), "");
        assert!(hint.is_some_and(|hint| hint.exact || line.starts_with("sed")), "{line}");
    }
}

#[test]
fn advice_stands_in_where_no_failure_was_recognised_and_a_call_that_worked_gets_nothing() {
    let mut book = Book::new();
    book.add_codebook();
    let told = |exit: i32| text(book.hint_or_advice(&shell("rg -t jsx useState", exit, ""), ""));
    assert!(told(1).contains("is known to fail"), "{}", told(1));
    assert_eq!(told(0), "");
    let failed = shell("rg -t jsx useState", 2, "rg: unrecognized file type: jsx");
    assert!(text(book.hint_or_advice(&failed, "")).contains("` failed ("));
}

#[test]
fn a_lesson_that_stopped_working_is_not_hinted_and_the_newer_one_is() {
    let make = |flag: &str| {
        let (old, new) = (token("--wisp"), token(flag));
        let action = Action::UseArgument { old, new };
        lesson("bd list", ErrorClass::UnknownOption, Some("--wisp"), action)
    };
    let (old, new) = (make("--all"), make("--every"));
    let mut book = Book::new();
    book.add(known(Circle::Own, old.clone(), 9, 0));
    book.add(known(Circle::Federation, old.clone(), 90, 2));
    book.add(known(Circle::Federation, new.clone(), 12, 2));
    let call = unknown_flag("bd list --wisp", "--wisp");
    let told = |book: &Book| book.hint(&call, "").map(|hint| hint.entry.lesson.clone());
    assert_eq!(told(&book), Some(old.clone()));
    let rivals: Vec<&Lesson> = book.rivals(&old).into_iter().map(|one| &one.lesson).collect();
    assert_eq!(rivals, [&new]);

    book.mark(old.id(), LessonState::Drifting { since: 7 });
    assert_eq!(told(&book), Some(new.clone()), "in no circle, the user's own included");
    assert_eq!(book.rivals(&new).len(), 2, "it stays known");
    let again = known(Circle::Own, old, 1, 0);
    book.add(again);
    assert_eq!(told(&book), Some(new.clone()), "another session does not bring it back");

    // What the federation does not meet any more may still be a user's own daily trouble.
    book.mark(new.id(), LessonState::Dormant { since: 9 });
    assert_eq!(told(&book), None);
    book.add(known(Circle::Own, new.clone(), 2, 0));
    book.mark(new.id(), LessonState::Dormant { since: 9 });
    assert_eq!(told(&book), Some(new));
}

#[test]
fn no_advice_comes_from_a_lesson_that_stopped_working() {
    let action = Action::DropFlag(token("--wisp"));
    let drops = lesson("bd list", ErrorClass::UnknownOption, Some("--wisp"), action);
    let mut book = Book::new();
    book.add(known(Circle::Federation, drops.clone(), 9, 0));
    assert!(book.advice("bd list --wisp").is_some());
    book.mark(drops.id(), LessonState::Drifting { since: 3 });
    assert!(book.advice("bd list --wisp").is_none());
}
