//! Trajectories that ml-intern saved: chat messages, and the events of the run. Written by hand after its log format.
//!
//! Messages are what was left after compaction; the events know every call, and whether it succeeded. The harness
//! speaks in the name of the user, in texts that begin with `[SYSTEM:`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{arguments_of, seconds_of, text};
use super::{Import, Importer, Place, openai, status};
use crate::Role;

pub(super) fn is_trajectory(value: &Value) -> bool {
    value.get("messages").is_some_and(Value::is_array)
        && value.get("session_id").is_some_and(Value::is_string)
        && (value.get("events").is_some_and(Value::is_array)
            || value.get("session_start_time").is_some())
}

pub(super) struct MlIntern {
    cost: Cost,
}

impl MlIntern {
    pub(super) const fn new(cost: Cost) -> Self {
        Self { cost }
    }
}

impl Importer for MlIntern {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        let messages = entry.get("messages").and_then(Value::as_array);
        let (Some(id), Some(messages)) = (text(&entry, "session_id"), messages) else {
            import.warn(place, "no session with messages; skipped");
            return;
        };
        let events = entry.get("events").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut builder = Builder::new(&self.cost);
        builder.link("session", id);
        builder.model = text(&entry, "model_name").map(str::to_owned);
        builder.started_seconds = entry.get("session_start_time").and_then(seconds_of);
        let mut lost = lost_calls(messages, events);
        for (at, message) in messages.iter().enumerate() {
            let said = text(message, "content").unwrap_or_default();
            let user = text(message, "role") == Some("user");
            let result = if user && said.trim_start().starts_with("[SYSTEM:") {
                builder.turn(Role::System, said.to_owned());
                Ok(())
            } else {
                openai::message(&mut builder, message)
            };
            if let Err(reason) = result {
                import.warn(Place::Item(at + 1), reason);
            }
            // What compaction took out came before what is left, and after the task.
            if user && !lost.is_empty() {
                builder.turn(Role::Assistant, String::new());
                for call in std::mem::take(&mut lost) {
                    call.into(&mut builder);
                }
            }
        }
        for event in events {
            ended(&mut builder, event);
        }
        let full = builder.is_full();
        import.add(builder.finish(format!("ml-intern-{id}"), "ml-intern"), full, place);
    }
}

/// A call that only events know.
struct Lost<'a> {
    id: &'a str,
    tool: &'a str,
    arguments: Value,
    output: Option<&'a str>,
}

impl Lost<'_> {
    fn into(self, builder: &mut Builder) {
        builder.call(Some(self.id.to_owned()), self.tool.to_owned(), self.arguments);
        if let Some(output) = self.output {
            builder.answer(Some(self.id), None, Answer::unflagged(status::any(output), false));
        }
    }
}

fn lost_calls<'a>(messages: &[Value], events: &'a [Value]) -> Vec<Lost<'a>> {
    let calls = messages.iter().filter_map(|message| message.get("tool_calls")?.as_array());
    let known: BTreeSet<&str> = calls.flatten().filter_map(|call| text(call, "id")).collect();
    let of_kind = |kind: &'static str| {
        let events = events.iter().filter(move |event| text(event, "event_type") == Some(kind));
        events.filter_map(|event| event.get("data"))
    };
    let outputs = of_kind("tool_output");
    let outputs: Vec<(&str, &str)> = outputs
        .filter_map(|data| Some((text(data, "tool_call_id")?, text(data, "output")?)))
        .collect();
    let outputs: std::collections::BTreeMap<&str, &str> = outputs.into_iter().collect();
    let lost = of_kind("tool_call").filter_map(|data| {
        let id = text(data, "tool_call_id").filter(|id| !known.contains(id))?;
        let (arguments, _) = arguments_of(data.get("arguments"));
        Some(Lost { id, tool: text(data, "tool")?, arguments, output: outputs.get(id).copied() })
    });
    lost.collect()
}

fn ended(builder: &mut Builder, event: &Value) {
    let data = event.get("data").unwrap_or(&Value::Null);
    let success = data.get("success").and_then(Value::as_bool);
    let (Some(success), Some(id)) = (success, text(data, "tool_call_id")) else { return };
    if text(event, "event_type") == Some("tool_output")
        && let Some(call) = builder.call_of(id)
        && call.result.is_some()
        && call.refusal.is_none()
    {
        call.failed |= !success;
    }
}
