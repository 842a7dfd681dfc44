//! Rollouts of Codex: `~/.codex/sessions/YEAR/MONTH/DAY/rollout-*.jsonl`. Tried with 0.171.0, and with the
//! shapes that earlier versions wrote.
//!
//! Each line of today's rollouts wraps an item with a time and a kind; older ones (before the middle of 2025) hold
//! the bare items after a line that names the session, and the oldest are one document with `session` and
//! `items`. Words of the harness come as messages of the user; `user_message` events repeat what the person
//! said. A status stands in the text of an output, and in newer versions in the event of the command.

use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{arguments_of, seconds_of, text, text_of};
use super::{Import, Importer, Place, status};
use crate::{Refusal, Role, TokenUse};

/// Kinds of today's lines.
const KINDS: [&str; 5] =
    ["session_meta", "response_item", "event_msg", "turn_context", "compacted"];
/// Kinds of items.
const ITEMS: [&str; 8] = [
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
];
/// Beginnings of what the harness says in the name of the user.
const INJECTED: [&str; 9] = [
    "<environment_context>",
    "<user_instructions>",
    "<INSTRUCTIONS>",
    "<permissions instructions>",
    "<turn_aborted>",
    "<user_shell_command>",
    "<skill>",
    "# AGENTS.md instructions for ",
    "<subagent_notification>",
];

pub(super) fn is_entry(value: &Value) -> bool {
    let kind = text(value, "type").unwrap_or_default();
    let wrapped = KINDS.contains(&kind) && value.get("payload").is_some_and(Value::is_object);
    let bare = match kind {
        "function_call" | "function_call_output" => value.get("call_id").is_some(),
        "local_shell_call" => value.get("action").is_some(),
        _ => false,
    };
    wrapped || bare || is_old_head(value) || is_old_document(value)
}

/// The first line of an older rollout.
fn is_old_head(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    has("id") && has("timestamp") && (has("instructions") || has("git")) && !has("type")
}

fn is_old_document(value: &Value) -> bool {
    value.get("items").is_some_and(Value::is_array)
        && value.pointer("/session/id").is_some_and(Value::is_string)
}

pub(super) struct Codex {
    id: Option<String>,
    builder: Builder,
    last: Place,
    /// Words of the person that an event said already, and that an item repeats, or the other way round.
    said: Option<String>,
}

impl Importer for Codex {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        self.last = place;
        if is_old_document(&entry) {
            self.head(&entry["session"]);
            let items = entry["items"].as_array().map_or(&[][..], Vec::as_slice);
            for (index, item) in items.iter().enumerate() {
                self.warned(item, None, Place::Item(index + 1), import);
            }
            return;
        }
        let time = entry.get("timestamp").and_then(seconds_of);
        let payload = entry.get("payload");
        match (text(&entry, "type"), payload) {
            (Some("session_meta"), Some(meta)) => self.head(meta),
            (Some("turn_context"), Some(turn)) => {
                self.builder.model = text(turn, "model").map(str::to_owned);
            }
            (Some("response_item"), Some(item)) => self.warned(item, time, place, import),
            (Some("event_msg"), Some(event)) => self.event(event, time),
            (Some(kind), None) if ITEMS.contains(&kind) => self.warned(&entry, time, place, import),
            (None, None) if is_old_head(&entry) => self.head(&entry),
            _ if !entry.is_object() => import.warn(place, "not a JSON object; skipped"),
            // Kinds that say nothing of the conversation, and those of later versions.
            _ => {}
        }
    }

    fn end(&mut self, import: &mut Import) {
        let builder = std::mem::replace(&mut self.builder, Builder::new(&Cost::default()));
        let full = builder.is_full();
        let Some(id) = self.id.take() else {
            if builder.turns() > 0 {
                import.warn(self.last, "no line names the session; skipped");
            }
            return;
        };
        import.add(builder.finish(format!("codex-{id}"), "codex"), full, self.last);
    }

    fn held_bytes(&self) -> usize {
        self.builder.held_bytes()
    }
}

impl Codex {
    pub(super) fn new(cost: Cost) -> Self {
        Self { id: None, builder: Builder::new(&cost), last: Place::Line(1), said: None }
    }

    /// What names the session. A fork repeats the head of its origin after its own.
    fn head(&mut self, meta: &Value) {
        let Some(id) = text(meta, "id") else { return };
        self.builder.link("session", id);
        for key in ["forked_from_id", "parent_thread_id"] {
            text(meta, key).into_iter().for_each(|origin| self.builder.link("session", origin));
        }
        if self.id.is_none() {
            self.id = Some(id.to_owned());
            self.builder.started_seconds = meta.get("timestamp").and_then(seconds_of);
        }
    }

    fn warned(&mut self, item: &Value, time: Option<u64>, place: Place, import: &mut Import) {
        let result = self.item(item);
        self.builder.at(time);
        if let Err(reason) = result {
            import.warn(place, reason);
        }
    }

    fn item(&mut self, item: &Value) -> Result<(), &'static str> {
        match text(item, "type").unwrap_or_default() {
            "message" => self.message(item),
            "function_call" | "custom_tool_call" => {
                let given = item.get("arguments").or_else(|| item.get("input"));
                let (arguments, odd) = arguments_of(given);
                let patch = text(item, "type") == Some("custom_tool_call");
                self.call(item, text(item, "name"), arguments)?;
                if odd && !patch {
                    Err("arguments that are not JSON; kept as text")
                } else {
                    Ok(())
                }
            }
            "local_shell_call" => {
                let action = item.get("action").cloned().unwrap_or(Value::Null);
                self.call(item, Some("local_shell"), action)
            }
            "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => {
                self.output(item)
            }
            // Reasoning is neither said nor done; later kinds are not known.
            _ => Ok(()),
        }
    }

    fn message(&mut self, item: &Value) -> Result<(), &'static str> {
        let content = item.get("content").ok_or("a message without content; skipped")?;
        let said = text_of(content).ok_or("a message whose content is odd; skipped")?;
        match text(item, "role") {
            Some("assistant") => {
                self.said = None;
                self.builder.continue_agent();
                self.builder.more_text(&said);
            }
            Some("user") => {
                let start = said.trim_start();
                let injected = INJECTED.iter().any(|mark| start.starts_with(mark));
                let meant =
                    start.split_once("## My request for Codex:").map(|(_, rest)| rest.trim());
                let repeated = self.said.as_deref() == Some(said.trim());
                if injected {
                    self.builder.turn(Role::System, said);
                } else if !repeated {
                    let said = meant.map_or_else(|| said.clone(), str::to_owned);
                    self.said = Some(said.trim().to_owned());
                    self.builder.turn(Role::User, said);
                }
            }
            Some(_) => self.builder.turn(Role::System, said),
            None => return Err("a message without role; skipped"),
        }
        self.name(item);
        Ok(())
    }

    fn name(&mut self, item: &Value) {
        let id = text(item, "id").filter(|id| id.len() >= 12);
        id.into_iter().for_each(|id| self.builder.name(id));
    }

    fn call(
        &mut self,
        item: &Value,
        tool: Option<&str>,
        arguments: Value,
    ) -> Result<(), &'static str> {
        let tool = tool.ok_or("a call without the name of its tool; skipped")?;
        let id = text(item, "call_id").or_else(|| text(item, "id")).map(str::to_owned);
        self.said = None;
        self.builder.continue_agent();
        if let Some(id) = id.as_deref().filter(|id| id.len() >= 12) {
            self.builder.name(id);
        }
        if self.builder.call(id, tool.to_owned(), arguments) {
            Ok(())
        } else {
            Err("a call whose id still waits for a result; skipped")
        }
    }

    fn output(&mut self, item: &Value) -> Result<(), &'static str> {
        let output = item.get("output").unwrap_or(&Value::Null);
        // An object has the text in `content`, and a flag.
        let inner = output.get("content").unwrap_or(output);
        let said = text_of(inner).ok_or("a result that is neither text nor list; skipped")?;
        let flagged = output.get("success").and_then(Value::as_bool) == Some(false);
        let aborted = said.trim() == "aborted";
        let said = status::head(&said);
        let failed = flagged || said.output.starts_with("execution error:");
        let mut answer = Answer::unflagged(said, failed);
        if aborted && answer.exit.is_none() {
            (answer.refusal, answer.failed) = (Some(Refusal::Cancelled), false);
        }
        let id = text(item, "call_id").or_else(|| text(item, "id"));
        if id.is_some() && self.builder.answer(id, None, answer) {
            Ok(())
        } else {
            Err("a tool result without its call; skipped")
        }
    }

    /// Events: the person's words, and statuses that no output gives.
    fn event(&mut self, event: &Value, time: Option<u64>) {
        match text(event, "type").unwrap_or_default() {
            "user_message" => {
                let said = text(event, "message").unwrap_or_default();
                let harness = text(event, "kind").is_some_and(|kind| kind != "plain");
                if self.said.as_deref() != Some(said.trim()) && !said.trim().is_empty() && !harness
                {
                    self.said = Some(said.trim().to_owned());
                    self.builder.turn(Role::User, said.to_owned());
                    self.builder.at(time);
                }
            }
            "exec_command_end" => self.ended(event, "call_id"),
            "item_completed" => {
                let item = event.get("item").unwrap_or(&Value::Null);
                if text(item, "type") == Some("CommandExecution") {
                    self.ended(item, "id");
                }
            }
            "token_count" => {
                let usage = event.pointer("/info/last_token_usage");
                let count = |key: &str| usage.and_then(|usage| usage.get(key)?.as_u64());
                if let (Some(input), Some(output)) = (count("input_tokens"), count("output_tokens"))
                {
                    let cached = count("cached_input_tokens").unwrap_or(0);
                    self.builder.tokens(TokenUse { input, cached, output });
                }
            }
            _ => {}
        }
    }

    /// How a command ended. Its output, which may come before or after, may not say it.
    fn ended(&mut self, event: &Value, id: &str) {
        let exit = event.get("exit_code").and_then(Value::as_i64);
        let seconds = event.pointer("/duration/secs").and_then(Value::as_u64);
        let nanos = event.pointer("/duration/nanos").and_then(Value::as_u64);
        let declined = text(event, "status") == Some("declined");
        let Some(call) = text(event, id).and_then(|id| self.builder.call_of(id)) else { return };
        call.duration_ms = seconds.map(|s| s.saturating_mul(1000) + nanos.unwrap_or(0) / 1_000_000);
        if declined {
            (call.refusal, call.failed, call.exit) = (Some(Refusal::Denied), false, None);
        } else if let Some(exit) = exit.and_then(|exit| i32::try_from(exit).ok()) {
            call.exit = Some(exit);
            call.failed = exit != 0 && call.refusal.is_none();
        }
    }
}
