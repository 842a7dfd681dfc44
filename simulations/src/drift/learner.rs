//! Somebody who learns: a federation, or one node.

use std::collections::BTreeMap;

use lore_lessons::{Book, Call, Circle, Entry, Tally};
use lore_privacy::PrivacyError;
use lore_protocol::ids::MemberId;
use lore_protocol::lesson::{Action, ErrorClass, Lesson, Op, Token, Trigger};
use lore_protocol::library::{Counts, LessonState, Pool, Watch};

use super::Arm;

/// The charter's default cap of one voice's counts.
const CAP: u32 = 1_000;

/// What is known of the two remedies, and what is hinted.
#[derive(Default)]
pub(super) struct Learner {
    watches: [Watch; 2],
    sums: [BTreeMap<MemberId, Counts>; 2],
    pub(super) hinted: Option<usize>,
    /// Epoch of the first alarm about each lesson since the last change.
    pub(super) alarms: [Option<u32>; 2],
}

impl Learner {
    /// Takes in the releases of an epoch, and says what is hinted from now on.
    pub(super) fn learn(&mut self, remedies: &[Lesson; 2], epoch: u32, came: &[Came; 2], arm: Arm) {
        let mut book = Book::new();
        for (n, came) in came.iter().enumerate() {
            self.watches[n].observe(CAP, epoch, |author| author, came);
            for (author, more) in came {
                let sum = self.sums[n].entry(*author).or_default();
                sum.successes += more.successes;
                sum.failures += more.failures;
                sum.variance_micros += more.variance_micros;
            }
            let state = self.watches[n].state;
            if matches!(state, LessonState::Drifting { .. }) && self.alarms[n].is_none() {
                self.alarms[n] = Some(epoch);
            }
            let mut pool = Pool::new(CAP);
            let known = if arm == Arm::AllTime { &self.sums[n] } else { &self.watches[n].recent };
            known.values().for_each(|counts| pool.add([counts]));
            let Some(estimate) = pool.estimate() else { continue };
            book.add(Entry {
                lesson: remedies[n].clone(),
                circle: Circle::Federation,
                tally: Tally::pooled(1, Some(&estimate)),
                example: String::new(),
                public: true,
                state: if arm == Arm::AllTime { LessonState::Steady } else { state },
            });
        }
        let hint = book.hint(&failing_call(), "");
        self.hinted =
            hint.and_then(|hint| remedies.iter().position(|one| *one == hint.entry.lesson));
    }
}

/// Counts of one lesson in one epoch, by author.
pub(super) type Came = BTreeMap<MemberId, Counts>;

fn failing_call() -> Call {
    Call {
        tool: "bash".into(),
        command: Some("deploy --target blue".into()),
        exit: Some(2),
        failed: true,
        output: Some("error: unknown option: --target".into()),
        ..Call::default()
    }
}

pub(super) fn remedies() -> Result<[Lesson; 2], PrivacyError> {
    let bad = || PrivacyError::Unsupported("a lesson of the simulation");
    let token = |text: &str| Token::new(text).map_err(|_| bad());
    let make = |new: &str| {
        let old = token("--target")?;
        let trigger = Trigger {
            tool: token("deploy")?,
            error: ErrorClass::UnknownOption,
            subject: Some(old.clone()),
        };
        let action = Action::UseArgument { old, new: token(new)? };
        Lesson::new(None, Op::Fix, trigger, action).map_err(|_| bad())
    };
    Ok([make("--to")?, make("--stage")?])
}
