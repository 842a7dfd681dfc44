//! Sessions of Pi: `~/.pi/agent/sessions/DIRECTORY/TIME_ID.jsonl`, one entry a line. Tried with 0.73.1.
//!
//! The first line names the session. Entries form a tree by `parentId`: a branch that was left is in the file, and
//! its calls were made.

use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{arguments_of, flag, seconds_of, text, text_of};
use super::{Import, Importer, Place, status};
use crate::{Refusal, Role, TokenUse};

pub(super) fn is_entry(value: &Value) -> bool {
    let head = text(value, "type") == Some("session")
        && value.get("id").is_some_and(Value::is_string)
        && value.get("cwd").is_some();
    let role = value.pointer("/message/role").is_some_and(Value::is_string);
    let other = value.get("sessionId").is_some() || value.get("uuid").is_some();
    head || (text(value, "type") == Some("message") && role && !other)
}

pub(super) struct Pi {
    id: Option<String>,
    builder: Builder,
    last: Place,
    cost: Cost,
}

impl Importer for Pi {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        self.last = place;
        let result = match text(&entry, "type") {
            Some("session") => {
                self.head(&entry);
                Ok(())
            }
            Some("message") => self.message(&entry),
            // What an extension put before the agent.
            Some("custom_message") => {
                let said = entry.get("content").and_then(text_of).unwrap_or_default();
                self.builder.turn(Role::System, said);
                Ok(())
            }
            Some(_) => Ok(()),
            None => Err("no `type`; skipped"),
        };
        if let Err(reason) = result {
            import.warn(place, reason);
        }
    }

    fn end(&mut self, import: &mut Import) {
        let builder = std::mem::replace(&mut self.builder, Builder::new(&self.cost));
        let full = builder.is_full();
        match self.id.take() {
            Some(id) => import.add(builder.finish(format!("pi-{id}"), "pi"), full, self.last),
            None if builder.turns() > 0 => {
                import.warn(self.last, "no line names the session; skipped");
            }
            None => {}
        }
    }

    fn held_bytes(&self) -> usize {
        self.builder.held_bytes()
    }
}

impl Pi {
    pub(super) fn new(cost: Cost) -> Self {
        Self { id: None, builder: Builder::new(&cost), last: Place::Line(1), cost }
    }

    fn head(&mut self, entry: &Value) {
        let Some(id) = text(entry, "id") else { return };
        self.builder.link("session", id);
        // A fork names the file that it began as.
        if let Some(origin) = text(entry, "parentSession") {
            let name = origin.rsplit(['/', '\\']).next().unwrap_or(origin);
            let name = name.strip_suffix(".jsonl").unwrap_or(name);
            let origin = name.split_once('_').map_or(name, |(_, id)| id);
            self.builder.link("session", origin);
        }
        self.id.get_or_insert_with(|| id.to_owned());
        self.builder.started_seconds = entry.get("timestamp").and_then(seconds_of);
    }

    fn message(&mut self, entry: &Value) -> Result<(), &'static str> {
        let message = entry.get("message").ok_or("no `message`; skipped")?;
        let time = entry.get("timestamp").or_else(|| message.get("timestamp")).and_then(seconds_of);
        let content = message.get("content").unwrap_or(&Value::Null);
        match text(message, "role").ok_or("a message without role; skipped")? {
            "user" => {
                let said = text_of(content).ok_or("a message whose content is odd; skipped")?;
                self.builder.turn(Role::User, said);
            }
            "assistant" => self.assistant(message, content)?,
            "toolResult" => return self.result(message, content),
            // A command that the person ran: neither the agent's nor words.
            "bashExecution" => return Ok(()),
            _ => {
                let said = text_of(content).unwrap_or_default();
                self.builder.turn(Role::System, said);
            }
        }
        // A fork copies entries with their ids; short ids repeat, so the time is a part of the name.
        if let (Some(id), Some(time)) = (text(entry, "id"), text(entry, "timestamp")) {
            self.builder.name(&format!("{id}/{time}"));
        }
        self.builder.at(time);
        Ok(())
    }

    fn assistant(&mut self, message: &Value, content: &Value) -> Result<(), &'static str> {
        self.builder.turn(Role::Assistant, String::new());
        self.builder.model = text(message, "model").map(str::to_owned);
        if let Some(usage) = message.get("usage") {
            let count = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
            let cached = count("cacheRead");
            let input = count("input").saturating_add(cached).saturating_add(count("cacheWrite"));
            self.builder.tokens(TokenUse { input, cached, output: count("output") });
        }
        let mut result = Ok(());
        for block in content.as_array().map_or(&[][..], Vec::as_slice) {
            match text(block, "type") {
                Some("text") => self.builder.more_text(text(block, "text").unwrap_or_default()),
                Some("toolCall") => {
                    let id = text(block, "id").map(str::to_owned);
                    let (arguments, _) = arguments_of(block.get("arguments"));
                    match text(block, "name") {
                        Some(tool) if self.builder.call(id, tool.to_owned(), arguments) => {}
                        Some(_) => {
                            result = Err("a call whose id still waits for a result; skipped")
                        }
                        None => result = Err("a call without the name of its tool; skipped"),
                    }
                }
                _ => {}
            }
        }
        result
    }

    fn result(&mut self, message: &Value, content: &Value) -> Result<(), &'static str> {
        let said = text_of(content).unwrap_or_default();
        let failed = flag(message, "isError");
        let aborted = failed && said.trim_end().ends_with("Command aborted");
        let mut said = if failed { status::last_line(&said) } else { status::plain(&said) };
        if !failed && text(message, "toolName").is_some_and(lore_lessons::is_shell) {
            said.exit = Some(0);
        }
        let mut answer = Answer::said(said, failed);
        if aborted {
            (answer.refusal, answer.failed) = (Some(Refusal::Cancelled), false);
        }
        let id = text(message, "toolCallId");
        if id.is_some() && self.builder.answer(id, None, answer) {
            Ok(())
        } else {
            Err("a tool result without its call; skipped")
        }
    }
}
