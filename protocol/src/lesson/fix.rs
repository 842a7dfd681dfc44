//! The key of a lesson that is read off a failing and a working call.

use super::step::Step;
use super::{Action, Lesson, Op, Token, Trigger, command};

/// The trigger names the failing tool and its error; the subject is the endpoint class, or what else
/// the working command is about, so that a fix joins the skill of its example.
pub(super) fn lesson(op: Op, failing: &Step, working: &Step, action: Action) -> Option<Lesson> {
    let template = working.template.as_ref()?.as_str();
    let derived = matches!(action, Action::Example(_) | Action::UseEndpoint(_));
    let subject = command::endpoint(template).or_else(|| command::subject(template, &working.tool));
    let subject = subject.filter(|_| !derived).and_then(|text| Token::new(text).ok());
    let tool = if op == Op::Avoid { &failing.tool } else { &working.tool };
    let trigger = Trigger { tool: Token::new(tool.clone()).ok()?, error: failing.error, subject };
    let shorter = Trigger { subject: None, ..trigger.clone() };
    let made = Lesson::new(None, op, trigger, action.clone());
    made.or_else(|_| Lesson::new(None, op, shorter, action)).ok()
}

/// A step's short name: the tool and what it is about.
pub(super) fn step_name(template: &str, tool: &str) -> String {
    match command::subject(template, tool) {
        Some(subject) if subject != template => format!("{tool} {subject}"),
        _ => template.to_owned(),
    }
}
