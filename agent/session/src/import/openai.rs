//! Lists of OpenAI chat messages with tool calls, alone or in objects with a reward.
//!
//! Read as they are found in the field: one list of messages; one object with `messages`, `traj` or
//! `trajectory`; a list of such objects (tau-bench); or one such object a line. Arguments may be a JSON
//! text or an object, results may lack the id of their call.

use std::collections::BTreeSet;

use lore_protocol::trace::Outcome;
use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{arguments_of, seconds_of, text_of};
use super::{Import, Importer, Place, status};
use crate::{Role, SessionOutcome, Source, TokenUse};

const MESSAGE_KEYS: [&str; 3] = ["messages", "traj", "trajectory"];
const TIME_KEYS: [&str; 4] = ["created", "created_at", "timestamp", "started"];
/// A reward from which a trajectory counts as a success: 1, but for rounding.
const SUCCESS_FROM: f64 = 0.999;

pub(super) fn is_document(value: &Value) -> bool {
    match value {
        Value::Array(items) => {
            items.first().is_some_and(|item| is_message(item) || messages(item).is_some())
        }
        other => messages(other).is_some(),
    }
}

fn is_message(value: &Value) -> bool {
    value.get("role").is_some_and(Value::is_string)
}

/// The messages of a trajectory: of an object, or the list itself.
fn messages(value: &Value) -> Option<&Vec<Value>> {
    let list = match value {
        Value::Array(list) => list,
        other => MESSAGE_KEYS.iter().find_map(|key| other.get(key)?.as_array())?,
    };
    list.first().is_some_and(is_message).then_some(list)
}

pub(super) struct OpenAiChat {
    seen: BTreeSet<String>,
    cost: Cost,
}

impl OpenAiChat {
    pub(super) const fn new(cost: Cost) -> Self {
        Self { seen: BTreeSet::new(), cost }
    }

    fn trajectory(&mut self, value: &Value, place: Place, import: &mut Import) {
        let Some(messages) = messages(value) else {
            import.warn(place, "no list of messages; skipped");
            return;
        };
        // The same content gives the same id, so that a second import is noticed.
        let text = value.to_string();
        self.cost.take(text.len());
        let id = format!("openai-chat-{}", &blake3::hash(text.as_bytes()).to_hex()[..32]);
        if !self.seen.insert(id.clone()) {
            import.warn(place, "the same session a second time; skipped");
            return;
        }
        let mut builder = Builder::new(&self.cost);
        builder.model = value.get("model").and_then(Value::as_str).map(str::to_owned);
        builder.started_seconds = TIME_KEYS.iter().find_map(|key| seconds_of(value.get(key)?));
        match value.get("reward") {
            None | Some(Value::Null) => {}
            Some(reward) => {
                match reward.as_f64().or_else(|| Some(f64::from(u8::from(reward.as_bool()?)))) {
                    Some(reward) => builder.outcome = Some(rewarded(reward)),
                    None => import.warn(place, "the reward is not a number; ignored"),
                }
            }
        }
        messages_into(&mut builder, messages, place, import);
        let full = builder.is_full();
        import.add(builder.finish_unnamed(id, "openai-chat"), full, place);
    }
}

impl Importer for OpenAiChat {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        match &entry {
            Value::Array(items) if !items.first().is_some_and(is_message) => {
                for (index, item) in items.iter().enumerate() {
                    self.trajectory(item, Place::Item(index + 1), import);
                }
            }
            one => self.trajectory(one, place, import),
        }
    }
}

/// Reads chat messages into a session.
pub(super) fn messages_into(
    builder: &mut Builder,
    messages: &[Value],
    place: Place,
    import: &mut Import,
) {
    for entry in messages {
        if let Err(reason) = message(builder, entry) {
            import.warn(place, reason);
        }
    }
}

fn rewarded(reward: f64) -> SessionOutcome {
    let verdict = if reward >= SUCCESS_FROM { Outcome::Success } else { Outcome::Failure };
    SessionOutcome::certain(verdict, Source::Reward)
}

pub(super) fn message(builder: &mut Builder, message: &Value) -> Result<(), &'static str> {
    let role =
        message.get("role").and_then(Value::as_str).ok_or("a message without role; skipped")?;
    let said = message.get("content").map_or_else(|| Some(String::new()), text_of);
    let said = said.ok_or("a message whose content is neither text nor list; skipped")?;
    match role {
        "system" | "developer" => builder.turn(Role::System, said),
        "user" => builder.turn(Role::User, said),
        "assistant" => return assistant(builder, message, said),
        "tool" | "function" => {
            let id = message.get("tool_call_id").and_then(Value::as_str);
            let tool = message.get("name").and_then(Value::as_str);
            let failed = says_error(&said);
            let answer = Answer::unflagged(status::any(&said), failed);
            if !builder.answer(id, tool, answer) {
                return Err("a tool result without its call; skipped");
            }
        }
        _ => return Err("a message of an unknown role; skipped"),
    }
    Ok(())
}

fn assistant(builder: &mut Builder, message: &Value, said: String) -> Result<(), &'static str> {
    builder.turn(Role::Assistant, said);
    if let Some(usage) = message.get("usage") {
        let count = |key: &str| usage.get(key).and_then(Value::as_u64);
        if let (Some(input), Some(output)) = (count("prompt_tokens"), count("completion_tokens")) {
            let details = usage.get("prompt_tokens_details");
            let cached = details.and_then(|details| details.get("cached_tokens")?.as_u64());
            builder.tokens(TokenUse { input, cached: cached.unwrap_or(0), output });
        }
    }
    let mut result = Ok(());
    let calls = message.get("tool_calls").and_then(Value::as_array);
    for call in calls.into_iter().flatten() {
        let id = call.get("id").and_then(Value::as_str).map(str::to_owned);
        if let Err(reason) = function(builder, id, call.get("function").unwrap_or(call)) {
            result = Err(reason);
        }
    }
    // The form before tool calls.
    if let Some(call) = message.get("function_call").filter(|call| call.is_object()) {
        result = result.and(function(builder, None, call));
    }
    result
}

fn function(
    builder: &mut Builder,
    id: Option<String>,
    function: &Value,
) -> Result<(), &'static str> {
    let tool = function.get("name").and_then(Value::as_str);
    let tool = tool.ok_or("a call without the name of its tool; skipped")?.to_owned();
    let (arguments, odd) = arguments_of(function.get("arguments"));
    let result = if odd { Err("arguments that are not JSON; kept as text") } else { Ok(()) };
    if builder.call(id, tool, arguments) {
        result
    } else {
        Err("a call whose id still waits for a result; skipped")
    }
}

/// Chat messages have no error flag: a result fails when it begins with the word, or is an object
/// that carries one.
pub(super) fn says_error(text: &str) -> bool {
    let start = text.trim_start();
    let word = start.get(..6).unwrap_or(start);
    if word.eq_ignore_ascii_case("error:")
        || start == "Error"
        || start.starts_with("Traceback (most recent")
    {
        return true;
    }
    if !start.starts_with('{') {
        return false;
    }
    serde_json::from_str::<Value>(start).is_ok_and(|value| {
        let flagged = value.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        let error = value.get("error").is_some_and(|e| !e.is_null() && *e != Value::Bool(false));
        flagged || error
    })
}
