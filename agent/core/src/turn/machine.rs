//! The loop without its I/O.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::compact::{self, Plan};
use super::guard::{Guard, Verdict};
use super::tokens::Meter;
use super::written::Written;
use super::{Allowance, End, Event, Limits, Mode, Purpose, Spend, recover, text, thought, written};
use crate::model::{Call, ControlKind, Finish, Message, ModelError, Reply, Request, ToolResult};
use crate::tool::ToolSpec;

/// Overflows in a row after which a turn ends.
const MAX_OVERFLOWS: u32 = 3;
/// Replies in a row without words, calls or an end, after which a turn ends.
const MAX_EMPTY: u32 = 3;
/// Calls that are left when the model is told.
const LAST_CALLS: u64 = 3;

/// Step that is to be done next. The answer to `Ask` is [`Machine::replied`], to `Call`
/// [`Machine::results`], to `Consent` [`Machine::consented`]; after `Wait` it is `step` again.
#[derive(Debug)]
pub enum Step {
    /// Ask a person whether to continue although the price is unknown and money is bounded.
    Consent,
    /// Ask the model.
    Ask {
        /// Purpose of the call.
        purpose: Purpose,
        /// The request.
        request: Request,
    },
    /// Wait before the next try.
    Wait(Duration),
    /// Run these calls.
    Call(Vec<Call>),
    /// The turn is over.
    End(End),
}

/// Effect to be told and saved.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A message more.
    Append(Arc<Message>),
    /// The conversation was replaced by these messages.
    Replace(Vec<Arc<Message>>),
    /// For anyone who watches.
    Event(Event),
}

#[derive(Debug)]
enum Phase {
    Consent,
    Ready,
    Summarising(Plan),
    Asking,
    Waiting(Duration),
    Calling(Vec<Call>),
    Ended(End),
}

/// The loop of one turn. It does no I/O and knows no clock; randomness for waiting is handed in.
#[derive(Debug)]
pub struct Machine {
    limits: Limits,
    tools: Arc<[ToolSpec]>,
    names: BTreeSet<String>,
    messages: Vec<Arc<Message>>,
    ids: BTreeSet<String>,
    meter: Meter,
    guard: Guard,
    spend: Spend,
    phase: Phase,
    retries: u32,
    overflows: u32,
    empty: u32,
    must_compact: bool,
    only_compacts: bool,
    told_of_budget: bool,
    effects: Vec<Effect>,
}

impl Machine {
    /// A turn over `messages`, whose last one is what the user wants now. They are repaired first.
    #[must_use]
    pub fn new(limits: Limits, tools: Vec<ToolSpec>, messages: &[Arc<Message>]) -> Self {
        let (messages, _) = recover::repair(messages);
        let shown = if limits.mode == Mode::Native { tools.as_slice() } else { &[] };
        let mut meter = Meter::new(shown);
        for message in &messages {
            meter.add(message);
        }
        let ids = messages.iter().flat_map(|message| message.calls()).map(|call| call.id.clone());
        let ids = ids.collect();
        let guard = Guard::new(if limits.mode == Mode::Native { 3 } else { 2 });
        let unknown = limits.bounds_cost() && limits.price.is_none();
        let effects = messages.iter().cloned().map(Effect::Append).collect();
        Self {
            names: tools.iter().map(|tool| tool.name.clone()).collect(),
            tools: shown.into(),
            limits,
            messages,
            ids,
            meter,
            guard,
            spend: Spend::default(),
            phase: if unknown { Phase::Consent } else { Phase::Ready },
            retries: 0,
            overflows: 0,
            empty: 0,
            must_compact: false,
            only_compacts: false,
            told_of_budget: false,
            effects,
        }
    }

    /// A turn that only makes `messages` smaller and then is done, without words.
    #[must_use]
    pub fn compacting(limits: Limits, messages: &[Arc<Message>]) -> Self {
        let mut machine = Self::new(limits, Vec::new(), messages);
        machine.must_compact = true;
        machine.only_compacts = true;
        machine
    }

    /// The conversation as the model is shown it next.
    #[must_use]
    pub fn messages(&self) -> &[Arc<Message>] {
        &self.messages
    }

    /// Amounts that were used.
    #[must_use]
    pub const fn spend(&self) -> Spend {
        self.spend
    }

    /// Allowance that is left of the turn and of the day.
    #[must_use]
    pub fn left(&self) -> Allowance {
        self.limits.task.and(self.limits.today).without(&self.spend)
    }

    /// Counts what a tool used by asking its own model.
    pub(super) const fn charge(&mut self, spend: Spend) {
        self.spend.add(spend);
    }

    /// Tokens of the window: as configured, or less when the endpoint said so.
    #[must_use]
    pub const fn window_tokens(&self) -> u64 {
        self.limits.window_tokens
    }

    /// Effects to be told and saved since the last time.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Next step. Asked twice without an answer in between, it is the same.
    #[must_use]
    pub fn step(&mut self) -> Step {
        match &mut self.phase {
            Phase::Consent => Step::Consent,
            Phase::Ended(end) => Step::End(end.clone()),
            Phase::Calling(calls) => Step::Call(calls.clone()),
            Phase::Waiting(wait) => {
                let wait = *wait;
                self.phase = Phase::Ready;
                Step::Wait(wait)
            }
            Phase::Ready | Phase::Asking | Phase::Summarising(_) => self.ask(),
        }
    }

    /// Takes the answer whether to go on with an unknown price.
    pub fn consented(&mut self, yes: bool) {
        if matches!(self.phase, Phase::Consent) {
            self.phase = if yes { Phase::Ready } else { Phase::Ended(End::UnknownPrice) };
        }
    }

    /// The user ends the turn. Calls without a result are answered, so that the session can continue later.
    pub fn cancel(&mut self) {
        if let Phase::Calling(calls) = &mut self.phase {
            for call in std::mem::take(calls) {
                self.append(recover::interrupted(call.id, call.tool));
            }
        }
        self.phase = Phase::Ended(End::Cancelled);
    }

    fn ask(&mut self) -> Step {
        let tokens = self.meter.tokens();
        let at = self.compact_at();
        if matches!(self.phase, Phase::Ready) && (self.must_compact || tokens > at) {
            let plan = compact::plan(&self.messages, self.limits.window_tokens, &self.meter);
            if plan.is_empty() {
                self.compact(plan, None, false);
            } else {
                self.phase = Phase::Summarising(plan);
            }
            if matches!(self.phase, Phase::Ended(_)) {
                return self.step();
            }
        }
        let (purpose, request) = match self.phase {
            Phase::Summarising(plan) => (Purpose::Summary, self.summary_request(plan)),
            _ => (Purpose::Work, self.work_request()),
        };
        let tokens = match purpose {
            Purpose::Work => self.meter.tokens(),
            Purpose::Summary => request.messages.iter().map(|message| self.meter.of(message)).sum(),
        };
        if let Some((which, limit)) = self.limits.forbids(&self.spend, tokens) {
            return self.end(End::Budget { which, limit });
        }
        if purpose == Purpose::Work {
            self.phase = Phase::Asking;
        }
        let call = self.spend.calls + 1;
        self.effects.push(Effect::Event(Event::Asking { call, purpose, tokens }));
        Step::Ask { purpose, request }
    }

    fn compact_at(&self) -> u64 {
        // What will be written has to fit as well.
        let room = u64::from(self.limits.max_output_tokens.unwrap_or(0));
        let share = self.limits.window_tokens.saturating_mul(self.limits.compact_at_milli) / 1000;
        share.min(self.limits.window_tokens.saturating_sub(room)).max(1)
    }

    fn work_request(&self) -> Request {
        let messages = match self.limits.mode {
            Mode::Native => self.messages.clone(),
            Mode::Text => text::flatten(&self.messages),
        };
        Request {
            messages,
            tools: Arc::clone(&self.tools),
            max_output_tokens: self.limits.max_output_tokens,
            temperature_milli: self.limits.temperature_milli,
            effort: self.limits.effort,
        }
    }

    fn summary_request(&self, plan: Plan) -> Request {
        let most = (self.limits.window_tokens / 8).clamp(64, 2_000);
        Request {
            messages: plan.question(&self.messages, self.limits.window_tokens),
            max_output_tokens: u32::try_from(most).ok(),
            temperature_milli: self.limits.temperature_milli,
            ..Request::default()
        }
    }

    /// Takes what the model gave, or how it failed; `random` is uniform, for the wait before the next try.
    pub fn replied(&mut self, result: Result<Reply, ModelError>, random: u64) {
        self.spend.calls += 1;
        match (&self.phase, result) {
            (Phase::Summarising(plan), result) => {
                let plan = *plan;
                self.summarised(plan, result.ok());
            }
            (Phase::Asking, Ok(reply)) => self.answered(reply),
            (Phase::Asking, Err(error)) => self.failed(error, random),
            // A reply that nobody waits for any more.
            _ => {}
        }
    }

    /// A summary that failed is not tried again: a list of what was done takes its place.
    fn summarised(&mut self, plan: Plan, reply: Option<Reply>) {
        let written = reply.and_then(|reply| {
            let input = plan.question(&self.messages, self.limits.window_tokens);
            let sent = input.iter().map(|message| self.meter.of(message)).sum();
            let output = super::tokens::estimate(&reply.text);
            let guess = crate::model::Usage { input: sent, cached: 0, output };
            let told = reply.usage.filter(|usage| usage.input >= sent / 4);
            let (usage, estimated) = (told.unwrap_or(guess), told.is_none());
            self.spend.charge(usage, estimated, self.limits.price);
            self.effects.push(Effect::Event(Event::Answered { usage, estimated, calls: 0 }));
            (!reply.text.trim().is_empty()).then_some(reply.text)
        });
        let by_model = written.is_some();
        let text = written.unwrap_or_else(|| plan.list(&self.messages));
        self.compact(plan, Some(&text), by_model);
    }

    fn compact(&mut self, plan: Plan, summary: Option<&str>, by_model: bool) {
        let before = self.meter.tokens();
        let window = self.limits.window_tokens;
        // After an overflow the estimate was too low: start harder.
        let first = usize::try_from(self.overflows).unwrap_or(0).min(2);
        let original = std::mem::take(&mut self.messages);
        for level in first..3 {
            self.messages = plan.apply(&original, summary, window, level);
            self.meter.replace(self.messages.iter().map(|message| &**message));
            if self.meter.tokens() <= self.compact_at() {
                break;
            }
        }
        let after = self.meter.tokens();
        self.must_compact = false;
        self.effects.push(Effect::Replace(self.messages.clone()));
        self.effects.push(Effect::Event(Event::Compacted { before, after, by_model }));
        if after > self.compact_at() {
            self.phase = Phase::Ended(End::Overflow { window_tokens: window });
        } else if self.only_compacts {
            self.phase = Phase::Ended(End::Done { text: String::new() });
        } else {
            self.phase = Phase::Ready;
        }
    }

    fn failed(&mut self, error: ModelError, random: u64) {
        if let ModelError::Overflow { used, window, .. } = error {
            self.overflows += 1;
            if let Some(window) = window.filter(|&window| window > 0) {
                self.limits.window_tokens = self.limits.window_tokens.min(window);
            }
            if let Some(used) = used {
                self.meter.refused(used);
            }
            self.must_compact = true;
            self.phase = if self.overflows > MAX_OVERFLOWS {
                Phase::Ended(End::Overflow { window_tokens: self.limits.window_tokens })
            } else {
                Phase::Ready
            };
            return;
        }
        let (class, message) = (error.class().to_owned(), error.to_string());
        match self.limits.retries.wait(self.retries, &error, random) {
            Some(wait) => {
                self.retries += 1;
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                self.effects.push(Effect::Event(Event::Retry { class, message, wait_ms }));
                self.phase = Phase::Waiting(wait);
            }
            None => {
                let attempts = self.retries + 1;
                let message = match error.is_retryable() {
                    true if attempts > 1 => {
                        format!("{message}; given up after {attempts} attempts")
                    }
                    true => format!("{message}; given up after one attempt"),
                    false => message,
                };
                self.phase = Phase::Ended(End::Failed { class, message });
            }
        }
    }

    fn answered(&mut self, reply: Reply) {
        self.retries = 0;
        self.overflows = 0;
        let spoken = thought::spoken(&reply.text).into_owned();
        let (calls, unclear) = self.calls(&reply, &spoken);
        let asked = calls.len() as u64;
        let message = Message::Assistant {
            text: reply.text.clone(),
            calls: calls.clone(),
            opaque: reply.opaque,
        };
        let (usage, estimated) = self.meter.counted(reply.usage, &message);
        self.spend.charge(usage, estimated, self.limits.price);
        self.effects.push(Effect::Event(Event::Answered { usage, estimated, calls: asked }));
        if reply.finish == Finish::Refused && calls.is_empty() {
            self.append(message);
            self.phase = Phase::Ended(End::Refused { text: reply.text });
            return;
        }
        let said = !spoken.trim().is_empty();
        if said || !calls.is_empty() {
            self.append(message);
        }
        if !calls.is_empty() {
            self.empty = 0;
            self.phase = Phase::Calling(calls);
            return;
        }
        match (reply.finish, said) {
            (Finish::Length, _) => self.again(
                ControlKind::Truncated,
                "Your last reply was cut at the output limit. Go on where it ended; put long content \
                 into several smaller calls.",
            ),
            (_, true) if unclear => self.again(
                ControlKind::Unsent,
                "Your last reply has a tool call written as words, and nothing was run. Send it as a tool call. \
                 If the task is done, say so in words alone.",
            ),
            (_, true) => self.phase = Phase::Ended(End::Done { text: spoken }),
            (_, false) => self.again(
                ControlKind::Empty,
                "Your last reply was empty, or a thought alone. Call a tool, or say in words that the task \
                 is done.",
            ),
        }
    }

    /// The calls of a reply, read, with ids that are unique; and whether there is something in its words that looks
    /// like a call and is none. `spoken` is its text without thoughts.
    fn calls(&mut self, reply: &Reply, spoken: &str) -> (Vec<Call>, bool) {
        if self.limits.mode == Mode::Text {
            let Some(mut call) = text::call(spoken, String::new()) else {
                return (Vec::new(), false);
            };
            call.id = recover::id("", &mut self.ids);
            return (vec![call], false);
        }
        let mut unclear = false;
        let mut found = Vec::new();
        let raw = if reply.calls.is_empty() && !self.names.is_empty() {
            match written::calls_in(spoken, &self.names) {
                Written::Calls(calls) => found = calls,
                Written::Unclear => unclear = true,
                Written::Words => {}
            }
            &found
        } else {
            &reply.calls
        };
        let cut = reply.finish == Finish::Length;
        let read = |raw| recover::read(raw, recover::id(&raw.id, &mut self.ids), cut);
        (raw.iter().map(read).collect(), unclear)
    }

    /// Asks again after a reply that was none, a bounded number of times in a row.
    fn again(&mut self, kind: ControlKind, words: &str) {
        self.empty += 1;
        if self.empty >= MAX_EMPTY {
            self.phase = Phase::Ended(End::NoAnswer);
        } else {
            self.control(kind, words.to_owned());
            self.phase = Phase::Ready;
        }
    }

    /// Takes the results of the last `Step::Call`, in any order; missing ones count as interrupted.
    pub fn results(&mut self, mut results: Vec<ToolResult>) {
        let Phase::Calling(calls) = &mut self.phase else {
            return;
        };
        let calls = std::mem::take(calls);
        let mut worst = Verdict::Fine;
        for call in &calls {
            let Some(at) = results.iter().position(|result| result.call == call.id) else {
                self.append(recover::interrupted(call.id.clone(), call.tool.clone()));
                continue;
            };
            let result = results.swap_remove(at);
            match self.guard.push(call, &result) {
                Verdict::Fine => {}
                verdict if worst != Verdict::Stuck => worst = verdict,
                _ => {}
            }
            self.append(Message::Result(result));
        }
        match worst {
            Verdict::Stuck => {
                self.phase = Phase::Ended(End::Stuck);
                return;
            }
            Verdict::Loop { cycle: 1 } => self.control(
                ControlKind::Loop,
                "You made the same call again and got the same result. It will not change. Read the \
                 result, then do something else, or say what is in the way."
                    .to_owned(),
            ),
            Verdict::Loop { cycle } => self.control(
                ControlKind::Loop,
                format!(
                    "Your last {} calls were the same {cycle} calls twice with the same results. Do \
                     something else, or say what is in the way.",
                    2 * cycle
                ),
            ),
            Verdict::Fine => {}
        }
        let left = self.limits.calls_left(&self.spend);
        let is_small = self.limits.mode == Mode::Text;
        if let Some(left) = left.filter(|&left| left <= LAST_CALLS && left > 0)
            && !self.told_of_budget
            && !is_small
        {
            self.told_of_budget = true;
            self.control(
                ControlKind::Budget,
                format!(
                    "{left} replies are left of your budget. Bring the work to a good end now."
                ),
            );
        }
        self.phase = Phase::Ready;
    }

    fn control(&mut self, kind: ControlKind, text: String) {
        self.effects.push(Effect::Event(Event::Control { kind, text: text.clone() }));
        self.append(Message::Control { kind, text });
    }

    fn append(&mut self, message: Message) {
        let message = Arc::new(message);
        self.meter.add(&message);
        self.effects.push(Effect::Append(Arc::clone(&message)));
        self.messages.push(message);
    }

    fn end(&mut self, end: End) -> Step {
        self.phase = Phase::Ended(end.clone());
        Step::End(end)
    }
}
