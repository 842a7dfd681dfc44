//! Chats of the Gemini CLI: `~/.gemini/tmp/PROJECT/chats/session-*`. Tried with 0.61.0, which writes one entry
//! a line; older versions wrote one document with the same messages.
//!
//! A message may come several times, each time with more of its calls: the last one counts. Lines with `$set` change
//! fields of the chat. Results stand beside their calls, and are repeated as messages of the user.

use std::collections::BTreeMap;

use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{seconds_of, text, text_of};
use super::{Import, Importer, Place, bounds, status};
use crate::{Refusal, Role, TokenUse};

/// Beginnings of what the harness says in the name of the user.
const INJECTED: [&str; 4] =
    ["<session_context>", "<hook_context>", "<system-reminder>", "This is the Gemini CLI."];

pub(super) fn is_chat(value: &Value) -> bool {
    value.get("sessionId").is_some_and(Value::is_string)
        && (value.get("projectHash").is_some() || value.get("startTime").is_some())
        && (value.get("messages").is_none_or(Value::is_array))
        && value.get("chatMessages").is_none()
}

pub(super) struct Gemini {
    id: Option<String>,
    started_seconds: Option<u64>,
    /// Messages in their order, and where each is, by id.
    messages: Vec<(Value, Place)>,
    /// Bytes of each.
    sizes: Vec<usize>,
    places: BTreeMap<String, usize>,
    held_bytes: usize,
    full: bool,
    last: Place,
    cost: Cost,
}

impl Importer for Gemini {
    fn entry(&mut self, mut entry: Value, place: Place, import: &mut Import) {
        self.last = place;
        if let Some(id) = text(&entry, "sessionId") {
            self.id = Some(id.to_owned());
            self.started_seconds = entry.get("startTime").and_then(seconds_of);
        }
        let listed = entry.pointer_mut("/$set/messages").map(Value::take);
        let listed = listed.or_else(|| entry.get_mut("messages").map(Value::take));
        match listed {
            Some(Value::Array(messages)) => {
                let place_of =
                    |at| if place == Place::Item(1) { Place::Item(at + 1) } else { place };
                for (at, message) in messages.into_iter().enumerate() {
                    self.message(message, place_of(at));
                }
            }
            Some(_) => import.warn(place, "`messages` is no list; skipped"),
            None if entry.get("type").is_some() => self.message(entry, place),
            None if entry.is_object() => {}
            None => import.warn(place, "not a JSON object; skipped"),
        }
    }

    fn end(&mut self, import: &mut Import) {
        let mut builder = Builder::new(&self.cost);
        builder.started_seconds = self.started_seconds;
        let Some(id) = self.id.take() else { return };
        builder.link("session", &id);
        for (message, place) in std::mem::take(&mut self.messages) {
            if let Err(reason) = said(&mut builder, &message) {
                import.warn(place, reason);
            }
        }
        let full = self.full || builder.is_full();
        import.add(builder.finish(format!("gemini-cli-{id}"), "gemini-cli"), full, self.last);
    }

    fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}

impl Gemini {
    pub(super) const fn new(cost: Cost) -> Self {
        Self {
            id: None,
            started_seconds: None,
            messages: Vec::new(),
            sizes: Vec::new(),
            places: BTreeMap::new(),
            held_bytes: 0,
            full: false,
            last: Place::Line(1),
            cost,
        }
    }

    /// Keeps a message, in the place of an earlier state of it.
    fn message(&mut self, mut message: Value, place: Place) {
        shorten_results(&mut message);
        let bytes = message.to_string().len();
        self.cost.take(bytes);
        let known = text(&message, "id").and_then(|id| self.places.get(id)).copied();
        if let Some(at) = known {
            self.messages[at].0 = message;
            self.held_bytes = self.held_bytes + bytes - self.sizes[at];
            self.sizes[at] = bytes;
        } else if self.held_bytes > 4 * bounds::SESSION_BYTES {
            self.full = true;
        } else {
            if let Some(id) = text(&message, "id") {
                self.places.insert(id.to_owned(), self.messages.len());
            }
            self.messages.push((message, place));
            self.sizes.push(bytes);
            self.held_bytes += bytes + bounds::OVERHEAD_BYTES;
        }
    }
}

/// Cuts the results of calls, of which a message may hold several long copies.
fn shorten_results(message: &mut Value) {
    for call in message.get_mut("toolCalls").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(fields) = call.as_object_mut() {
            fields.remove("resultDisplay");
        }
        let output = call.pointer_mut("/result/0/functionResponse/response/output");
        if let Some(Value::String(output)) = output {
            *output = bounds::output(output, 0);
        }
    }
}

fn said(builder: &mut Builder, message: &Value) -> Result<(), &'static str> {
    let content = message.get("content").unwrap_or(&Value::Null);
    match text(message, "type").ok_or("a message without type; skipped")? {
        "user" => {
            let said = text_of(content).ok_or("a message whose content is odd; skipped")?;
            if said.trim().is_empty() {
                // Results of calls, which stand beside their calls too.
                return Ok(());
            }
            let injected = INJECTED.iter().any(|mark| said.trim_start().starts_with(mark));
            builder.turn(if injected { Role::System } else { Role::User }, said);
        }
        "gemini" | "model" | "assistant" => {
            builder.turn(Role::Assistant, text_of(content).unwrap_or_default());
            agent(builder, message)?;
        }
        // Notes for the person at the screen.
        _ => return Ok(()),
    }
    text(message, "id").into_iter().for_each(|id| builder.name(id));
    builder.at(message.get("timestamp").and_then(seconds_of));
    Ok(())
}

fn agent(builder: &mut Builder, message: &Value) -> Result<(), &'static str> {
    builder.model = builder.model.take().or_else(|| text(message, "model").map(str::to_owned));
    if let Some(usage) = message.get("tokens") {
        let count = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
        let (input, cached) = (count("input"), count("cached"));
        builder.tokens(TokenUse { input, cached, output: count("output") });
    }
    let mut result = Ok(());
    for call in message.get("toolCalls").and_then(Value::as_array).into_iter().flatten() {
        let Some(tool) = text(call, "name") else {
            result = Err("a call without the name of its tool; skipped");
            continue;
        };
        let id = text(call, "id");
        let arguments = call.get("args").cloned().unwrap_or(Value::Null);
        if !builder.call(id.map(str::to_owned), tool.to_owned(), arguments) {
            result = Err("a call whose id still waits for a result; skipped");
            continue;
        }
        let state = text(call, "status").unwrap_or_default();
        if let Some(answer) = answer(call, tool, state) {
            builder.answer(id, Some(tool), answer);
        }
    }
    result
}

fn answer(call: &Value, tool: &str, state: &str) -> Option<Answer> {
    let response = call.pointer("/result/0/functionResponse/response");
    let of = |key: &str| response.and_then(|response| text(response, key));
    let (output, error) = (of("output"), of("error"));
    let said = error.or(output).map(str::to_owned);
    let said =
        said.or_else(|| call.get("result").and_then(text_of).filter(|said| !said.is_empty()));
    if said.is_none() && !matches!(state, "success" | "error" | "cancelled") {
        return None;
    }
    let failed = state == "error" || error.is_some();
    let mut said = status::fields(&said.unwrap_or_default());
    if said.exit.is_none() && state == "success" && lore_lessons::is_shell(tool) && !failed {
        said.exit = Some(0);
    }
    let mut answer = Answer::said(said, failed);
    if state == "cancelled" {
        // The person said no, or stopped it: there is one word for both.
        answer.refusal = answer.refusal.or(Some(Refusal::Cancelled));
        (answer.failed, answer.exit) = (false, None);
    }
    Some(answer)
}
