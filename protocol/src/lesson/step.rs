//! One call of a session, as the miner sees it.

use super::template::templatise_with;
use super::value::Value;
use super::{ErrorClass, Token, command};
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

/// One call of a session.
pub(super) struct Step {
    /// The command's main tool, or the tool's own name.
    pub(super) tool: String,
    /// The command line with the task's values taken out; none when it has no such form.
    pub(super) template: Option<Token>,
    /// The class of its failure.
    pub(super) error: ErrorClass,
    /// Whether it failed.
    pub(super) failed: bool,
    /// Whether it only looked.
    pub(super) looks: bool,
    /// Whether it only judged.
    pub(super) verdict: bool,
    /// Whether it is a call with JSON arguments.
    pub(super) structured: bool,
}

impl Step {
    /// The calls of a session.
    pub(super) fn read(trace: &Trace, values: &[Value]) -> Vec<Self> {
        trace.calls.iter().map(|call| Self::new(call, values)).collect()
    }

    fn new(call: &Call, values: &[Value]) -> Self {
        let name = call.tool.trim().to_lowercase();
        let shell = SHELLS.contains(&name.as_str());
        let line = if shell { call.input.clone() } else { format!("{name} {}", call.input) };
        let template = templatise_with(&line, values).ok();
        let main = template.as_ref().and_then(|template| command::main_tool(template.as_str()));
        let tool = if shell { main.unwrap_or_else(|| name.clone()) } else { name.clone() };
        let failed = call.failed || call.exit.is_some_and(|code| code != 0);
        let error =
            if failed { ErrorClass::recognise(&call.output, call.exit) } else { ErrorClass::None };
        let looks = if shell {
            template.as_ref().is_some_and(|template| command::only_looks(template.as_str()))
        } else {
            READERS.contains(&name.as_str())
        };
        let verdict = !shell && VERDICTS.contains(&name.as_str());
        Self { tool, template, error, failed, looks, verdict, structured: !shell }
    }
}
