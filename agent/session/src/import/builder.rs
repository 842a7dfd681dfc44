//! Puts turns, calls and their results together into one session of bounded size.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::cost::Cost;
use super::facts::{Found, TurnFact, by_chain, by_names, by_place};
use super::status::{Said, refusal};
use super::{bounds, skills};
use crate::conversation;
use crate::judge::judge_within;
use crate::{Refusal, Role, Session, SessionOutcome, Started, TokenUse, ToolCall, Turn, VERSION};

/// A session that is being read.
pub(super) struct Builder {
    pub(super) model: Option<String>,
    pub(super) started_seconds: Option<u64>,
    pub(super) outcome: Option<SessionOutcome>,
    /// Marks of the messages that it holds or follows.
    links: BTreeSet<String>,
    turns: Vec<Turn>,
    /// Names and times of the turns, one a turn.
    named: Vec<(BTreeSet<String>, Option<u64>)>,
    /// Calls without a result yet, by turn and position in it.
    open: BTreeSet<Position>,
    /// The same, by tool.
    open_of_tool: BTreeMap<String, BTreeSet<Position>>,
    /// Those of them that have an id.
    open_ids: BTreeMap<String, Position>,
    /// The last call of each id, answered or not.
    ids: BTreeMap<String, Position>,
    /// Bytes that it holds.
    held_bytes: usize,
    full: bool,
    cost: Cost,
}

/// A call, by turn and position in it.
type Position = (usize, usize);

/// Answer of a tool.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) failed: bool,
    pub(super) exit: Option<i32>,
    pub(super) refusal: Option<Refusal>,
    pub(super) duration_ms: Option<u64>,
}

impl Answer {
    /// The answer of a text whose status its form gives, from a harness that flags failures and refusals.
    pub(super) fn said(said: Said, failed: bool) -> Self {
        Self::read(said, failed, failed)
    }

    /// The same from a harness that flags no refusal: a short answer in its words is one.
    pub(super) fn unflagged(said: Said, failed: bool) -> Self {
        const SHORT_BYTES: usize = 300;
        let short = said.output.len() < SHORT_BYTES;
        Self::read(said, failed, failed || short)
    }

    fn read(said: Said, failed: bool, may_be_refused: bool) -> Self {
        // A call that has a status was carried out, whatever it printed.
        let refused = may_be_refused && said.exit.is_none();
        let refusal = refused.then(|| refusal(&said.output)).flatten();
        Self {
            failed: refusal.is_none() && said.exit.map_or(failed, |exit| exit != 0),
            exit: said.exit,
            text: said.output,
            refusal,
            duration_ms: None,
        }
    }
}

impl Builder {
    pub(super) fn new(cost: &Cost) -> Self {
        Self {
            model: None,
            started_seconds: None,
            outcome: None,
            links: BTreeSet::new(),
            turns: Vec::new(),
            named: Vec::new(),
            open: BTreeSet::new(),
            open_of_tool: BTreeMap::new(),
            open_ids: BTreeMap::new(),
            ids: BTreeMap::new(),
            held_bytes: 0,
            full: false,
            cost: cost.clone(),
        }
    }

    /// Bytes that it holds.
    pub(super) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// True when the session went over its bound and what came later was left out.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    /// Number of its turns.
    pub(super) const fn turns(&self) -> usize {
        self.turns.len()
    }

    fn hold(&mut self, bytes: usize) {
        self.held_bytes = self.held_bytes.saturating_add(bytes + bounds::OVERHEAD_BYTES);
        self.full |= self.held_bytes > bounds::SESSION_BYTES;
    }

    /// Notes the name of a message or session that belongs to the conversation.
    pub(super) fn link(&mut self, kind: &str, name: &str) {
        self.cost.take(1 + name.len());
        if !self.full && self.links.insert(conversation::mark(kind, name)) {
            self.hold(0);
        }
    }

    /// Begins a turn.
    pub(super) fn turn(&mut self, role: Role, text: String) {
        self.cost.take(1 + text.len());
        if self.full {
            return;
        }
        let text = bounds::text(text, self.held_bytes);
        self.hold(text.len());
        self.turns.push(Turn { role, text, calls: Vec::new(), tokens: None });
        self.named.push((BTreeSet::new(), None));
    }

    /// Begins a turn of the agent, unless the last one is the agent's and no answer came since.
    pub(super) fn continue_agent(&mut self) {
        let waits = self.turns.last().is_some_and(|turn| {
            turn.role == Role::Assistant && turn.calls.iter().all(|call| call.result.is_none())
        });
        if !waits {
            self.turn(Role::Assistant, String::new());
        }
    }

    /// Notes a name of the last turn that copies of it keep, unique wherever it comes from.
    pub(super) fn name(&mut self, name: &str) {
        if let Some((names, _)) = self.named.last_mut().filter(|_| !self.full) {
            names.insert(conversation::mark("name", name));
            self.held_bytes += bounds::OVERHEAD_BYTES;
        }
    }

    /// Notes a time: of the last turn, and of the session when it is the first.
    pub(super) fn at(&mut self, seconds: Option<u64>) {
        self.started_seconds = self.started_seconds.or(seconds);
        if let Some((_, time)) = self.named.last_mut() {
            *time = time.or(seconds);
        }
    }

    /// Adds text to the last turn, which is there.
    pub(super) fn more_text(&mut self, text: &str) {
        self.cost.take(1 + text.len());
        if self.full || text.is_empty() {
            return;
        }
        let text = bounds::text(text.to_owned(), self.held_bytes);
        self.hold(text.len());
        if let Some(turn) = self.turns.last_mut() {
            if !turn.text.is_empty() {
                turn.text.push('\n');
            }
            turn.text.push_str(&text);
        }
    }

    /// Sets the cost of the last turn.
    pub(super) fn tokens(&mut self, tokens: TokenUse) {
        if let Some(turn) = self.turns.last_mut().filter(|_| !self.full) {
            turn.tokens = Some(tokens);
        }
    }

    /// Adds a call to the last turn, unless a call of that id still waits for its result. An id may come
    /// again once it was answered: recorded trajectories do that.
    pub(super) fn call(&mut self, id: Option<String>, tool: String, arguments: Value) -> bool {
        let Some(at) = self.turns.len().checked_sub(1) else {
            return false;
        };
        if self.full {
            return true;
        }
        let place = (at, self.turns[at].calls.len());
        self.cost.take(1 + tool.len() + id.as_ref().map_or(0, String::len));
        if let Some(id) = &id {
            if self.open_ids.contains_key(id) {
                return false;
            }
            self.open_ids.insert(id.clone(), place);
            self.ids.insert(id.clone(), place);
        }
        let (arguments, bytes) = bounds::arguments(arguments);
        self.cost.take(bytes);
        self.hold(bytes + tool.len() + 2 * id.as_ref().map_or(0, String::len));
        self.open.insert(place);
        self.open_of_tool.entry(tool.clone()).or_default().insert(place);
        self.turns[at].calls.push(ToolCall::new(id, tool, arguments));
        true
    }

    /// The last call of an id, answered or not.
    pub(super) fn call_of(&mut self, id: &str) -> Option<&mut ToolCall> {
        let (turn, at) = *self.ids.get(id)?;
        self.turns.get_mut(turn)?.calls.get_mut(at)
    }

    /// Gives a call its result: by id, else the oldest open call of that tool, else the oldest open
    /// call when neither is named. Whether there was one.
    pub(super) fn answer(&mut self, id: Option<&str>, tool: Option<&str>, answer: Answer) -> bool {
        self.cost.take(1 + answer.text.len());
        let place = match id {
            Some(id) => self.open_ids.remove(id),
            None => match tool {
                Some(tool) => self.open_of_tool.get(tool).and_then(BTreeSet::first).copied(),
                None => self.open.first().copied(),
            },
        };
        let Some(place) = place else {
            return self.full;
        };
        self.open.remove(&place);
        let text = bounds::output(&answer.text, self.held_bytes);
        self.hold(text.len());
        let call = &mut self.turns[place.0].calls[place.1];
        if let Some(open) = self.open_of_tool.get_mut(&call.tool) {
            open.remove(&place);
        }
        if let Some(id) = &call.id {
            self.open_ids.remove(id);
        }
        call.result = Some(text);
        call.failed = answer.failed;
        call.exit = answer.exit;
        call.refusal = answer.refusal;
        call.duration_ms = answer.duration_ms;
        true
    }

    /// The session of a source that names it; none when nobody asked for anything and nothing was done.
    pub(super) fn finish(self, id: String, harness: &str) -> Option<Found> {
        self.build(id, harness, true)
    }

    /// The session of a source without a name for it: `id` is made from what it holds.
    pub(super) fn finish_unnamed(self, id: String, harness: &str) -> Option<Found> {
        self.build(id, harness, false)
    }

    fn build(mut self, id: String, harness: &str, named: bool) -> Option<Found> {
        let said = self.turns.iter().find(|turn| turn.role == Role::User && !turn.text.is_empty());
        let task = said.map(|turn| turn.text.clone()).unwrap_or_default();
        let acted = self.turns.iter().any(|turn| turn.role == Role::Assistant);
        if task.is_empty() && !acted {
            return None;
        }
        let facts = self.facts(&id, named);
        let turns = self.turns;
        let judged = self.outcome.take();
        let outcome =
            judged.unwrap_or_else(|| self.cost.within(|steps| judge_within(&turns, steps)));
        let skills_read = self.cost.within(|steps| skills::read_in(&turns, steps));
        let session = Session {
            version: VERSION,
            id,
            root: None,
            links: self.links.into_iter().collect(),
            unit: None,
            harness: harness.to_owned(),
            model: self.model,
            started: Started::at(self.started_seconds.unwrap_or(0)),
            task,
            skills_read,
            turns,
            outcome,
            skills_injected: Vec::new(),
            proposals: None,
        };
        Some(Found { session, turns: facts })
    }

    fn facts(&self, id: &str, named: bool) -> Vec<TurnFact> {
        if !named {
            return by_chain(&self.turns);
        }
        let turns = self.turns.iter().zip(&self.named).enumerate();
        let fact = |(at, (turn, (names, seconds))): (usize, (&Turn, &(BTreeSet<String>, _)))| {
            let by_name = !names.is_empty();
            let mark = if by_name { by_names(names, turn) } else { by_place(id, at, turn) };
            TurnFact { mark, kept: true, covers: false, seconds: *seconds }
        };
        turns.map(fact).collect()
    }
}
