//! Trajectories in the Agent Trajectory Interchange Format, versions 1.0 to 1.8 (`trajectory.json`), written by
//! hand after its specification.
//!
//! A step of the agent holds its calls and, in `observation`, their results by `source_call_id`.

use lore_lessons::beginning;
use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{arguments_of, flag, seconds_of, text, text_of};
use super::{Import, Importer, Place, openai, status};
use crate::{Role, TokenUse};

/// The major version that is read. A minor one only adds fields.
const SCHEMA: &str = "ATIF-v1.";
/// Longest name of an agent, in bytes.
const NAME_BYTES: usize = 40;

pub(super) fn is_trajectory(value: &Value) -> bool {
    text(value, "schema_version").is_some_and(|version| version.starts_with("ATIF-"))
}

pub(super) struct Atif {
    cost: Cost,
}

impl Atif {
    pub(super) const fn new(cost: Cost) -> Self {
        Self { cost }
    }
}

impl Importer for Atif {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        if !text(&entry, "schema_version").is_some_and(|version| version.starts_with(SCHEMA)) {
            import.warn(place, "a trajectory of a later format; skipped, update this program");
            return;
        }
        let Some(steps) = entry.get("steps").and_then(Value::as_array) else {
            import.warn(place, "no list of steps; skipped");
            return;
        };
        let mut builder = Builder::new(&self.cost);
        let agent = entry.get("agent").unwrap_or(&Value::Null);
        builder.model = text(agent, "model_name").map(str::to_owned);
        if let Some(id) = text(&entry, "session_id") {
            builder.link("session", id);
        }
        for (at, step) in steps.iter().enumerate() {
            if let Err(reason) = take(&mut builder, step) {
                import.warn(Place::Item(at + 1), reason);
            }
        }
        let harness = beginning(text(agent, "name").unwrap_or("atif"), NAME_BYTES).to_owned();
        let full = builder.is_full();
        let found = if let Some(id) = text(&entry, "session_id") {
            builder.finish(format!("atif-{id}"), &harness)
        } else {
            let text = entry.to_string();
            self.cost.take(text.len());
            let id = format!("atif-{}", &blake3::hash(text.as_bytes()).to_hex()[..32]);
            builder.finish_unnamed(id, &harness)
        };
        import.add(found, full, place);
    }
}

fn take(builder: &mut Builder, step: &Value) -> Result<(), &'static str> {
    let said = step.get("message").and_then(text_of).unwrap_or_default();
    // Steps that were copied from an earlier trajectory, for context.
    if flag(step, "is_copied_context") {
        return Ok(());
    }
    match text(step, "source").ok_or("a step without source; skipped")? {
        "user" => builder.turn(Role::User, said),
        "system" => builder.turn(Role::System, said),
        "agent" => builder.turn(Role::Assistant, said),
        _ => return Err("a step of an unknown source; skipped"),
    }
    builder.at(step.get("timestamp").and_then(seconds_of));
    if let Some(metrics) = step.get("metrics") {
        let count = |key: &str| metrics.get(key).and_then(Value::as_u64);
        if let (Some(input), Some(output)) = (count("prompt_tokens"), count("completion_tokens")) {
            let cached = count("cached_tokens").unwrap_or(0);
            builder.tokens(TokenUse { input, cached, output });
        }
    }
    let mut result = Ok(());
    for call in step.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let id = text(call, "tool_call_id").map(str::to_owned);
        let (arguments, _) = arguments_of(call.get("arguments"));
        match text(call, "function_name") {
            Some(tool) if builder.call(id, tool.to_owned(), arguments) => {}
            Some(_) => result = Err("a call whose id still waits for a result; skipped"),
            None => result = Err("a call without the name of its tool; skipped"),
        }
    }
    let results = step.pointer("/observation/results").and_then(Value::as_array);
    for answered in results.into_iter().flatten() {
        let text_said = answered.get("content").and_then(text_of).unwrap_or_default();
        let extra = answered.get("extra").unwrap_or(&Value::Null);
        let mut said = status::any(&text_said);
        let code = ["exit_code", "returncode"].iter().find_map(|key| extra.get(key)?.as_i64());
        said.exit = code.and_then(|code| i32::try_from(code).ok()).or(said.exit);
        let failed = flag(extra, "is_error")
            || extra.get("success").and_then(Value::as_bool) == Some(false)
            || (said.exit.is_none() && openai::says_error(&text_said));
        // A result that names no call is the step's only one, or the state of a terminal.
        if !builder.answer(text(answered, "source_call_id"), None, Answer::unflagged(said, failed))
            && answered.get("source_call_id").is_some_and(Value::is_string)
        {
            result = Err("a tool result without its call; skipped");
        }
    }
    result
}
