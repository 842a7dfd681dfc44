//! A session as the miner reads it.

use lore_protocol::trace::{Call, Trace};
use serde_json::Value;

use super::{Session, ToolCall};

/// Names under which harnesses offer a shell.
const SHELLS: [&str; 14] = [
    "bash",
    "container.exec",
    "exec",
    "exec_command",
    "execute_bash",
    "local_shell",
    "run_command",
    "run_shell_command",
    "run_terminal_cmd",
    "sh",
    "shell",
    "shell_command",
    "terminal",
    "zsh",
];

/// Argument names under which a shell tool takes its command line.
const COMMAND_KEYS: [&str; 4] = ["command", "cmd", "script", "code"];

impl ToolCall {
    /// The command line, when this is a call of a shell tool.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        let name = self.tool.to_ascii_lowercase();
        if !SHELLS.contains(&name.as_str()) {
            return None;
        }
        if let Value::String(line) = &self.arguments {
            return Some(line.clone());
        }
        let command = COMMAND_KEYS.iter().find_map(|key| self.arguments.get(key))?;
        match command {
            Value::String(line) => Some(line.clone()),
            // `["bash", "-lc", "..."]`: the line is the last word, the rest only starts a shell.
            Value::Array(words) => {
                let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                match words.as_slice() {
                    [_, flag, line] if flag.starts_with('-') && flag.ends_with('c') => {
                        Some((*line).to_owned())
                    }
                    words => Some(words.join(" ")),
                }
            }
            _ => None,
        }
    }
}

impl Session {
    /// The tool calls that were answered, the task and the outcome: what the miner may look at.
    #[must_use]
    pub fn trace(&self) -> Trace {
        let answered = self.turns.iter().flat_map(|turn| &turn.calls);
        let calls = answered.filter_map(|call| {
            // A call without an answer tells nothing about what works.
            let output = call.result.clone()?;
            Some(Call {
                tool: call.tool.clone(),
                input: call.command().unwrap_or_else(|| canonical(&call.arguments)),
                output,
                exit: call.exit,
                failed: call.failed || call.exit.is_some_and(|exit| exit != 0),
            })
        });
        Trace { task: self.task.clone(), calls: calls.collect(), outcome: self.outcome.verdict }
    }
}

/// JSON with sorted keys and no white space, whatever order the source had.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let fields: Vec<String> = keys
                .into_iter()
                .map(|key| format!("{}:{}", Value::from(key.as_str()), canonical(&map[key])))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        scalar => scalar.to_string(),
    }
}
