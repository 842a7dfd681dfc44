//! Lessons that somebody else than the miner proposes for one session, admitted or dropped.
//!
//! A model that read a session may see what the miner's rules do not. What it says is not trusted: a
//! proposal names a kind of action and up to two texts, everything else of the key is read off the
//! session as the miner would read it. Each text goes through the same normaliser and must then stand in
//! a call of this very session, where its action says it should. So a key that was admitted is a function
//! of the session, holds nothing that the session does not hold, and falls together with the miner's key
//! for the same thing.

use std::collections::BTreeMap;

use super::finder::values_within;
use super::step::Step;
use super::template::templatise_within;
use super::value::Value;
use super::{
    Action, ErrorClass, Lesson, MAX_TOKEN_BYTES, Op, Token, Trigger, command, fix, placeholder,
};
use crate::steps::Steps;
use crate::trace::{Outcome, Trace};

/// Proposals of one session that are looked at.
pub const MAX_PROPOSALS: usize = 8;
/// Longest text of a proposal, in bytes: no longer one fits a lesson.
const MAX_TEXT_BYTES: usize = 1024;

/// Subject of a proposal. The names are those of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposedKind {
    /// A command line that worked.
    Example,
    /// A command line that failed.
    Avoid,
    /// An argument that worked in the place of another: the old one, then the new one.
    UseArgument,
    /// A flag that had to be given.
    AddFlag,
    /// A flag that had to be left out.
    DropFlag,
    /// A command line that had to run first.
    RunFirst,
    /// Another tool.
    UseTool,
    /// An environment variable, by name.
    SetEnv,
    /// A package.
    Install,
    /// An address.
    UseEndpoint,
    /// A command line that shows whether it worked.
    CheckThat,
    /// Two steps, the first and then the second.
    Order,
}

/// A lesson as somebody proposes it: nothing about it is known to be true or well-formed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Proposal {
    /// Its subject.
    pub kind: ProposedKind,
    /// The command line, flag, name or address; the old argument or the first step.
    pub text: String,
    /// The new argument or the second step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
}

/// The lessons that `proposals` come to, without duplicates, in their order; what is not canonical or
/// does not stand in the session is dropped. A session that never failed admits none, as it gives none
/// to the miner.
#[must_use]
pub fn admit(trace: &Trace, proposals: &[Proposal]) -> Vec<Lesson> {
    admit_within(trace, proposals, &Steps::of_a_session())
}

/// As [`admit`], within a budget: none when it is spent.
#[must_use]
pub fn admit_within(trace: &Trace, proposals: &[Proposal], budget: &Steps) -> Vec<Lesson> {
    if proposals.is_empty() {
        return Vec::new();
    }
    let values = values_within(&trace.task, budget);
    let steps = Step::read(trace, &values, budget);
    if !steps.iter().any(|step| step.failed) {
        return Vec::new();
    }
    let session = Session { trace, steps: &steps, values: &values, budget };
    let mut out: Vec<Lesson> = Vec::new();
    for proposal in proposals.iter().take(MAX_PROPOSALS) {
        if let Some(lesson) = session.lesson(proposal)
            && !out.contains(&lesson)
        {
            out.push(lesson);
        }
    }
    if budget.spent() { Vec::new() } else { out }
}

struct Session<'a> {
    trace: &'a Trace,
    steps: &'a [Step],
    values: &'a [Value],
    budget: &'a Steps,
}

impl Session<'_> {
    fn lesson(&self, proposal: &Proposal) -> Option<Lesson> {
        // The normaliser knows an address by its scheme, and takes values out of arguments only.
        let before = match proposal.kind {
            ProposedKind::UseEndpoint if proposal.text.contains("://") => "at ",
            ProposedKind::UseEndpoint => "at http://",
            _ => "",
        };
        let text = self.normal(&format!("{before}{}", proposal.text))?;
        let then = || self.normal(proposal.then.as_deref()?);
        match proposal.kind {
            ProposedKind::Example => self.example(&text),
            ProposedKind::Avoid => {
                let failing = self.failing(|step| step.says(&text))?;
                fix::lesson(Op::Avoid, failing, failing, Action::Example(text))
            }
            ProposedKind::UseArgument => {
                let new = then()?;
                let (failing, working) = self.pair(
                    |failing| failing.holds(&text) && !failing.holds(&new),
                    |working| working.holds(&new),
                )?;
                fix::lesson(Op::Fix, failing, working, Action::UseArgument { old: text, new })
            }
            ProposedKind::AddFlag => {
                let (failing, working) =
                    self.pair(|failing| !failing.holds(&text), |working| working.holds(&text))?;
                let flag = text.as_str().starts_with('-');
                flag.then(|| fix::lesson(Op::Fix, failing, working, Action::AddFlag(text)))?
            }
            ProposedKind::DropFlag => {
                let (failing, working) =
                    self.pair(|failing| failing.holds(&text), |working| !working.holds(&text))?;
                let flag = text.as_str().starts_with('-');
                flag.then(|| fix::lesson(Op::Fix, failing, working, Action::DropFlag(text)))?
            }
            ProposedKind::RunFirst => {
                let (failing, working) = self.pair_around(|step| step.says(&text))?;
                let other = !working.says(&text);
                other.then(|| fix::lesson(Op::Fix, failing, working, Action::RunFirst(text)))?
            }
            ProposedKind::UseTool => {
                let named = |step: &Step| step.tool == text.as_str();
                let (failing, working) = self.any_pair(|failing| !named(failing), named)?;
                fix::lesson(Op::Fix, failing, working, Action::UseTool(text))
            }
            ProposedKind::SetEnv => {
                let assigned = format!("{}=", text.as_str());
                let name = text.as_str().bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
                let (failing, working) = self.any_pair(
                    |failing| !failing.holds_text(&assigned),
                    |working| working.holds_text(&assigned),
                )?;
                name.then(|| fix::lesson(Op::Fix, failing, working, Action::SetEnv(text)))?
            }
            ProposedKind::Install => {
                let installs = |step: &Step| step.installs() && step.holds(&text);
                let (failing, working) = self.pair_around(installs)?;
                fix::lesson(Op::Fix, failing, working, Action::Install(text))
            }
            ProposedKind::UseEndpoint => {
                let endpoint = command::endpoint(text.as_str())?;
                let at = |step: &Step| step.endpoint().as_ref() == Some(&endpoint);
                let (failing, working) = self.pair(|failing| !at(failing), at)?;
                let action = Action::UseEndpoint(Token::new(endpoint).ok()?);
                fix::lesson(Op::Fix, failing, working, action)
            }
            ProposedKind::CheckThat => {
                let at = self.steps.iter().position(|step| step.works() && step.says(&text))?;
                let looks = self.steps[at].looks;
                let did = |step: &&Step| step.works() && !step.looks;
                let working = self.steps[..at].iter().rev().find(did)?;
                let failing = self.failing(|step| step.tool == working.tool)?;
                looks.then(|| fix::lesson(Op::Verify, failing, working, Action::CheckThat(text)))?
            }
            ProposedKind::Order => {
                let second = then()?;
                let named = |step: &Step, name: &Token| {
                    step.works() && !step.looks && step.name().as_deref() == Some(name.as_str())
                };
                let at = self.steps.iter().rposition(|step| named(step, &second))?;
                let before = self.steps[..at].iter().any(|step| named(step, &text));
                let working = &self.steps[at];
                let failing = self.failing(|step| step.tool == working.tool)?;
                let action = Action::Order { first: text, then: second };
                before.then(|| fix::lesson(Op::Fix, failing, working, action))?
            }
        }
    }

    /// The text as the session's own templates are written: the task's values and recognised private
    /// tokens taken out. None when nothing of it would be the lesson's own.
    fn normal(&self, text: &str) -> Option<Token> {
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
        let token = templatise_within(text, self.values, self.budget).ok()?;
        let own = placeholder::strip(token.as_str());
        own.contains(char::is_alphanumeric).then_some(token)
    }

    /// Command lines that worked, joined as the miner joins them: the key is the miner's own.
    fn example(&self, text: &Token) -> Option<Lesson> {
        if self.trace.outcome != Outcome::Success {
            return None;
        }
        let mut from = 0;
        let mut last = None;
        let parts: Vec<&str> = match self.find(0, text.as_str()) {
            Some(_) => vec![text.as_str()],
            None => text.as_str().split(" && ").collect(),
        };
        for part in parts {
            let at = self.find(from, part)?;
            from = at + 1;
            last = Some(&self.steps[at]);
        }
        let tool = Token::new(last?.tool.clone()).ok()?;
        let trigger = Trigger { tool, error: ErrorClass::None, subject: None };
        Lesson::new(None, Op::Prefer, trigger, Action::Example(text.clone())).ok()
    }

    fn find(&self, from: usize, template: &str) -> Option<usize> {
        let says = |step: &Step| {
            self.looks();
            step.template.as_ref().is_some_and(|t| t.as_str() == template)
        };
        let steps = self.steps[from..].iter();
        steps.enumerate().find(|(_, step)| step.works() && says(step)).map(|(at, _)| from + at)
    }

    fn failing(&self, fits: impl Fn(&Step) -> bool) -> Option<&Step> {
        self.steps.iter().find(|step| {
            self.looks();
            step.failed && !step.verdict && fits(step)
        })
    }

    /// The last failing call and the first working one after it that fit, of one tool.
    fn pair(
        &self,
        fails: impl Fn(&Step) -> bool,
        works: impl Fn(&Step) -> bool,
    ) -> Option<(&Step, &Step)> {
        let mut next: BTreeMap<&str, &Step> = BTreeMap::new();
        self.steps.iter().rev().find_map(|step| {
            self.looks();
            if step.works() && works(step) {
                next.insert(&step.tool, step);
            }
            let fails = step.failed_line() && fails(step);
            Some((step, *next.get(step.tool.as_str()).filter(|_| fails)?))
        })
    }

    /// Likewise, whatever the tools.
    fn any_pair(
        &self,
        fails: impl Fn(&Step) -> bool,
        works: impl Fn(&Step) -> bool,
    ) -> Option<(&Step, &Step)> {
        let mut next = None;
        self.steps.iter().rev().find_map(|step| {
            self.looks();
            if step.works() && works(step) {
                next = Some(step);
            }
            let fails = step.failed_line() && fails(step);
            Some((step, next.filter(|_| fails)?))
        })
    }

    /// A failing call and a working one of its tool, with a working call between them that fits.
    fn pair_around(&self, fits: impl Fn(&Step) -> bool) -> Option<(&Step, &Step)> {
        let at = self.steps.iter().rposition(|step| {
            self.looks();
            step.works() && !step.looks && fits(step)
        })?;
        let (before, after) = (&self.steps[..at], &self.steps[at + 1..]);
        let mut next: BTreeMap<&str, &Step> = BTreeMap::new();
        for step in after.iter().filter(|step| step.works()) {
            next.entry(&step.tool).or_insert(step);
        }
        before.iter().rev().filter(|step| step.failed_line()).find_map(|failing| {
            self.looks();
            Some((failing, *next.get(failing.tool.as_str())?))
        })
    }

    /// Counts one look at a step, whose command line is bounded.
    fn looks(&self) {
        self.budget.take(MAX_TOKEN_BYTES);
    }
}

impl Step {
    /// Returns true when it failed and has a command line.
    fn failed_line(&self) -> bool {
        self.failed && !self.verdict && self.template.is_some()
    }

    fn says(&self, text: &Token) -> bool {
        self.template.as_ref() == Some(text)
    }

    fn holds(&self, text: &Token) -> bool {
        self.holds_text(text.as_str())
    }

    /// Returns true when the text stands in the command line, from the beginning of a word to the end of one.
    fn holds_text(&self, text: &str) -> bool {
        let Some(template) = self.template.as_ref().map(Token::as_str) else {
            return false;
        };
        let inside = |c: char| c.is_alphanumeric() || "_-<>".contains(c);
        template.match_indices(text).any(|(at, found)| {
            let before = template[..at].chars().next_back();
            let after = template[at + found.len()..].chars().next();
            let open = |c: Option<char>, edge: Option<char>| {
                c.is_none_or(|c| !inside(c)) || edge.is_some_and(|edge| !inside(edge))
            };
            open(before, found.chars().next()) && open(after, found.chars().next_back())
        })
    }

    fn installs(&self) -> bool {
        ["install", "add"].iter().any(|word| self.holds_text(word))
    }

    fn endpoint(&self) -> Option<String> {
        command::endpoint(self.template.as_ref()?.as_str())
    }

    /// The short name of a step, as orders give it.
    fn name(&self) -> Option<String> {
        Some(fix::step_name(self.template.as_ref()?.as_str(), &self.tool))
    }
}
