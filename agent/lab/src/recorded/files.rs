//! A session as the file that an agent writes.

use lore_session::{Session, ToolCall};
use serde_json::{Value, json};

/// An agent that people use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harness {
    /// Claude Code.
    ClaudeCode,
    /// Codex.
    Codex,
}

impl Harness {
    /// Name under which it offers its shell.
    #[must_use]
    pub const fn shell(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Bash",
            Self::Codex => "exec_command",
        }
    }
}

/// Contents of the `.jsonl` file of a session of shell calls.
#[must_use]
pub fn session_file(session: &Session, harness: Harness) -> String {
    let entries = match harness {
        Harness::ClaudeCode => claude_code(session),
        Harness::Codex => codex(session),
    };
    entries.iter().map(|entry| format!("{entry}\n")).collect()
}

fn calls(session: &Session) -> impl Iterator<Item = (String, &ToolCall)> {
    let calls = session.turns.iter().flat_map(|turn| &turn.calls);
    calls.enumerate().map(|(at, call)| (format!("call-{at}"), call))
}

fn claude_code(session: &Session) -> Vec<Value> {
    let mut entries: Vec<Value> = Vec::new();
    let mut add = |role: &str, content: Value, result: Option<Value>| {
        let parent = entries.len().checked_sub(1).map(|at| format!("{}-e{at}", session.id));
        let mut entry = json!({
            "type": role, "uuid": format!("{}-e{}", session.id, entries.len()), "parentUuid": parent,
            "sessionId": session.id, "timestamp": session.started.text, "isSidechain": false,
            "message": { "role": role, "content": content },
        });
        if let Some(result) = result {
            entry["toolUseResult"] = result;
        }
        entries.push(entry);
    };
    add("user", json!(session.task), None);
    for (id, call) in calls(session) {
        let used =
            json!({ "type": "tool_use", "id": id, "name": call.tool, "input": call.arguments });
        add("assistant", json!([used]), None);
        let output = call.result.clone().unwrap_or_default();
        let mut block = json!({ "type": "tool_result", "tool_use_id": id, "content": output });
        let result = if call.failed {
            block["is_error"] = true.into();
            block["content"] = format!("Exit code {}\n{output}", call.exit.unwrap_or(1)).into();
            None
        } else {
            Some(json!({ "stdout": output, "stderr": "", "interrupted": false }))
        };
        add("user", json!([block]), result);
    }
    entries
}

fn codex(session: &Session) -> Vec<Value> {
    let entry = |kind: &str, payload: Value| json!({ "timestamp": session.started.text, "type": kind, "payload": payload });
    let head = json!({ "id": session.id, "timestamp": session.started.text, "cwd": "/" });
    let said = json!([{ "type": "input_text", "text": session.task }]);
    let task = json!({ "type": "message", "role": "user", "content": said });
    let mut entries = vec![entry("session_meta", head), entry("response_item", task)];
    for (id, call) in calls(session) {
        let command = call.arguments.get("command").cloned().unwrap_or_default();
        let arguments = json!({ "cmd": command }).to_string();
        let used = json!({
            "type": "function_call", "name": call.tool, "arguments": arguments, "call_id": id,
        });
        entries.push(entry("response_item", used));
        let output = format!(
            "Process exited with code {}\nOutput:\n{}",
            call.exit.unwrap_or(0),
            call.result.as_deref().unwrap_or_default()
        );
        let answer = json!({ "type": "function_call_output", "call_id": id, "output": output });
        entries.push(entry("response_item", answer));
    }
    entries
}
