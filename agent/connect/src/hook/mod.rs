//! Answers to an agent's hooks: at most one hint for a call, or nothing.

mod answer;
mod files;
mod given;
mod input;
mod notes;

use lore_lessons::{Hint, Situation, fails_by_its_words, programs_of, situation_of, status_of};
use lore_session::CallHint;

pub use answer::answer;
pub use files::{HintFiles, HintKey};
pub use given::{Given, GivenHint, KEPT_SECONDS};
pub use input::{HookInput, MAX_INPUT_BYTES, unix_seconds};
pub use notes::{MAX_NOTE_BYTES, MAX_NOTES, Note};

use crate::agent::Agent;

/// Event of an agent's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Before a call.
    Before,
    /// After a call.
    After,
    /// At the start of a session.
    Start,
    /// At its end.
    End,
    /// After its end, once its file is written: our own, for agents that write it then.
    Ended,
}

impl Event {
    const ALL: [(Self, &str); 5] = [
        (Self::Before, "before"),
        (Self::After, "after"),
        (Self::Start, "start"),
        (Self::End, "end"),
        (Self::Ended, "ended"),
    ];

    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(event, _)| *event == self).map_or("", |(_, name)| name)
    }

    /// Event of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(event, _)| *event)
    }
}

/// Reason why a hook says nothing that is worth a line in the log.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The agent's input is not understood.
    #[error("the input of the agent is not understood: {0}")]
    Input(String),
    /// A file of the node cannot be used.
    #[error("{0}")]
    Files(String),
}

/// The hint for what an agent's hook was told, noted as given; none when there is nothing to say.
///
/// # Errors
/// [`HookError`] when the input or the files cannot be used: the agent is then told nothing.
pub fn hint(
    agent: &Agent,
    event: Event,
    input: &HookInput,
    files: &HintFiles,
    now: u64,
) -> Result<Option<CallHint>, HookError> {
    let Some(mut call) = input.call(agent, event) else { return Ok(None) };
    if event == Event::After {
        if agent.hooks.by_words && call.exit.is_none() && !call.failed {
            call.failed = fails_by_its_words(&call);
        }
        if !call.failed && call.exit.is_none_or(|exit| exit == 0) {
            // What went well is not looked at: no file is opened for it.
            let hides = call.command.as_deref().is_some_and(|line| line.contains(['|', ';', '&']));
            if !hides {
                return Ok(None);
            }
        }
        if !status_of(&call).wants_a_hint() {
            return Ok(None);
        }
    }
    let programs = programs_of(&call, "");
    let book = files.book(&programs)?;
    if book.entries().is_empty() {
        return Ok(None);
    }
    let found = match event {
        Event::After => book.hint_or_advice(&call, ""),
        Event::Before => call.command.as_deref().and_then(|line| book.advice(line)),
        Event::Start | Event::End | Event::Ended => None,
    };
    let Some(found) = found else { return Ok(None) };
    let situation = if event == Event::After { situation_of(&call, "") } else { None };
    Ok(give(agent, input, files, found, situation.as_ref(), now))
}

/// Notes a hint as given, unless the session has had it.
fn give(
    agent: &Agent,
    input: &HookInput,
    files: &HintFiles,
    found: Hint<'_>,
    situation: Option<&Situation>,
    now: u64,
) -> Option<CallHint> {
    let hint = CallHint::from(found);
    let given = GivenHint::new(&hint, situation, now);
    let mut session = Given::of(files, &agent.id, &input.session);
    session.add(&given).then_some(hint)
}
