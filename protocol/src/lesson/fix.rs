//! Fixes, read off the difference between a failing call and the next that succeeded.

use super::shell::{self};
use super::step::Step;
use super::{Action, Lesson, MAX_TOKEN_BYTES, Op, Token, Trigger, command, placeholder};
use crate::steps::Steps;
use std::collections::BTreeMap;

/// Programs that install packages, with the words between them and the package.
const INSTALLERS: [(&str, &str); 9] = [
    ("pip", "install"),
    ("pip3", "install"),
    ("uv", "add"),
    ("npm", "install"),
    ("apt-get", "install"),
    ("apt", "install"),
    ("cargo", "add"),
    ("brew", "install"),
    ("gem", "install"),
];

/// Most steps between a failure and its success that are looked at, the last ones.
const MAX_BETWEEN: usize = 32;

/// Steps after a place of a session, known while it is read from its end.
#[derive(Default)]
struct Later<'a> {
    /// The next working step of a template, of a tool, and the next that did more than look.
    same: BTreeMap<&'a Token, usize>,
    of_tool: BTreeMap<&'a str, usize>,
    acting: Option<usize>,
    /// The next failing step of a tool.
    failing: BTreeMap<&'a str, usize>,
}

impl<'a> Later<'a> {
    fn note(&mut self, at: usize, step: &'a Step) {
        if step.failed {
            self.failing.insert(&step.tool, at);
        } else if let (Some(template), false) = (&step.template, step.verdict) {
            self.same.insert(template, at);
            self.of_tool.insert(&step.tool, at);
            if !step.looks {
                self.acting = Some(at);
            }
        }
    }

    /// The step that answers a failing one: the same command, which shows best that what ran between
    /// made the difference, else its tool, else what did more than look.
    fn answer(&self, failing: &Step) -> Option<usize> {
        let again = failing.template.as_ref().and_then(|template| self.same.get(template));
        let same = again.or_else(|| self.of_tool.get(failing.tool.as_str()));
        same.copied().or(self.acting)
    }
}

/// Every fix of a session, in order: each failing call is paired with the same command when it
/// succeeds later, else with the next succeeding call of its tool, else with the next that did more than look.
pub(super) fn fixes(steps: &[Step], budget: &Steps) -> Vec<Lesson> {
    let mut later = Later::default();
    let mut found = Vec::new();
    for (at, failing) in steps.iter().enumerate().rev() {
        budget.take(1);
        if failing.failed
            && !failing.verdict
            && let Some(end) = later.answer(failing)
            // Only the last failure before the success shows what made the difference.
            && later.failing.get(failing.tool.as_str()).is_none_or(|next| *next > end)
        {
            found.push((at, end));
        }
        later.note(at, failing);
    }
    let mut out = Vec::new();
    for (at, end) in found.into_iter().rev() {
        let (failing, working) = (&steps[at], &steps[end]);
        let between = &steps[(at + 1).max(end.saturating_sub(MAX_BETWEEN))..end];
        let between: Vec<&Step> =
            between.iter().filter(|step| step.works() && !step.looks).collect();
        budget.take((between.len() + 2) * MAX_TOKEN_BYTES);
        for action in differences(failing, working, &between) {
            out.extend(lesson(Op::Fix, failing, working, action));
        }
    }
    out
}

/// Lesson of what to avoid: the first failing command of a session.
pub(super) fn avoid(steps: &[Step]) -> Option<Lesson> {
    let failing =
        steps.iter().find(|step| step.failed && !step.verdict && step.template.is_some())?;
    let action = Action::Example(failing.template.clone()?);
    lesson(Op::Avoid, failing, failing, action)
}

/// The trigger names the failing tool and its error; the subject is the endpoint class, or what else
/// the working command is about, so that a fix joins the skill of its example.
pub(super) fn lesson(op: Op, failing: &Step, working: &Step, action: Action) -> Option<Lesson> {
    let template = working.template.as_ref()?.as_str();
    let derived = matches!(action, Action::Example(_) | Action::UseEndpoint(_));
    let subject = command::endpoint(template).or_else(|| command::subject(template, &working.tool));
    let subject = subject.filter(|_| !derived).and_then(|text| Token::new(text).ok());
    let tool = if op == Op::Avoid { &failing.tool } else { &working.tool };
    let trigger = Trigger { tool: Token::new(tool.clone()).ok()?, error: failing.error, subject };
    let shorter = Trigger { subject: None, ..trigger.clone() };
    let made = Lesson::new(None, op, trigger, action.clone());
    made.or_else(|_| Lesson::new(None, op, shorter, action)).ok()
}

fn differences(failing: &Step, working: &Step, between: &[&Step]) -> Vec<Action> {
    let mut actions = Vec::new();
    if failing.tool != working.tool {
        actions.extend(Token::new(working.tool.clone()).ok().map(Action::UseTool));
        return actions;
    }
    actions.extend(between.iter().filter_map(|step| preparation(step, working)));
    let (Some(old), Some(new)) = (&failing.template, &working.template) else {
        return actions;
    };
    if old == new || failing.structured || working.structured {
        return actions;
    }
    let (old, new) =
        (Shape::read(old.as_str(), &failing.tool), Shape::read(new.as_str(), &working.tool));
    let added: Vec<&String> = new.flags.iter().filter(|flag| !old.flags.contains(flag)).collect();
    let dropped: Vec<&String> = old.flags.iter().filter(|flag| !new.flags.contains(flag)).collect();
    let token = |text: &String| Token::new(text.clone()).ok();
    if new.endpoint != old.endpoint {
        actions.extend(new.endpoint.as_ref().and_then(token).map(Action::UseEndpoint));
    }
    match (dropped.as_slice(), added.as_slice()) {
        ([old], [new]) => actions.extend(replaced(old, new)),
        (dropped, added) => {
            actions.extend(added.iter().filter_map(|flag| token(flag)).map(Action::AddFlag));
            actions.extend(dropped.iter().filter_map(|flag| token(flag)).map(Action::DropFlag));
        }
    }
    let variables = new.variables.iter().filter(|name| !old.variables.contains(name));
    actions.extend(variables.filter_map(token).map(Action::SetEnv));
    let pairs = old.plain.iter().zip(&new.plain).filter(|(old, new)| old != new);
    if old.plain.len() == new.plain.len() {
        actions.extend(pairs.filter_map(|(old, new)| replaced(old, new)));
    }
    actions
}

fn replaced(old: &str, new: &str) -> Option<Action> {
    Some(Action::UseArgument { old: Token::new(old).ok()?, new: Token::new(new).ok()? })
}

/// Purpose of a command that ran between failure and success.
fn preparation(step: &Step, working: &Step) -> Option<Action> {
    let template = step.template.clone()?;
    let script = shell::parse(template.as_str()).ok()?;
    let simple = command::simple_commands(&script).into_iter().next()?;
    let first = simple.arguments.first().and_then(|word| word.literal());
    if let Some((_, verb)) = INSTALLERS.iter().find(|(program, _)| *program == simple.program)
        && let Some(at) = simple.arguments.iter().position(|word| word.literal() == Some(verb))
    {
        let mut packages = simple.arguments[at + 1..].iter().filter_map(|word| word.literal());
        let package = packages.find(|text| !text.starts_with('-'))?;
        return Some(Action::Install(Token::new(package).ok()?));
    }
    let sets =
        simple.program == "export" || (simple.program.is_empty() && simple.assignments.len() == 1);
    if sets {
        let set = simple.assignments.first().map(|word| word.head()).or(first)?;
        let name = set.split('=').next()?;
        return Some(Action::SetEnv(Token::new(name).ok()?));
    }
    if simple.program == working.tool {
        let then = working.template.as_ref()?.as_str();
        let (first, then) =
            (step_name(template.as_str(), &step.tool), step_name(then, &working.tool));
        return Some(Action::Order {
            first: Token::new(first).ok()?,
            then: Token::new(then).ok()?,
        });
    }
    Some(Action::RunFirst(template))
}

/// A step's short name: the tool and what it is about.
pub(super) fn step_name(template: &str, tool: &str) -> String {
    match command::subject(template, tool) {
        Some(subject) if subject != template => format!("{tool} {subject}"),
        _ => template.to_owned(),
    }
}

/// The parts of a command line that fixes are read from.
#[derive(Default)]
struct Shape {
    endpoint: Option<String>,
    /// Each flag with its value.
    flags: Vec<String>,
    /// Arguments that are neither flags, nor their values, nor addresses.
    plain: Vec<String>,
    variables: Vec<String>,
}

impl Shape {
    fn read(command: &str, tool: &str) -> Self {
        let mut shape = Self { endpoint: command::endpoint(command), ..Self::default() };
        let Ok(script) = shell::parse(command) else {
            return shape;
        };
        let all = command::simple_commands(&script);
        let Some(simple) = all.iter().find(|simple| simple.program == tool) else {
            return shape;
        };
        let name =
            |word: &&shell::ShellWord| word.head().split('=').next().unwrap_or_default().to_owned();
        shape.variables = simple.assignments.iter().map(name).collect();
        let mut words = simple.arguments.iter().peekable();
        while let Some(word) = words.next() {
            let text = word.to_string();
            if text.contains("://") {
                continue;
            }
            if !word.head().starts_with('-') {
                shape.plain.push(text);
                continue;
            }
            let alone = !text.contains('=')
                && words.peek().is_some_and(|next| {
                    let next = next.to_string();
                    !next.starts_with('-') && !next.contains("://") && !placeholder::is(&next)
                });
            match words.next_if(|_| alone) {
                Some(value) => shape.flags.push(format!("{text} {value}")),
                None => shape.flags.push(text),
            }
        }
        shape
    }
}
