//! Sessions of the Copilot CLI: `~/.copilot/session-state/ID/events.jsonl`, one event a line. Tried with
//! 1.0.102. Older versions kept one document with `chatMessages`.
//!
//! A tool counts as a success there whatever its command did: the status is in the details of the shell, and at the
//! end of the text.

use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{arguments_of, flag, seconds_of, text};
use super::{Import, Importer, Place, openai, status};
use crate::{Refusal, Role, TokenUse};

const KINDS: [&str; 6] = ["session.", "user.", "assistant.", "tool.", "system.", "permission."];

pub(super) fn is_entry(value: &Value) -> bool {
    let kind = text(value, "type").unwrap_or_default();
    let event = KINDS.iter().any(|start| kind.starts_with(start))
        && value.get("data").is_some_and(Value::is_object)
        && value.get("timestamp").is_some();
    event || (value.get("chatMessages").is_some_and(Value::is_array) && has_id(value))
}

fn has_id(value: &Value) -> bool {
    value.get("sessionId").is_some_and(Value::is_string)
}

pub(super) struct Copilot {
    id: Option<String>,
    builder: Builder,
    last: Place,
    cost: Cost,
}

impl Importer for Copilot {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        self.last = place;
        if let Some(messages) = entry.get("chatMessages").and_then(Value::as_array) {
            self.id = text(&entry, "sessionId").map(str::to_owned);
            self.builder.started_seconds = entry.get("startTime").and_then(seconds_of);
            openai::messages_into(&mut self.builder, messages, place, import);
            return;
        }
        let (Some(kind), Some(data)) = (text(&entry, "type"), entry.get("data")) else {
            import.warn(place, "neither an event nor a session; skipped");
            return;
        };
        let turns = self.builder.turns();
        let result = self.event(kind, data);
        self.builder.started_seconds =
            self.builder.started_seconds.or_else(|| entry.get("timestamp").and_then(seconds_of));
        if self.builder.turns() > turns {
            text(&entry, "id").into_iter().for_each(|id| self.builder.name(id));
            self.builder.at(entry.get("timestamp").and_then(seconds_of));
        }
        if let Err(reason) = result {
            import.warn(place, reason);
        }
    }

    fn end(&mut self, import: &mut Import) {
        let builder = std::mem::replace(&mut self.builder, Builder::new(&self.cost));
        let full = builder.is_full();
        match self.id.take() {
            Some(id) => {
                import.add(
                    builder.finish(format!("copilot-cli-{id}"), "copilot-cli"),
                    full,
                    self.last,
                );
            }
            None if builder.turns() > 0 => {
                import.warn(self.last, "no event names the session; skipped");
            }
            None => {}
        }
    }

    fn held_bytes(&self) -> usize {
        self.builder.held_bytes()
    }
}

impl Copilot {
    pub(super) fn new(cost: Cost) -> Self {
        Self { id: None, builder: Builder::new(&cost), last: Place::Line(1), cost }
    }

    fn event(&mut self, kind: &str, data: &Value) -> Result<(), &'static str> {
        match kind {
            "session.start" | "session.resume" => {
                if let Some(id) = text(data, "sessionId") {
                    self.builder.link("session", id);
                    self.id.get_or_insert_with(|| id.to_owned());
                }
                let model = text(data, "selectedModel").map(str::to_owned);
                self.builder.model = self.builder.model.take().or(model);
            }
            "user.message" => {
                let said = text(data, "content").ok_or("a message without content; skipped")?;
                // What a hook or the harness adds has a source.
                let source = text(data, "source").is_some_and(|source| source != "user");
                let role = if source { Role::System } else { Role::User };
                self.builder.turn(role, said.to_owned());
            }
            "assistant.message" => return self.message(data),
            "tool.execution_complete" => return self.answer(data),
            "session.usage_record" | "assistant.usage" => {
                let usage = data.get("usage").unwrap_or(data);
                let count = |key: &str| usage.get(key).and_then(Value::as_u64);
                if let (Some(input), Some(output)) = (count("inputTokens"), count("outputTokens")) {
                    let cached = count("cacheReadTokens").unwrap_or(0);
                    self.builder.tokens(TokenUse { input, cached, output });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, data: &Value) -> Result<(), &'static str> {
        let said = text(data, "content").unwrap_or_default();
        self.builder.turn(Role::Assistant, said.to_owned());
        let mut result = Ok(());
        for call in data.get("toolRequests").and_then(Value::as_array).into_iter().flatten() {
            let id = text(call, "toolCallId").map(str::to_owned);
            let (arguments, _) = arguments_of(call.get("arguments"));
            match text(call, "name") {
                Some(tool) if self.builder.call(id, tool.to_owned(), arguments) => {}
                Some(_) => result = Err("a call whose id still waits for a result; skipped"),
                None => result = Err("a call without the name of its tool; skipped"),
            }
        }
        result
    }

    fn answer(&mut self, data: &Value) -> Result<(), &'static str> {
        let result = data.get("result").unwrap_or(&Value::Null);
        let error = data.get("error").unwrap_or(&Value::Null);
        let said = text(result, "content").or_else(|| text(error, "message")).unwrap_or_default();
        let kind = text(result, "resultType").or_else(|| text(error, "code")).unwrap_or_default();
        let mut said = status::angle_line(said);
        let exit = data.pointer("/shellExecution/exitCode").and_then(Value::as_i64);
        said.exit = exit.and_then(|exit| i32::try_from(exit).ok()).or(said.exit);
        let failed = !flag(data, "success");
        let mut answer = Answer::said(said, failed);
        if matches!(kind, "denied" | "rejected") {
            (answer.refusal, answer.failed) = (Some(Refusal::Denied), false);
        }
        let id = text(data, "toolCallId");
        if id.is_some() && self.builder.answer(id, None, answer) {
            Ok(())
        } else {
            Err("a tool result without its call; skipped")
        }
    }
}
