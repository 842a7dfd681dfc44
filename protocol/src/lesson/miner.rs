//! The miner: one session in, at most one bundle of keys out. Deterministic and pure.
//!
//! Supporters of one lesson took different wrong turns before they found the same way. The primary
//! example therefore depends on nothing but the successful end of the session and the values of its
//! task: its tool is the successful command's main tool, its error class is constant
//! ([`ErrorClass::None`]), its subject is left to the command itself ([`super::group_key`] reads it
//! there).

use super::finder::values;
use super::step::Step;
use super::value::Value;
use super::{
    Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger, Word, command, fix, vocabulary,
};
use crate::trace::{Outcome, Trace};

/// What one session contributes to a lesson release.
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

/// The bundle of a session: the example when it failed at least once and ended in verified success,
/// else the fix, else what to avoid. A session that never failed yields none.
#[must_use]
pub fn mine(trace: &Trace) -> Option<Bundle> {
    let values = values(&trace.task);
    let steps = Step::read(trace, &values);
    if !steps.iter().any(|step| step.failed) {
        return None;
    }
    let primary = example(trace, &steps)
        .or_else(|| fix::fixes(&steps).pop())
        .or_else(|| fix::avoid(&steps))?;
    Some(Bundle { primary, topics: vocabulary::topics(&trace.task) })
}

/// Every lesson that a session supports, without duplicates: the example, the fixes in the order of
/// the session, what to avoid.
#[must_use]
pub fn candidates(trace: &Trace) -> Vec<Lesson> {
    let values: Vec<Value> = values(&trace.task);
    let steps = Step::read(trace, &values);
    let mut out: Vec<Lesson> = Vec::new();
    let found =
        example(trace, &steps).into_iter().chain(fix::fixes(&steps)).chain(fix::avoid(&steps));
    for lesson in found {
        if !out.contains(&lesson) {
            out.push(lesson);
        }
    }
    out
}

/// The worked example of a session that failed and then succeeded.
fn example(trace: &Trace, steps: &[Step]) -> Option<Lesson> {
    if trace.outcome != Outcome::Success {
        return None;
    }
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
    for step in &steps[from..at] {
        let Some(template) = &step.template else {
            continue;
        };
        let text = template.as_str();
        let acts = !step.verdict && !step.looks && !step.structured && !command::only_fetches(text);
        if acts && text != main.as_str() && !parts.contains(&text) {
            parts.push(text);
        }
    }
    parts.push(main.as_str());
    // A command that was sent to the background already ends in an operator.
    Token::new(parts.join(" && ").replace(" & && ", " & ")).ok()
}
