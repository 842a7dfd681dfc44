//! Trajectories of SWE-agent (`*.traj`): `trajectory` holds steps of an action and an observation, `history` the
//! messages. Read after its documentation of the 1.x output.
//!
//! An observation gives no status: whether a step failed is not known, unless the text has a known form. What an
//! agent was told to submit says nothing about the result.

use serde_json::{Value, json};

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{text, text_of};
use super::{Import, Importer, Place, status};
use crate::Role;

/// Programs of the harness that are no commands of a shell, by the first word of an action.
const TOOLS: [&str; 12] = [
    "str_replace_editor",
    "submit",
    "open",
    "goto",
    "scroll_up",
    "scroll_down",
    "create",
    "edit",
    "search_dir",
    "search_file",
    "find_file",
    "exit_cost",
];

pub(super) fn is_trajectory(value: &Value) -> bool {
    value
        .get("trajectory")
        .and_then(Value::as_array)
        .is_some_and(|steps| steps.first().is_none_or(|step| step.get("action").is_some()))
        && (value.get("history").is_some() || value.get("info").is_some())
        && value.get("messages").is_none()
}

pub(super) struct SweAgent {
    cost: Cost,
}

impl SweAgent {
    pub(super) const fn new(cost: Cost) -> Self {
        Self { cost }
    }
}

impl Importer for SweAgent {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        let Some(steps) = entry.get("trajectory").and_then(Value::as_array) else {
            import.warn(place, "no list of steps; skipped");
            return;
        };
        let mut builder = Builder::new(&self.cost);
        let history = entry.get("history").and_then(Value::as_array);
        for message in history.into_iter().flatten() {
            // Demonstrations are someone else's work, and what follows the task is in the steps.
            let demo = message.get("is_demo").and_then(Value::as_bool) == Some(true)
                || text(message, "message_type") == Some("demonstration");
            let said = message.get("content").and_then(text_of).unwrap_or_default();
            match text(message, "role") {
                Some("system") if !demo => builder.turn(Role::System, said),
                Some("user") if !demo => {
                    builder.turn(Role::User, said);
                    break;
                }
                _ => {}
            }
        }
        for (at, step) in steps.iter().enumerate() {
            if let Err(reason) = take(&mut builder, step) {
                import.warn(Place::Item(at + 1), reason);
            }
        }
        let text = steps.iter().map(Value::to_string).collect::<String>();
        self.cost.take(text.len());
        let id = format!("swe-agent-{}", &blake3::hash(text.as_bytes()).to_hex()[..32]);
        let full = builder.is_full();
        import.add(builder.finish_unnamed(id, "swe-agent"), full, place);
    }
}

fn take(builder: &mut Builder, step: &Value) -> Result<(), &'static str> {
    let action = text(step, "action").ok_or("a step without action; skipped")?.trim();
    let thought = text(step, "thought").unwrap_or_default();
    builder.turn(Role::Assistant, thought.to_owned());
    if action.is_empty() {
        return Ok(());
    }
    let first = action.split_whitespace().next().unwrap_or_default();
    let tool = TOOLS.iter().find(|tool| **tool == first).copied().unwrap_or("bash");
    builder.call(None, tool.to_owned(), json!({"command": action}));
    let Some(observation) = step.get("observation").and_then(text_of) else { return Ok(()) };
    let mut answer = Answer::unflagged(status::any(&observation), false);
    let seconds = step.get("execution_time").and_then(Value::as_f64);
    let millis = seconds.map(|seconds| seconds * 1000.0);
    // In range by the filter.
    answer.duration_ms = millis.filter(|ms| (0.0..1e12).contains(ms)).map(|ms| ms as u64);
    builder.answer(None, None, answer);
    Ok(())
}
