//! The tool with which a model keeps its plan.

use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::excerpt::plain;
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec, arguments};

/// Longest plan.
const MAX_STEPS: usize = 50;
/// Longest step, in characters.
const MAX_STEP_CHARS: usize = 300;

/// Keeps the list of steps of a session.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    steps: Arc<Mutex<Vec<Step>>>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The step's text.
    pub text: String,
    /// The step's status.
    pub status: Status,
}

/// Status of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not begun.
    Pending,
    /// Being worked on.
    InProgress,
    /// Done.
    Done,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Arguments {
    /// All steps in their order; replaces the plan.
    steps: Vec<Step>,
}

impl Plan {
    /// The steps as they are now, to show them.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, steps: Vec<Step>) -> ToolOutput {
        if steps.len() > MAX_STEPS {
            return ToolOutput::error("more than 50 steps; put several into one");
        }
        if steps.iter().filter(|step| step.status == Status::InProgress).count() > 1 {
            return ToolOutput::error("more than one step is in progress; work on one at a time");
        }
        let bad =
            |step: &Step| step.text.trim().is_empty() || step.text.chars().count() > MAX_STEP_CHARS;
        if steps.iter().any(bad) {
            return ToolOutput::error("a step has 1 to 300 characters");
        }
        let mut text = String::new();
        for (number, step) in (1..).zip(&steps) {
            let mark = match step.status {
                Status::Pending => " ",
                Status::InProgress => ">",
                Status::Done => "x",
            };
            text.push_str(&format!("{number}. [{mark}] {}\n", plain(step.text.as_bytes())));
        }
        *self.steps.lock().unwrap_or_else(PoisonError::into_inner) = steps;
        ToolOutput::ok(if text.is_empty() { "the plan is empty".to_owned() } else { text })
    }
}

impl Tool for Plan {
    fn spec(&self) -> ToolSpec {
        arguments::spec::<Arguments>(
            "plan",
            "Sets the list of steps for a task with several. Give all steps each time; one at most is \
             in_progress.",
        )
    }

    fn call<'a>(&'a self, arguments: Value, _: &'a ToolContext) -> ToolFuture<'a> {
        let output = match arguments::parse::<Arguments>(arguments) {
            Ok(arguments) => self.replace(arguments.steps),
            Err(output) => output,
        };
        Box::pin(std::future::ready(output))
    }
}
