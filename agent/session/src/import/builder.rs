//! Puts turns, calls and their results together into one session.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::steps::Steps;
use serde_json::Value;

use super::skills;
use crate::conversation;
use crate::judge::judge_within;
use crate::{Role, Session, SessionOutcome, Started, TokenUse, ToolCall, Turn, VERSION};

/// A session that is being read.
pub(super) struct Builder<'a> {
    pub(super) model: Option<String>,
    pub(super) started_seconds: Option<u64>,
    pub(super) outcome: Option<SessionOutcome>,
    /// Marks of the messages that it holds or follows.
    links: BTreeSet<String>,
    turns: Vec<Turn>,
    /// Calls without a result yet, by turn and position in it.
    open: BTreeSet<Position>,
    /// The same, by tool.
    open_of_tool: BTreeMap<String, BTreeSet<Position>>,
    /// Those of them that have an id.
    open_ids: BTreeMap<String, Position>,
    steps: &'a Steps,
}

/// A call, by turn and position in it.
type Position = (usize, usize);

/// Answer of a tool.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) failed: bool,
    pub(super) exit: Option<i32>,
    pub(super) duration_ms: Option<u64>,
}

impl<'a> Builder<'a> {
    pub(super) const fn new(steps: &'a Steps) -> Self {
        Self {
            model: None,
            started_seconds: None,
            outcome: None,
            links: BTreeSet::new(),
            turns: Vec::new(),
            open: BTreeSet::new(),
            open_of_tool: BTreeMap::new(),
            open_ids: BTreeMap::new(),
            steps,
        }
    }

    /// Notes the name of a message or session that belongs to the conversation.
    pub(super) fn link(&mut self, kind: &str, name: &str) {
        self.steps.take(1 + name.len());
        self.links.insert(conversation::mark(kind, name));
    }

    /// Begins a turn.
    pub(super) fn turn(&mut self, role: Role, text: String) {
        self.steps.take(1 + text.len());
        self.turns.push(Turn { role, text, calls: Vec::new(), tokens: None });
    }

    /// Adds text to the last turn, which is there.
    pub(super) fn more_text(&mut self, text: &str) {
        self.steps.take(1 + text.len());
        if let Some(turn) = self.turns.last_mut().filter(|_| !text.is_empty()) {
            if !turn.text.is_empty() {
                turn.text.push('\n');
            }
            turn.text.push_str(text);
        }
    }

    /// Sets the cost of the last turn.
    pub(super) fn tokens(&mut self, tokens: TokenUse) {
        if let Some(turn) = self.turns.last_mut() {
            turn.tokens = Some(tokens);
        }
    }

    /// Adds a call to the last turn, unless a call of that id still waits for its result. An id may come
    /// again once it was answered: recorded trajectories do that.
    pub(super) fn call(&mut self, id: Option<String>, tool: String, arguments: Value) -> bool {
        let Some(at) = self.turns.len().checked_sub(1) else {
            return false;
        };
        let place = (at, self.turns[at].calls.len());
        self.steps.take(1 + tool.len() + id.as_ref().map_or(0, String::len));
        if let Some(id) = &id {
            if self.open_ids.contains_key(id) {
                return false;
            }
            self.open_ids.insert(id.clone(), place);
        }
        self.open.insert(place);
        self.open_of_tool.entry(tool.clone()).or_default().insert(place);
        self.turns[at].calls.push(ToolCall {
            id,
            tool,
            arguments,
            result: None,
            exit: None,
            failed: false,
            refusal: None,
            duration_ms: None,
        });
        true
    }

    /// Gives a call its result: by id, else the oldest open call of that tool, else the oldest open
    /// call when neither is named. Whether there was one.
    pub(super) fn answer(&mut self, id: Option<&str>, tool: Option<&str>, answer: Answer) -> bool {
        self.steps.take(1 + answer.text.len());
        let place = match id {
            Some(id) => self.open_ids.remove(id),
            None => match tool {
                Some(tool) => self.open_of_tool.get(tool).and_then(BTreeSet::first).copied(),
                None => self.open.first().copied(),
            },
        };
        let Some(place) = place else {
            return false;
        };
        self.open.remove(&place);
        let call = &mut self.turns[place.0].calls[place.1];
        if let Some(open) = self.open_of_tool.get_mut(&call.tool) {
            open.remove(&place);
        }
        if let Some(id) = &call.id {
            self.open_ids.remove(id);
        }
        call.result = Some(answer.text);
        call.failed = answer.failed;
        call.exit = answer.exit;
        call.duration_ms = answer.duration_ms;
        true
    }

    /// The session; none when nobody asked for anything and nothing was done.
    pub(super) fn finish(self, id: String, harness: &str) -> Option<Session> {
        let said = self.turns.iter().find(|turn| turn.role == Role::User && !turn.text.is_empty());
        let task = said.map(|turn| turn.text.clone()).unwrap_or_default();
        let acted = self.turns.iter().any(|turn| turn.role == Role::Assistant);
        if task.is_empty() && !acted {
            return None;
        }
        let outcome = self.outcome.unwrap_or_else(|| judge_within(&self.turns, self.steps));
        Some(Session {
            version: VERSION,
            id,
            root: None,
            links: self.links.into_iter().collect(),
            unit: None,
            harness: harness.to_owned(),
            model: self.model,
            started: Started::at(self.started_seconds.unwrap_or(0)),
            task,
            skills_read: skills::read_in(&self.turns, self.steps),
            turns: self.turns,
            outcome,
            skills_injected: Vec::new(),
            proposals: None,
        })
    }
}

/// The text of a content field: a text, or a list of parts of which the texts count. None when it is
/// something else.
pub(super) fn text_of(content: &Value) -> Option<String> {
    match content {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part.as_str().or_else(|| part.get("text")?.as_str()))
                .collect();
            Some(texts.join("\n"))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Seconds since the Unix epoch of an RFC 3339 text or a number of seconds or milliseconds.
pub(super) fn seconds_of(value: &Value) -> Option<u64> {
    // Later than the year 5138 as seconds: it was milliseconds.
    const MILLIS_FROM: f64 = 1e11;
    match value {
        Value::String(text) => {
            let time: jiff::Timestamp = text.parse().ok()?;
            u64::try_from(time.as_second()).ok()
        }
        Value::Number(number) => {
            let number = number.as_f64().filter(|n| *n >= 0.0 && *n < 1e15)?;
            // In range by the filter.
            Some(if number >= MILLIS_FROM { number / 1000.0 } else { number } as u64)
        }
        _ => None,
    }
}
