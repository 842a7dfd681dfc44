//! Answers in the agents' forms.

use lore_session::CallHint;
use serde_json::json;

use super::{Event, HookInput};
use crate::agent::{Agent, AnswerForm};

/// The line that an agent is answered with: a hint as its model reads it. It never blocks a call.
#[must_use]
pub fn answer(agent: &Agent, event: Event, input: &HookInput, hint: &CallHint) -> String {
    let text = hint.shown();
    match agent.hooks.answer {
        AnswerForm::Text => text,
        AnswerForm::Flat => json!({ "additionalContext": text }).to_string(),
        AnswerForm::Nested => {
            let named = input.event_name().filter(|name| is_event(agent, event, name));
            let usual = match event {
                Event::Before => agent.hooks.before.as_deref(),
                Event::After => agent.hooks.after.first().map(String::as_str),
                Event::Start => agent.hooks.start.as_deref(),
                Event::End | Event::Ended => agent.hooks.end.as_deref(),
            };
            let name = named.or(usual).unwrap_or_default();
            json!({"hookSpecificOutput": {"hookEventName": name, "additionalContext": text}})
                .to_string()
        }
    }
}

fn is_event(agent: &Agent, event: Event, name: &str) -> bool {
    match event {
        Event::Before => agent.hooks.before.as_deref() == Some(name),
        Event::After => agent.hooks.after.iter().any(|known| known == name),
        Event::Start => agent.hooks.start.as_deref() == Some(name),
        Event::End | Event::Ended => agent.hooks.end.as_deref() == Some(name),
    }
}
