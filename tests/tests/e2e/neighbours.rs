//! Neighbouring databases on a real node: two nodes that differ in one unit look the same to everybody else,
//! but for the noise, whatever is odd about that unit's sessions. The nodes are whole ones (store, engine,
//! miner, ledger) on a clock that the test sets.
//!
//! The same comparison finds planted defects, each in a copy of one part; PRIVACY.md names them.

use std::sync::Arc;

use lore_control::{
    ProposedKind, ProposedLesson, SessionAdd, SessionLine, SessionPropose, SessionUnread, Unit,
};
use lore_engine::{Ballot, Contributions, Source};
use lore_node::host::Machine;
use lore_privacy::{
    CostContribution, LessonContribution, LocalSecret, OutcomeContribution, PrivacyError, Private,
    VoteContribution,
};
use lore_protocol::charter::CostKind;
use lore_protocol::lesson::mine_within;
use lore_protocol::steps::Steps;
use lore_session::{Session, Started, Turn, conversation::mark};
use lore_tests::clock::MIDDLE_OF_A_PERIOD;
use lore_tests::observed::{Observed, terms};
use lore_tests::sessions::learnt;

/// Users whose sessions are in both databases.
const OTHERS: usize = 60;
/// In the task of a session that panics where it is looked through.
const PANICS: &str = "the-odd-one";
/// Time that the work of a release over an odd session takes; the others' takes none.
const WORK_SECONDS: u64 = 80 * 60;
const HOUR: u64 = 3_600;
/// Begin of the accounting period that the test lies in.
const PERIOD: u64 = MIDDLE_OF_A_PERIOD / (90 * 86_400) * (90 * 86_400);
/// End of the first window: the epoch with the first releases opens in the hour before.
const WINDOW_END: u64 = MIDDLE_OF_A_PERIOD + 25 * HOUR;

/// What a model's pass over all sessions made of the odd unit's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Proposals, as of the others.
    Read,
    /// Nothing: the model refused each of them.
    Refused,
    /// They came after the pass.
    NotYet,
}

/// The unit that one of the two databases has more, and what is odd about it.
struct Odd {
    name: &'static str,
    sessions: fn() -> Vec<Session>,
    pass: Pass,
}

const fn odd(name: &'static str, sessions: fn() -> Vec<Session>) -> Odd {
    Odd { name, sessions, pass: Pass::Read }
}

const TABLE: &[Odd] = &[
    odd("ordinary", || vec![session("a", 9_000)]),
    odd("huge", || vec![repeated(session("a", 9_000), 20_000, 400)]),
    odd("slow: its steps are spent", || vec![repeated(session("a", 9_000), 8_500, 8_200)]),
    odd("panicking", || vec![Session { task: PANICS.into(), ..session("a", 9_000) }]),
    Odd { pass: Pass::Refused, ..odd("refused by the model", || vec![session("a", 9_000)]) },
    Odd { pass: Pass::NotYet, ..odd("not read by the model", || vec![session("a", 9_000)]) },
    FORKED,
    KNOWING,
    odd("of another user's name", || vec![session("session-7", 9_000)]),
    odd("empty", || vec![Session { turns: Vec::new(), task: String::new(), ..session("a", 0) }]),
    odd("before the period", || vec![started(PERIOD - 1)]),
    odd("at the beginning of the period", || vec![started(PERIOD)]),
    odd("at the end of the window", || vec![started(WINDOW_END - 1), started(WINDOW_END)]),
    odd("at the beginning of time", || vec![started(0)]),
    odd("in the future", || vec![started(MIDDLE_OF_A_PERIOD + 1_000 * 86_400)]),
];

/// A conversation that was forked so often that its pieces would release a lesson of their own.
const FORKED: Odd = odd("forked", || {
    let piece = |n: u64| {
        let entries = [n, n + 1].map(|entry| mark("entry", &entry.to_string()));
        Session { links: entries.into(), ..own(&format!("piece-{n:02}"), 1) }
    };
    (0..60).map(piece).collect()
});

/// A unit that knows more than it may speak for.
const KNOWING: Odd =
    odd("with many lessons", || (0..50).map(|n| own(&format!("own-{n}"), n)).collect());

/// A session of the kind that all users have.
fn session(id: &str, number: u64) -> Session {
    let task = format!("Get invoice {number}");
    let right = format!("get http://127.0.0.1:81/b {number}");
    let session = learnt(id, &task, "get http://127.0.0.1:80/a", &right);
    Session { started: Started::at(MIDDLE_OF_A_PERIOD - HOUR), ..session }
}

/// A session that teaches what nobody else knows.
fn own(id: &str, number: u64) -> Session {
    let (wrong, right) =
        (format!("pull http://127.0.0.1:9{number:03}/a"), "pull http://127.0.0.1:99/b");
    let session = learnt(id, "Pull the picture", &wrong, right);
    Session { started: Started::at(MIDDLE_OF_A_PERIOD - HOUR), ..session }
}

fn started(unix_seconds: u64) -> Session {
    Session { started: Started::at(unix_seconds), ..session(&format!("at-{unix_seconds}"), 9_000) }
}

/// A session with its first failing call again and again, with so much output each.
fn repeated(mut session: Session, calls: usize, output_bytes: usize) -> Session {
    let failed = session.turns[1].clone();
    let again = |n: usize| {
        let mut turn = failed.clone();
        turn.calls[0].result = Some(format!("connection refused {n} ").repeat(output_bytes / 22));
        turn
    };
    let again: Vec<Turn> = (0..calls).map(again).collect();
    session.turns.splice(1..1, again);
    session
}

#[test]
fn the_slow_session_spends_its_steps() {
    let slow = TABLE.iter().find(|odd| odd.name.starts_with("slow")).unwrap();
    for session in (slow.sessions)() {
        let budget = Steps::of_a_session();
        let _ = mine_within(&session.trace(), &budget);
        assert!(budget.spent(), "{} steps", budget.taken());
    }
}

/// Everything that others see of a node with the unit, or without one.
fn seen(odd: Option<&Odd>, unit: Unit, defect: Option<&Defect>) -> Vec<String> {
    let mut machine = Machine {
        probe: Some(Arc::new(|inside, task| {
            assert!(!inside || task != PANICS, "a panic that was asked for");
        })),
        ..Machine::new()
    };
    if let Some(Plant::Sessions(plant)) = defect.map(|defect| defect.plant) {
        machine.around_sessions = Some(Arc::new(move |inner| Arc::new(Defective { inner, plant })));
    }
    let mut node = Observed::new(machine, terms());
    node.works_on_the_loop = matches!(defect.map(|defect| defect.plant), Some(Plant::Loop));
    let add = |node: &mut Observed, user: &str, sessions: &[Session]| {
        let sessions = sessions.iter().map(|session| SessionLine::new(session.to_line())).collect();
        node.node.ask(SessionAdd { user: user.into(), sessions }).unwrap()
    };
    for n in 0..OTHERS {
        add(&mut node, &format!("user-{n}"), &[session(&format!("session-{n}"), 4_000 + n as u64)]);
    }
    pass(&mut node, true);
    if let Some(odd) = odd {
        let sessions = (odd.sessions)();
        assert_eq!(add(&mut node, "the odd one", &sessions).imported, sessions.len() as u64);
        if odd.pass != Pass::NotYet {
            pass(&mut node, odd.pass == Pass::Read);
        }
        node.work_seconds = WORK_SECONDS;
    }
    node.budget(unit);
    node.pass_until(24 * HOUR + HOUR / 2);
    node.checkpoint();
    // Lessons and outcomes are sent at 29:00, and sealed with this.
    node.pass_until(29 * HOUR + HOUR / 2);
    node.checkpoint();
    // While the work of the votes is done.
    node.pass_until(30 * HOUR + 50 * 60);
    node.checkpoint();
    node.pass_until(36 * HOUR);
    node.checkpoint();
    node.pass_until(37 * HOUR);
    // Another user's import, with an id that the odd one may have.
    let (task, line) =
        (SessionAdd { user: "user-1".into(), sessions: Vec::new() }, session("a", 1));
    node.tell(SessionAdd { sessions: vec![SessionLine::new(line.to_line())], ..task });
    node.seen()
}

/// A model's pass: every session that has something to read gets what the model proposed, which is nothing
/// where it refused.
fn pass(node: &mut Observed, proposes: bool) {
    for session in node.node.ask(SessionUnread {}).unwrap().keys {
        let text = "get http://127.0.0.1:80/a".to_owned();
        let proposal = ProposedLesson { kind: ProposedKind::Avoid, text, then: None };
        let lessons = if proposes { vec![proposal] } else { Vec::new() };
        node.node.ask(SessionPropose { session, lessons }).unwrap();
    }
}

/// First line in which two nodes differ.
fn difference(one: &[String], other: &[String]) -> Option<String> {
    let length = one.len().max(other.len());
    let pair = |n: usize| (one.get(n), other.get(n));
    let found = (0..length).map(pair).find(|(one, other)| one != other);
    found.map(|(one, other)| format!("{one:#?}\n{other:#?}"))
}

fn looks_the_same(odd: &Odd, unit: Unit, without: &[String]) {
    if let Some(found) = difference(without, &seen(Some(odd), unit, None)) {
        panic!("a unit that is `{}` shows:\n{found}", odd.name);
    }
}

#[test]
fn a_node_with_one_odd_user_more_looks_the_same_to_everybody_else() {
    let without = seen(None, Unit::User, None);
    let count = |what: &str| without.iter().filter(|line| line.contains(what)).count();
    // One release of lessons, two of outcomes, one of votes, no void; and what all users know is in it.
    let expected = [("delta Lessons", 1), ("delta Outcomes", 2), ("delta Votes", 1), ("Void", 0)];
    for (what, times) in expected {
        assert_eq!(count(what), times, "{what}: {without:#?}");
    }
    let lessons = without.iter().find(|line| line.contains("delta Lessons")).unwrap();
    assert!(lessons.matches("127.0.0.1").count() >= 2, "the miner's and the model's: {lessons}");
    let votes = without.iter().find(|line| line.contains("delta Votes")).unwrap();
    let ballot = 2 + lore_lessons::codebook().entries().len();
    assert!(votes.ends_with(&format!(" {ballot}")), "on both, and the codebook: {votes}");
    // What is compared holds nothing that differs between two equal nodes.
    assert_eq!(difference(&without, &seen(None, Unit::User, None)), None);
    for odd in TABLE {
        looks_the_same(odd, Unit::User, &without);
    }
}

#[test]
fn a_node_with_one_odd_conversation_more_looks_the_same_to_everybody_else() {
    let without = seen(None, Unit::Session, None);
    let pieces = |odd: &&Odd| ["forked", "panicking", "not read by the model"].contains(&odd.name);
    let some: Vec<&Odd> = TABLE.iter().filter(pieces).collect();
    assert_eq!(some.len(), 3);
    for odd in some {
        looks_the_same(odd, Unit::Session, &without);
    }
}

/// A defect, the unit that shows it, and where it is planted.
struct Defect {
    planted: &'static str,
    odd: Odd,
    unit: Unit,
    plant: Plant,
}

#[derive(Clone, Copy)]
enum Plant {
    /// In how sessions are gathered.
    Sessions(Gather),
    /// The work is done on the loop, so that a checkpoint is received when it is over.
    Loop,
}

/// A defective way from sessions to contributions.
type Gather = fn(Vec<LessonContribution>) -> Result<Vec<LessonContribution>, PrivacyError>;

/// Reads sessions with a defect.
struct Defective {
    inner: Arc<dyn Contributions>,
    plant: Gather,
}

impl Contributions for Defective {
    fn lessons(
        &self,
        source: &Source<'_>,
    ) -> Result<Private<Vec<LessonContribution>>, PrivacyError> {
        let given = self.inner.lessons(source)?;
        (self.plant)(given.expose_to_owner().clone()).map(Private::new)
    }

    fn outcomes(
        &self,
        source: &Source<'_>,
    ) -> Result<Private<Vec<OutcomeContribution>>, PrivacyError> {
        self.inner.outcomes(source)
    }

    fn costs(
        &self,
        source: &Source<'_>,
        kinds: &[CostKind],
    ) -> Result<Private<Vec<CostContribution>>, PrivacyError> {
        self.inner.costs(source, kinds)
    }

    fn votes(
        &self,
        source: &Source<'_>,
        ballot: &Ballot,
    ) -> Result<Private<Vec<VoteContribution>>, PrivacyError> {
        self.inner.votes(source, ballot)
    }
}

/// Contributions of the others: each gives two, the miner's and the model's.
const WHOLE: usize = 2 * OTHERS;

const DEFECTS: &[Defect] = &[
    Defect {
        planted: "completeness per node",
        odd: Odd { pass: Pass::NotYet, ..odd("not read", || vec![session("a", 9_000)]) },
        unit: Unit::User,
        // The unread session gives what the miner finds alone, and with it everybody else does.
        plant: Plant::Sessions(|given| Ok(if given.len() % 2 == 0 { given } else { Vec::new() })),
    },
    Defect {
        planted: "a unit that fails voids the release",
        odd: Odd { pass: Pass::NotYet, ..odd("not read", || vec![session("a", 9_000)]) },
        unit: Unit::User,
        plant: Plant::Sessions(|given| match given.len() {
            WHOLE => Ok(given),
            _ => Err(PrivacyError::Unreadable("one session".into())),
        }),
    },
    Defect {
        planted: "unit by file",
        odd: FORKED,
        unit: Unit::Session,
        plant: Plant::Sessions(|mut given| {
            let secret = LocalSecret::from_bytes([1; 32]);
            for (n, one) in given.iter_mut().enumerate() {
                one.unit = secret.session(&n.to_string());
            }
            Ok(given)
        }),
    },
    Defect {
        planted: "weights from another unit",
        odd: KNOWING,
        unit: Unit::User,
        // Others speak for fewer keys beside a unit that has many.
        plant: Plant::Sessions(|given| {
            let fewer = given.len() > WHOLE + 10;
            Ok(given.into_iter().step_by(if fewer { 2 } else { 1 }).collect())
        }),
    },
    Defect {
        planted: "window by the clock",
        odd: odd("slow", || vec![session("a", 9_000)]),
        unit: Unit::User,
        plant: Plant::Loop,
    },
];

#[test]
fn every_defect_that_is_planted_beside_the_door_shows() {
    let statement = include_str!("../../../PRIVACY.md");
    for defect in DEFECTS {
        let [without, with] =
            [None, Some(&defect.odd)].map(|odd| seen(odd, defect.unit, Some(defect)));
        let found = difference(&without, &with);
        assert!(found.is_some(), "`{}` does not show", defect.planted);
        let line = format!("| {} | `neighbours::` |", defect.planted);
        assert!(statement.contains(&line), "PRIVACY.md has no line `{line}`");
    }
}
