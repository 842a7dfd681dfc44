//! Hints: what is known about a call that did not do its job, shown beside its result.
//!
//! The text of a hint is data. It stands apart from the result in every record, so that no reader takes it
//! for what the tool said; a result that imitates one is a result.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lore_lessons::{Book, Situation, situation_of, status_of};
use lore_protocol::ids::LessonId;
use lore_session::{CallHint, ToolCall};

use crate::model::{Call, Message, ToolResult};

/// Longest time that a hint is waited for. A result without one is as good as before.
const PATIENCE: Duration = Duration::from_secs(2);

/// A look-up under way.
pub type HintFuture<'a> = Pin<Box<dyn Future<Output = Option<CallHint>> + Send + 'a>>;

/// Source of hints. It is asked only about calls that did not do their job.
pub trait Hints: Debug + Send + Sync {
    /// The one hint for a call, or none. `task` is the user's task.
    fn hint<'a>(&'a self, call: &'a lore_lessons::Call, task: &'a str) -> HintFuture<'a>;
}

impl Hints for Book {
    fn hint<'a>(&'a self, call: &'a lore_lessons::Call, task: &'a str) -> HintFuture<'a> {
        Box::pin(async move { self.hint_or_advice(call, task).map(CallHint::from) })
    }
}

/// Gives the hints of one session: each situation gets at most one, and each lesson is shown once.
#[derive(Debug)]
pub struct Hinter {
    source: Arc<dyn Hints>,
    given: Mutex<Given>,
}

/// Hints that a session has had.
#[derive(Debug, Default)]
struct Given {
    situations: BTreeSet<Situation>,
    lessons: BTreeSet<LessonId>,
}

impl Hinter {
    /// Hints of `source` for a session in which `said` was said before.
    #[must_use]
    pub fn new(source: Arc<dyn Hints>, said: &[Arc<Message>]) -> Self {
        let mut given = Given::default();
        let task = task_of(said);
        for message in said {
            let Message::Result(result) = &**message else { continue };
            let Some(hint) = &result.hint else { continue };
            given.lessons.insert(hint.lesson);
            let mut calls = said.iter().flat_map(|message| message.calls());
            let call = calls.rfind(|call| call.id == result.call);
            let situation = call.and_then(|call| situation_of(&for_lessons(call, result), task));
            given.situations.extend(situation);
        }
        Self { source, given: Mutex::new(given) }
    }

    /// The hint to show beside a result.
    pub(super) async fn beside(
        &self,
        call: &Call,
        result: &ToolResult,
        task: &str,
    ) -> Option<CallHint> {
        let call = for_lessons(call, result);
        if !status_of(&call).wants_a_hint() {
            return None;
        }
        let situation = situation_of(&call, task);
        if situation.as_ref().is_some_and(|one| self.given().situations.contains(one)) {
            return None;
        }
        let found = tokio::time::timeout(PATIENCE, self.source.hint(&call, task)).await;
        let found = found.ok().flatten()?;
        let CallHint { lesson, circle, exact, advice, text } = found;
        let mut given = self.given();
        if !given.lessons.insert(lesson) {
            return None;
        }
        given.situations.extend(situation);
        Some(CallHint::new(lesson, circle, exact, advice, &text))
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user's task in a conversation.
pub(super) fn task_of(messages: &[Arc<Message>]) -> &str {
    let mut tasks = messages.iter().filter(|message| matches!(&***message, Message::User { .. }));
    tasks.next().map_or("", |message| message.text())
}

/// A call with its result, as lessons are read from the session that it becomes.
fn for_lessons(call: &Call, result: &ToolResult) -> lore_lessons::Call {
    let call = ToolCall {
        result: Some(result.text.clone()),
        exit: result.exit_code,
        failed: result.is_error,
        ..ToolCall::new(None, call.tool.clone(), call.arguments.clone())
    };
    call.for_lessons()
}
