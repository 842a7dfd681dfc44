//! What `opencode export ID` writes: one document with the session and its messages. Tried with 1.18.33.
//!
//! OpenCode itself keeps sessions in a database; the export is its interface. Results stand in the parts
//! of a message beside their calls. A question that the harness runs counts as answered when its state says so.

use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{flag, seconds_of, text};
use super::{Import, Importer, Place, status};
use crate::{Role, TokenUse};

pub(super) fn is_export(value: &Value) -> bool {
    value.pointer("/info/id").is_some_and(Value::is_string)
        && value.pointer("/info/time").is_some()
        && value.get("messages").is_some_and(Value::is_array)
}

pub(super) struct OpenCode {
    cost: Cost,
}

impl OpenCode {
    pub(super) const fn new(cost: Cost) -> Self {
        Self { cost }
    }
}

impl Importer for OpenCode {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        let id = entry.pointer("/info/id").and_then(Value::as_str);
        let (Some(id), Some(messages)) = (id, entry.get("messages").and_then(Value::as_array))
        else {
            import.warn(place, "no session with messages; skipped");
            return;
        };
        let mut builder = Builder::new(&self.cost);
        builder.started_seconds = entry.pointer("/info/time/created").and_then(seconds_of);
        builder.link("session", id);
        // A sub-agent's session.
        if let Some(parent) = entry.pointer("/info/parentID").and_then(Value::as_str) {
            builder.link("session", parent);
        }
        for (at, message) in messages.iter().enumerate() {
            if let Err(reason) = said(&mut builder, message) {
                import.warn(Place::Item(at + 1), reason);
            }
        }
        let full = builder.is_full();
        import.add(builder.finish(format!("opencode-{id}"), "opencode"), full, place);
    }
}

fn said(builder: &mut Builder, message: &Value) -> Result<(), &'static str> {
    let info = message.get("info").ok_or("a message without `info`; skipped")?;
    let role = match text(info, "role").ok_or("a message without role; skipped")? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => Role::System,
    };
    let parts = message.get("parts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let texts = |synthetic: bool| {
        let texts = parts.iter().filter(|part| text(part, "type") == Some("text"));
        let texts = texts.filter(|part| flag(part, "synthetic") == synthetic);
        texts.filter_map(|part| text(part, "text")).collect::<Vec<_>>().join("\n")
    };
    let (words, added) = (texts(false), texts(true));
    if !added.is_empty() {
        builder.turn(Role::System, added);
    }
    if role != Role::Assistant && words.trim().is_empty() {
        return Ok(());
    }
    builder.turn(role, words);
    text(info, "id").into_iter().for_each(|id| builder.name(id));
    builder.at(info.pointer("/time/created").and_then(seconds_of));
    if role == Role::Assistant {
        builder.model = builder.model.take().or_else(|| text(info, "modelID").map(str::to_owned));
        let count = |key: &str| info.pointer(key).and_then(Value::as_u64).unwrap_or(0);
        let cached = count("/tokens/cache/read");
        let input = count("/tokens/input").saturating_add(cached);
        builder.tokens(TokenUse { input, cached, output: count("/tokens/output") });
    }
    let mut result = Ok(());
    for part in parts.iter().filter(|part| text(part, "type") == Some("tool")) {
        result = call(builder, part).and(result);
    }
    result
}

fn call(builder: &mut Builder, part: &Value) -> Result<(), &'static str> {
    let tool = text(part, "tool").ok_or("a call without the name of its tool; skipped")?;
    let state = part.get("state").unwrap_or(&Value::Null);
    let id = text(part, "callID");
    let arguments = state.get("input").cloned().unwrap_or(Value::Null);
    if !builder.call(id.map(str::to_owned), tool.to_owned(), arguments) {
        return Err("a call whose id still waits for a result; skipped");
    }
    let failed = text(state, "status") == Some("error");
    let Some(said) = text(state, "output")
        .or_else(|| text(state, "error"))
        .filter(|_| matches!(text(state, "status"), Some("completed" | "error")))
    else {
        return Ok(());
    };
    let mut said = status::plain(said);
    let exit = state.pointer("/metadata/exit").and_then(Value::as_i64);
    said.exit = exit.and_then(|exit| i32::try_from(exit).ok());
    let mut answer = Answer::said(said, failed);
    if failed
        && text(state, "error").is_some_and(|error| error.starts_with("Tool execution aborted"))
    {
        (answer.refusal, answer.failed) = (Some(crate::Refusal::Cancelled), false);
    }
    let time = |key: &str| state.pointer(key).and_then(Value::as_u64);
    if let (Some(start), Some(end)) = (time("/time/start"), time("/time/end")) {
        answer.duration_ms = Some(end.saturating_sub(start));
    }
    builder.answer(id, Some(tool), answer);
    Ok(())
}
