//! Sessions and records of SkillClaw: a document with `turns`, or `records/conversations.jsonl` with one turn a
//! line. Read after its source of 2026.
//!
//! A turn holds what was asked, the answer with its calls, and the results of these calls, which came with
//! the next request and are attached to the turn before it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{arguments_of, flag, seconds_of, text, text_of};
use super::{Import, Importer, Place, openai, status};
use crate::Role;

/// Bytes of all sessions of a file of records.
const FILE_BYTES: usize = 64 << 20;

pub(super) fn is_entry(value: &Value) -> bool {
    let turn =
        |turn: &Value| turn.get("prompt_text").is_some() && turn.get("response_text").is_some();
    let turns = value.get("turns").and_then(Value::as_array);
    let session = turns.is_some_and(|turns| turns.first().is_some_and(turn));
    value.get("session_id").is_some_and(Value::is_string) && (session || turn(value))
}

pub(super) struct SkillClaw {
    /// Sessions of records, by name, in the order of the file.
    sessions: Vec<(String, Session)>,
    places: BTreeMap<String, usize>,
    last: Place,
    held_bytes: usize,
    cost: Cost,
}

struct Session {
    builder: Builder,
    asked: String,
}

impl Importer for SkillClaw {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        self.last = place;
        let Some(id) = text(&entry, "session_id") else {
            import.warn(place, "no `session_id`; skipped");
            return;
        };
        if let Some(turns) = entry.get("turns").and_then(Value::as_array) {
            let mut session = Session::new(id, &self.cost);
            session.builder.started_seconds = entry.get("timestamp").and_then(seconds_of);
            session.builder.model = text(&entry, "model").map(str::to_owned);
            for turn in turns {
                session.turn(turn, place, import);
            }
            finish(session, id, place, import);
            return;
        }
        if self.held_bytes > FILE_BYTES {
            import.warn(place, "after more than what is kept of one file; skipped");
            return;
        }
        let (sessions, cost) = (&mut self.sessions, &self.cost);
        let at = *self.places.entry(id.to_owned()).or_insert_with(|| {
            let session = Session::new(id, cost);
            sessions.push((id.to_owned(), session));
            sessions.len() - 1
        });
        let session = &mut sessions[at].1;
        let held = session.builder.held_bytes();
        session.turn(&entry, place, import);
        self.held_bytes += session.builder.held_bytes() - held;
    }

    fn end(&mut self, import: &mut Import) {
        for (id, session) in std::mem::take(&mut self.sessions) {
            finish(session, &id, self.last, import);
        }
    }

    fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}

impl SkillClaw {
    pub(super) const fn new(cost: Cost) -> Self {
        Self {
            sessions: Vec::new(),
            places: BTreeMap::new(),
            last: Place::Line(1),
            held_bytes: 0,
            cost,
        }
    }
}

impl Session {
    fn new(id: &str, cost: &Cost) -> Self {
        let mut builder = Builder::new(cost);
        // Before its turns may fill it.
        builder.link("session", id);
        Self { builder, asked: String::new() }
    }
}

fn finish(session: Session, id: &str, place: Place, import: &mut Import) {
    let full = session.builder.is_full();
    import.add(session.builder.finish(format!("skillclaw-{id}"), "skillclaw"), full, place);
}

impl Session {
    fn turn(&mut self, turn: &Value, place: Place, import: &mut Import) {
        let builder = &mut self.builder;
        // Results that a record holds among the messages of the next request.
        for message in turn.get("messages").and_then(Value::as_array).into_iter().flatten() {
            let id = text(message, "tool_call_id");
            if text(message, "role") == Some("tool") && id.is_some() {
                let said = message.get("content").and_then(text_of).unwrap_or_default();
                builder.answer(id, None, answer(&said, false));
            }
        }
        let asked = text(turn, "instruction_text").or_else(|| text(turn, "prompt_text"));
        let asked = asked.unwrap_or_default();
        if !asked.trim().is_empty() && asked != self.asked {
            asked.clone_into(&mut self.asked);
            builder.turn(Role::User, asked.to_owned());
        }
        builder.turn(Role::Assistant, text(turn, "response_text").unwrap_or_default().to_owned());
        builder.at(turn.get("timestamp").and_then(seconds_of));
        for call in turn.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let function = call.get("function").unwrap_or(call);
            let id = text(call, "id").map(str::to_owned);
            let (arguments, _) = arguments_of(function.get("arguments"));
            match text(function, "name") {
                Some(tool) if builder.call(id, tool.to_owned(), arguments) => {}
                Some(_) => import.warn(place, "a call whose id still waits for a result; skipped"),
                None => import.warn(place, "a call without the name of its tool; skipped"),
            }
        }
        for result in turn.get("tool_results").and_then(Value::as_array).into_iter().flatten() {
            let keys = ["content", "text", "output", "result"];
            let said = keys.iter().find_map(|key| result.get(key).and_then(text_of));
            let failed = flag(result, "is_error") || flag(result, "has_error");
            let tool = text(result, "tool_name").or_else(|| text(result, "name"));
            let answer = answer(&said.unwrap_or_default(), failed);
            if !builder.answer(text(result, "tool_call_id"), tool, answer) {
                import.warn(place, "a tool result without its call; skipped");
            }
        }
    }
}

fn answer(said: &str, failed: bool) -> Answer {
    let read = status::any(said);
    let failed = failed || (read.exit.is_none() && openai::says_error(said));
    Answer::unflagged(read, failed)
}
