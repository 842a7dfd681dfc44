//! One call of a session, as the miner sees it.

use super::shell::MAX_COMMAND_BYTES;
use super::template::templatise_within;
use super::value::Value;
use super::{ErrorClass, Token, command};
use crate::steps::Steps;
use crate::trace::{Call, Trace};

/// Names under which harnesses offer a shell.
const SHELLS: [&str; 13] = [
    "bash",
    "sh",
    "shell",
    "zsh",
    "exec",
    "exec_command",
    "run",
    "run_command",
    "terminal",
    "execute_command",
    "local_shell",
    "run_terminal_cmd",
    "execute_bash",
];

/// Tools that say whether the task is done, and do nothing for it.
const VERDICTS: [&str; 8] =
    ["check", "validate", "validator", "verify", "judge", "grader", "outcome", "submit"];

/// Tools other than a shell that read and change nothing.
const READERS: [&str; 10] =
    ["read", "view", "glob", "grep", "ls", "list", "search", "think", "plan", "todowrite"];

/// Longest name of a tool, in bytes; of a longer one the beginning counts.
const MAX_NAME_BYTES: usize = 128;

/// Times that a template, which is bounded, is read to see what it is about.
const LOOKS_AT_TEMPLATE: usize = 8;

/// The name of a call's tool as the miner writes it.
pub(super) fn tool_name(call: &Call) -> String {
    cut(call.tool.trim(), MAX_NAME_BYTES).to_lowercase()
}

/// The beginning of a text, at most so many bytes.
pub(super) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// The template of a call: of its input, with the name of its tool before it unless that is a shell.
/// An input that is too long for a template is not copied.
pub(super) fn template(
    call: &Call,
    name: Option<&str>,
    values: &[Value],
    budget: &Steps,
) -> Option<Token> {
    budget.take(1);
    let input = call.input.trim();
    if input.len() > MAX_COMMAND_BYTES {
        return None;
    }
    match name {
        None => templatise_within(input, values, budget).ok(),
        Some(name) => templatise_within(&format!("{name} {input}"), values, budget).ok(),
    }
}

/// One call of a session.
pub(super) struct Step {
    /// The command's main tool, or the tool's own name.
    pub(super) tool: String,
    /// The command line with the task's values taken out; none when it has no such form.
    pub(super) template: Option<Token>,
    /// The class of its failure.
    pub(super) error: ErrorClass,
    /// True when it failed.
    pub(super) failed: bool,
    /// True when it only looked.
    pub(super) looks: bool,
    /// True when it only judged.
    pub(super) verdict: bool,
    /// True when it is a call with JSON arguments.
    pub(super) structured: bool,
}

impl Step {
    /// The calls of a session; none when the budget is spent before the last.
    pub(super) fn read(trace: &Trace, values: &[Value], budget: &Steps) -> Vec<Self> {
        let mut steps = Vec::new();
        for call in &trace.calls {
            if budget.spent() {
                return Vec::new();
            }
            steps.push(Self::new(call, values, budget));
        }
        steps
    }

    fn new(call: &Call, values: &[Value], budget: &Steps) -> Self {
        let name = tool_name(call);
        let shell = SHELLS.contains(&name.as_str());
        let template = template(call, (!shell).then_some(name.as_str()), values, budget);
        budget.take(template.as_ref().map_or(0, Token::len_bytes) * LOOKS_AT_TEMPLATE);
        let main = template.as_ref().and_then(|template| command::main_tool(template.as_str()));
        let tool = if shell { main.unwrap_or_else(|| name.clone()) } else { name.clone() };
        let failed = call.failed || call.exit.is_some_and(|code| code != 0);
        let error = if failed {
            ErrorClass::recognise_within(&call.output, call.exit, budget)
        } else {
            ErrorClass::None
        };
        let looks = if shell {
            template.as_ref().is_some_and(|template| command::only_looks(template.as_str()))
        } else {
            READERS.contains(&name.as_str())
        };
        let verdict = !shell && VERDICTS.contains(&name.as_str());
        Self { tool, template, error, failed, looks, verdict, structured: !shell }
    }

    /// Returns true when it did something and did not fail.
    pub(super) fn works(&self) -> bool {
        !self.failed && !self.verdict && self.template.is_some()
    }
}
