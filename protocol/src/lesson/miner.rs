//! The miner of worked examples: one session in, at most one bundle of keys out. Deterministic and pure.
//! What else a session teaches, its failures and what then worked, is read in another room.
//!
//! Supporters of one lesson took different wrong turns before they found the same way. The primary
//! example therefore depends on nothing but the successful end of the session and the values of its
//! task: its tool is the successful command's main tool, its error class is constant
//! ([`ErrorClass::None`]), its subject is left to the command itself ([`super::group_key`] reads it
//! there).

use std::collections::BTreeSet;

use super::finder::values_within;
use super::step::{self, Step};
use super::{
    Action, ErrorClass, Lesson, LessonKey, MAX_TASK_BYTES, Op, Token, Trigger, Word, command,
    vocabulary,
};
use crate::steps::Steps;
use crate::trace::{Outcome, Trace};

/// Contribution of one session to a lesson release.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Bundle {
    /// The session's one primary lesson.
    pub primary: Lesson,
    /// At most two topic words of its task.
    pub topics: Vec<Word>,
}

impl Bundle {
    /// The keys that compete for a unit's slots: the primary key, then its topic keys.
    #[must_use]
    pub fn keys(&self) -> Vec<LessonKey> {
        let lesson = self.primary.id();
        let topic = |word: &Word| LessonKey::Topic { lesson, word: word.clone() };
        let primary = LessonKey::Primary(self.primary.clone());
        std::iter::once(primary).chain(self.topics.iter().map(topic)).collect()
    }
}

/// The worked example of a session, when it failed at least once and ended in verified success. A session that
/// takes more than [`crate::steps::MAX_SESSION_STEPS`] yields none.
#[must_use]
pub fn mine(trace: &Trace) -> Option<Bundle> {
    mine_within(trace, &Steps::of_a_session())
}

/// As [`mine`], within a budget: none when it is spent.
#[must_use]
pub fn mine_within(trace: &Trace, budget: &Steps) -> Option<Bundle> {
    if trace.outcome != Outcome::Success {
        return None;
    }
    let values = values_within(&trace.task, budget);
    let steps = Step::read(trace, &values, budget);
    let primary = example(&steps)?;
    budget.take(trace.task.len().min(MAX_TASK_BYTES));
    let topics = vocabulary::topics(&trace.task);
    (!budget.spent()).then_some(Bundle { primary, topics })
}

/// The command lines of the calls that did not fail, as templates: each as a shell's, and with the name
/// of its tool before it. None of a session that takes more steps than the budget has.
#[must_use]
pub fn worked_within(trace: &Trace, budget: &Steps) -> BTreeSet<Token> {
    let values = values_within(&trace.task, budget);
    let mut out = BTreeSet::new();
    for call in trace.calls.iter().filter(|call| !call.failed) {
        if budget.spent() {
            return BTreeSet::new();
        }
        let name = step::tool_name(call);
        out.extend(step::template(call, None, &values, budget));
        out.extend(step::template(call, Some(&name), &values, budget));
    }
    if budget.spent() { BTreeSet::new() } else { out }
}

/// The worked example of a session that failed and then succeeded.
fn example(steps: &[Step]) -> Option<Lesson> {
    let at = decisive(steps)?;
    let step = &steps[at];
    let main = step.template.as_ref()?;
    let tool = Token::new(step.tool.clone()).ok()?;
    let make = |template: Token| {
        let trigger = Trigger { tool: tool.clone(), error: ErrorClass::None, subject: None };
        Lesson::new(None, Op::Prefer, trigger, Action::Example(template)).ok()
    };
    let joined = joined(steps, at, main).and_then(make);
    joined.or_else(|| make(main.clone()))
}

/// The call that did the job: the last succeeding one of the family of the first failing call, else
/// the last succeeding one that did more than look.
fn decisive(steps: &[Step]) -> Option<usize> {
    let first = steps.iter().position(|step| step.failed)?;
    // A failing verdict is about the call before it.
    let blamed = steps[..=first].iter().rposition(|step| !step.verdict);
    let family = blamed.map(|at| steps[at].tool.as_str());
    let last = |fits: &dyn Fn(&Step) -> bool| {
        let worked = |step: &Step| !step.failed && !step.verdict && step.template.is_some();
        steps.iter().rposition(|step| worked(step) && fits(step)).filter(|at| Some(*at) >= blamed)
    };
    let same = |step: &Step| Some(step.tool.as_str()) == family;
    last(&|step| same(step) && !step.looks)
        .or_else(|| last(&|step| !step.looks))
        .or_else(|| last(&same))
}

/// The decisive command after the state-changing ones that succeeded between the last failure and it.
fn joined(steps: &[Step], at: usize, main: &Token) -> Option<Token> {
    let from = steps[..at].iter().rposition(|step| step.failed).map_or(0, |failed| failed + 1);
    let mut parts: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::from([main.as_str()]);
    for step in &steps[from..at] {
        let Some(template) = &step.template else {
            continue;
        };
        let text = template.as_str();
        let acts = !step.verdict && !step.looks && !step.structured && !command::only_fetches(text);
        if acts && seen.insert(text) {
            parts.push(text);
        }
    }
    parts.push(main.as_str());
    // A command that was sent to the background already ends in an operator.
    Token::new(parts.join(" && ").replace(" & && ", " & ")).ok()
}
