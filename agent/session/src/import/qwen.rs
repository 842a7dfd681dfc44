//! Chats of Qwen Code: `~/.qwen/projects/DIRECTORY/chats/ID.jsonl`, one entry a line. Tried with 0.24.4.
//!
//! Messages have the parts of Gemini's API; results come as entries of their own, with a shell's status as fields of
//! its text. What the harness notes for itself has the type `system`.

use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{arguments_of, seconds_of, text};
use super::{Import, Importer, Place, status};
use crate::Role;

pub(super) fn is_entry(value: &Value) -> bool {
    value.get("sessionId").is_some_and(Value::is_string)
        && value.get("uuid").is_some_and(Value::is_string)
        && (value.pointer("/message/parts").is_some_and(Value::is_array)
            || value.get("systemPayload").is_some())
}

pub(super) struct Qwen {
    id: Option<String>,
    builder: Builder,
    last: Place,
    cost: Cost,
}

impl Importer for Qwen {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        self.last = place;
        if let Some(id) = text(&entry, "sessionId") {
            self.builder.link("session", id);
            self.id.get_or_insert_with(|| id.to_owned());
        }
        let said = match text(&entry, "type") {
            Some("user") => self.words(&entry, Role::User),
            Some("assistant") => self.words(&entry, Role::Assistant),
            Some("tool_result") => self.results(&entry),
            Some(_) => return,
            None => Err("no `type`; skipped"),
        };
        if let Err(reason) = said {
            import.warn(place, reason);
        }
    }

    fn end(&mut self, import: &mut Import) {
        let builder = std::mem::replace(&mut self.builder, Builder::new(&self.cost));
        let full = builder.is_full();
        if let Some(id) = self.id.take() {
            import.add(builder.finish(format!("qwen-code-{id}"), "qwen-code"), full, self.last);
        }
    }

    fn held_bytes(&self) -> usize {
        self.builder.held_bytes()
    }
}

impl Qwen {
    pub(super) fn new(cost: Cost) -> Self {
        Self { id: None, builder: Builder::new(&cost), last: Place::Line(1), cost }
    }

    fn words(&mut self, entry: &Value, role: Role) -> Result<(), &'static str> {
        let parts = parts(entry)?;
        // What the harness says in the name of the user is not the user's.
        let person = text(entry, "provenance").is_none_or(|from| from == "real_user");
        let role = if role == Role::User && !person { Role::System } else { role };
        self.builder.turn(role, String::new());
        if let Some(model) = text(entry, "model") {
            self.builder.model = Some(model.to_owned());
        }
        let mut result = Ok(());
        for part in parts {
            // Thoughts are no answer.
            if part.get("thought").and_then(Value::as_bool) == Some(true) {
                continue;
            }
            if let Some(said) = text(part, "text") {
                self.builder.more_text(said);
            }
            let Some(call) = part.get("functionCall") else { continue };
            let id = text(call, "id").map(str::to_owned);
            let (arguments, _) = arguments_of(call.get("args"));
            match text(call, "name") {
                Some(tool) if self.builder.call(id, tool.to_owned(), arguments) => {}
                Some(_) => result = Err("a call whose id still waits for a result; skipped"),
                None => result = Err("a call without the name of its tool; skipped"),
            }
        }
        if let Some(name) = text(entry, "uuid") {
            self.builder.name(name);
        }
        self.builder.at(entry.get("timestamp").and_then(seconds_of));
        result
    }

    fn results(&mut self, entry: &Value) -> Result<(), &'static str> {
        let mut result = Ok(());
        for part in parts(entry)? {
            let Some(response) = part.get("functionResponse") else { continue };
            let error = response.pointer("/response/error").and_then(Value::as_str);
            let output = response.pointer("/response/output").and_then(Value::as_str);
            let said = error.or(output).unwrap_or_default();
            let is_shell = text(response, "name").is_some_and(lore_lessons::is_shell);
            let said = if is_shell { status::fields(said) } else { status::plain(said) };
            let answer = Answer::said(said, error.is_some());
            if !self.builder.answer(text(response, "id"), text(response, "name"), answer) {
                result = Err("a tool result without its call; skipped");
            }
        }
        result
    }
}

fn parts(entry: &Value) -> Result<&[Value], &'static str> {
    let parts = entry.pointer("/message/parts").and_then(Value::as_array);
    parts.map(Vec::as_slice).ok_or("a message without `parts`; skipped")
}
