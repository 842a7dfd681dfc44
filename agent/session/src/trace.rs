//! A session as the miner reads it.

use lore_lessons::{Circle, GivenLessons, Options, beginning, end};
use lore_protocol::lesson::{MAX_COMMAND_BYTES, MAX_OUTPUT_BYTES};
use lore_protocol::trace::{Call, Trace};
use serde_json::Value;

use super::{Refusal, Session, ToolCall};

/// Argument names under which a shell tool takes its command line.
const COMMAND_KEYS: [&str; 4] = ["command", "cmd", "script", "code"];

impl ToolCall {
    /// The command line, when this is a call of a shell tool.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        if !lore_lessons::is_shell(&self.tool) {
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
    /// The tool calls that were answered, the task and the outcome: what the miner may look at. Of an
    /// input the beginning and of an output the end, a little more than the miner reads.
    #[must_use]
    pub fn trace(&self) -> Trace {
        let answered = self.turns.iter().flat_map(|turn| &turn.calls);
        let calls = answered.filter_map(|call| {
            // A call without an answer tells nothing about what works.
            let output = end(call.result.as_deref()?, MAX_OUTPUT_BYTES).to_owned();
            Some(Call {
                tool: call.tool.clone(),
                input: match call.command() {
                    Some(line) => beginning(line.trim(), INPUT_BYTES).to_owned(),
                    None => canonical(&call.arguments),
                },
                output,
                exit: call.exit,
                failed: call.failed || call.exit.is_some_and(|exit| exit != 0),
            })
        });
        Trace { task: self.task.clone(), calls: calls.collect(), outcome: self.outcome.verdict }
    }

    /// All tool calls, as lessons are read from them: of an input and an output a little more than is looked at.
    #[must_use]
    pub fn calls(&self) -> Vec<lore_lessons::Call> {
        self.turns.iter().flat_map(|turn| &turn.calls).map(ToolCall::for_lessons).collect()
    }

    /// Lessons that the session had been given, by the positions of [`Session::calls`]. Advice before a call is left
    /// out: where it is followed, nothing fails that could tell what it was worth. So are lessons of the user's other
    /// devices: what this node releases speaks of what it knew itself.
    #[must_use]
    pub fn given_lessons(&self) -> GivenLessons {
        let calls = self.turns.iter().flat_map(|turn| &turn.calls).enumerate();
        let hinted = calls.filter_map(|(at, call)| {
            let hint =
                call.hint.as_ref().filter(|hint| !hint.advice && hint.circle != Circle::Devices)?;
            Some((at, hint.lesson))
        });
        let skills = self.skills_read.iter().chain(&self.skills_injected);
        GivenLessons {
            at: hinted.collect(),
            everywhere: skills.flat_map(|skill| skill.lessons.iter().copied()).collect(),
        }
    }
}

/// Bytes of an output's beginning that lessons are read from, beside those of its end.
const OUTPUT_BEGINNING_BYTES: usize = 2 << 10;

/// Names under which harnesses take the directory of a command.
const DIRECTORIES: [&str; 6] =
    ["workdir", "cwd", "working_directory", "workingDirectory", "directory", "dir_path"];
/// Names under which they take its time limit.
const LIMITS: [&str; 6] =
    ["timeout", "timeout_ms", "timeoutMs", "timeout_seconds", "timeoutSec", "yield_time_ms"];
/// Names under which they take permission outside the sandbox.
const PERMISSIONS: [&str; 5] = [
    "with_escalated_permissions",
    "sandbox_permissions",
    "dangerouslyDisableSandbox",
    "dangerously_disable_sandbox",
    "require_escalated",
];

/// Longest name of a directory, in bytes.
const DIRECTORY_BYTES: usize = 256;

impl ToolCall {
    /// The call, as lessons are read from it.
    #[must_use]
    pub fn for_lessons(&self) -> lore_lessons::Call {
        let command = self.command();
        let input = if command.is_some() { String::new() } else { canonical(&self.arguments) };
        lore_lessons::Call {
            // One name for all shells: what a harness calls its own says nothing about the work.
            tool: if command.is_some() { "shell".to_owned() } else { self.tool.clone() },
            command: command.map(|line| beginning(line.trim(), 2 * INPUT_BYTES).to_owned()),
            input,
            options: self.options(),
            exit: self.exit,
            failed: self.failed,
            refusal: self.refusal.map(|refusal| match refusal {
                Refusal::Denied => lore_lessons::Refusal::Denied,
                Refusal::Cancelled => lore_lessons::Refusal::Cancelled,
            }),
            output: self.result.as_deref().map(both_ends),
        }
    }

    /// Options of a shell call beside its command, from the names that harnesses give them.
    fn options(&self) -> Options {
        let mut options = Options::default();
        let Value::Object(fields) = &self.arguments else { return options };
        if !lore_lessons::is_shell(&self.tool) {
            return options;
        }
        for (name, value) in fields {
            let named = |names: &[&str]| names.contains(&name.as_str());
            if named(&DIRECTORIES) {
                let directory = value.as_str();
                options.directory =
                    directory.map(|text| beginning(text, DIRECTORY_BYTES).to_owned());
            } else if named(&LIMITS) {
                let text = value.as_str().and_then(|text| text.parse().ok());
                options.time_limit = value.as_u64().or(text);
            } else if named(&PERMISSIONS) {
                let refused = matches!(value.as_str(), Some("false" | "use_default" | ""));
                options.outside_sandbox |=
                    !refused && !matches!(value, Value::Bool(false) | Value::Null);
            }
        }
        options
    }
}

/// The beginning and the end of an output.
fn both_ends(output: &str) -> String {
    if output.len() <= OUTPUT_BEGINNING_BYTES + MAX_OUTPUT_BYTES {
        return output.to_owned();
    }
    format!("{}\n{}", beginning(output, OUTPUT_BEGINNING_BYTES), end(output, MAX_OUTPUT_BYTES))
}

/// Bytes of an input that the trace holds: one more than the miner reads, which it then refuses.
const INPUT_BYTES: usize = MAX_COMMAND_BYTES + 4;

/// JSON with sorted keys and no white space, whatever order the source had; the beginning of what is
/// longer than the trace holds.
fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out.truncate(out.floor_char_boundary(INPUT_BYTES));
    out
}

/// Nothing more once there is enough. The depth is that of parsed JSON, 128 at most.
fn write(value: &Value, out: &mut String) {
    if out.len() >= INPUT_BYTES {
        return;
    }
    match value {
        Value::Object(map) => {
            let mut fields: Vec<(&String, &Value)> = map.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, field)) in fields.into_iter().enumerate() {
                if out.len() >= INPUT_BYTES {
                    return;
                }
                out.push_str(if index > 0 { "," } else { "" });
                scalar(&Value::from(beginning(key, INPUT_BYTES)), out);
                out.push(':');
                write(field, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if out.len() >= INPUT_BYTES {
                    return;
                }
                out.push_str(if index > 0 { "," } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Value::String(text) => scalar(&Value::from(beginning(text, INPUT_BYTES)), out),
        other => scalar(other, out),
    }
}

fn scalar(value: &Value, out: &mut String) {
    out.push_str(&value.to_string());
}
