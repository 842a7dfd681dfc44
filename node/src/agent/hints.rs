//! Hints for a task: the user's own lessons, those of the node and its federations, and the codebook.

use std::sync::{Arc, Mutex, PoisonError};

use lore_agent::turn::{HintFuture, Hints};
use lore_control::LessonHint;
use lore_lessons::{Book, Call, Circle};
use lore_session::CallHint;

use crate::control;
use crate::error::CliError;
use crate::home::Home;
use crate::host::{Machine, Node};

/// Hints from this node: a running daemon is asked about each call; without one the book is made once, at the
/// first call that did not do its job.
#[derive(Clone)]
pub struct NodeHints {
    home: Home,
    machine: Machine,
    user: String,
    book: Arc<Mutex<Option<Arc<Book>>>>,
}

impl std::fmt::Debug for NodeHints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeHints").field("user", &self.user).finish_non_exhaustive()
    }
}

impl NodeHints {
    /// Hints for a user of a node.
    #[must_use]
    pub fn new(home: &Home, machine: &Machine, user: &str) -> Self {
        Self {
            home: home.clone(),
            machine: machine.clone(),
            user: user.to_owned(),
            book: Arc::default(),
        }
    }

    fn look_up(&self, call: &Call, task: &str) -> Result<Option<CallHint>, CliError> {
        let ask = LessonHint {
            user: self.user.clone(),
            tool: call.tool.clone(),
            command: call.command.clone(),
            output: Some(call.output.clone().unwrap_or_default()),
            exit: call.exit,
            task: task.to_owned(),
        };
        if let Some(hinted) = control::ask_daemon(&self.home, ask)? {
            return Ok(hinted.hint.and_then(|shown| of_daemon(&shown)));
        }
        let book = self.book()?;
        Ok(book.hint_or_advice(call, task).map(CallHint::from))
    }

    fn book(&self) -> Result<Arc<Book>, CliError> {
        let mut kept = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(book) = &*kept {
            return Ok(Arc::clone(book));
        }
        let _lock = self.home.lock()?;
        let node = Node::open(self.home.clone(), &self.machine)?;
        let book = Arc::new(node.book(&self.user)?);
        *kept = Some(Arc::clone(&book));
        Ok(book)
    }
}

impl Hints for NodeHints {
    fn hint<'a>(&'a self, call: &'a Call, task: &'a str) -> HintFuture<'a> {
        let (own, call, task) = (self.clone(), call.clone(), task.to_owned());
        Box::pin(async move {
            let looked = tokio::task::spawn_blocking(move || own.look_up(&call, &task)).await;
            // A hint that cannot be had is none: the next failure asks again.
            looked.ok()?.ok()?
        })
    }
}

fn of_daemon(shown: &lore_control::HintShown) -> Option<CallHint> {
    let circle = match shown.circle {
        lore_control::Circle::Own => Circle::Own,
        lore_control::Circle::Devices => Circle::Devices,
        lore_control::Circle::Node => Circle::Node,
        lore_control::Circle::Federation => Circle::Federation,
        lore_control::Circle::Codebook => Circle::Codebook,
    };
    let lesson = shown.id.to_string().parse().ok()?;
    Some(CallHint::new(lesson, circle, shown.exact, shown.advice, &shown.text))
}
