//! What agents tell their hooks, read into one call.

use std::io::Read;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use lore_lessons::{Call, Refusal};
use lore_session::ToolCall;
use lore_session::import::refusal;
use serde_json::Value;

use super::{Event, HookError};
use crate::agent::Agent;

/// Largest input that is looked at, in bytes. The rest of a larger one is read and dropped: an agent that writes to
/// a closed pipe could take that for a fault.
pub const MAX_INPUT_BYTES: u64 = 8 << 20;

/// Input of one hook.
#[derive(Debug, Clone, PartialEq)]
pub struct HookInput {
    /// Id of the agent's session; empty when it gives none.
    pub session: String,
    body: Value,
}

fn first<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| value.get(name))
}

impl HookInput {
    /// Reads what an agent wrote.
    ///
    /// # Errors
    /// [`HookError::Input`] for what is too large or no JSON object.
    pub fn read(mut from: impl Read) -> Result<Self, HookError> {
        let failed = |error: std::io::Error| HookError::Input(error.to_string());
        let mut bytes = Vec::new();
        (&mut from).take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_INPUT_BYTES {
            std::io::copy(&mut from, &mut std::io::sink()).map_err(failed)?;
            return Err(HookError::Input(format!("it is larger than {MAX_INPUT_BYTES} bytes")));
        }
        let body: Value = serde_json::from_slice(&bytes).map_err(|error| {
            // The error's own words may quote the input.
            HookError::Input(format!("no JSON, at line {} column {}", error.line(), error.column()))
        })?;
        if !body.is_object() {
            return Err(HookError::Input("no JSON object".into()));
        }
        let session = first(&body, &["session_id", "sessionId", "session"]);
        let session = session.and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { session, body })
    }

    /// Name that the agent gives the event.
    #[must_use]
    pub fn event_name(&self) -> Option<&str> {
        self.body.get("hook_event_name").and_then(Value::as_str)
    }

    /// The input as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.body.to_string()
    }

    /// File of the agent's session, when it names one.
    #[must_use]
    pub fn transcript(&self) -> Option<PathBuf> {
        let path = first(&self.body, &["transcript_path", "transcriptPath"])?.as_str()?;
        let path = PathBuf::from(path);
        path.is_absolute().then_some(path)
    }

    /// The session itself, from an agent that keeps no file of it.
    #[must_use]
    pub fn exported(&self) -> Option<&Value> {
        self.body.get("exported").filter(|value| value.is_object())
    }

    /// The call that it is about; none when there is none.
    pub(super) fn call(&self, agent: &Agent, event: Event) -> Option<Call> {
        let body = &self.body;
        let tool = first(body, &["tool_name", "toolName", "tool"])?.as_str()?.to_owned();
        let arguments = first(body, &["tool_input", "toolArgs", "input"])?;
        let arguments = match arguments {
            // Some versions give the arguments as text.
            Value::String(text) if text.starts_with('{') => {
                serde_json::from_str(text).unwrap_or_else(|_| arguments.clone())
            }
            other => other.clone(),
        };
        let mut call = ToolCall::new(None, tool, arguments);
        if event != Event::After {
            return Some(call.for_lessons());
        }
        let text = output(body)?;
        let said = agent.hooks.status.read(&text);
        let failure = body.get("error").is_some_and(Value::is_string)
            || first(body, &["failed", "isError"]).and_then(Value::as_bool).unwrap_or(false);
        call.exit = said.exit.or_else(|| {
            let exit = body.get("exit").and_then(Value::as_i64)?;
            i32::try_from(exit).ok()
        });
        call.failed = failure || call.exit.is_some_and(|exit| exit != 0);
        if call.failed {
            call.refusal = refusal(&text);
        }
        if body.get("is_interrupt").and_then(Value::as_bool) == Some(true) {
            call.refusal = Some(lore_session::Refusal::Cancelled);
        }
        call.result = Some(said.output);
        let call = call.for_lessons();
        (call.refusal != Some(Refusal::Cancelled)).then_some(call)
    }
}

/// Text of a result, as the model reads it.
fn output(body: &Value) -> Option<String> {
    if let Some(text) = first(body, &["error", "output"]).and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    let result = first(body, &["tool_response", "toolResult"])?;
    if let Some(text) = result.as_str() {
        return Some(text.to_owned());
    }
    if let Some(text) =
        first(result, &["textResultForLlm", "llmContent", "output"]).and_then(Value::as_str)
    {
        return Some(text.to_owned());
    }
    let part = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default();
    let (out, err) = (part("stdout"), part("stderr"));
    let gap = if out.is_empty() || err.is_empty() || out.ends_with('\n') { "" } else { "\n" };
    (result.get("stdout").is_some() || result.get("stderr").is_some())
        .then(|| format!("{out}{gap}{err}"))
}

/// Time now, in seconds since the Unix epoch.
#[must_use]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::agent::agent;

    /// A hook's input as the agent of the name gives it, with the call's exit status or its failure.
    #[test]
    fn every_agents_input_gives_the_same_call() {
        let inputs = [
            (
                "claude-code",
                r#"{"session_id":"s","hook_event_name":"PostToolUseFailure","tool_name":"Bash","tool_input":{"command":"git pusk","description":"a"},"tool_use_id":"t","error":"Exit code 1\ngit: 'pusk' is not a git command. See 'git --help'.","is_interrupt":false,"duration_ms":16}"#,
            ),
            (
                "codex",
                r#"{"session_id":"s","turn_id":"t","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"git pusk"},"tool_response":"git: 'pusk' is not a git command. See 'git --help'.\n","tool_use_id":"c"}"#,
            ),
            (
                "copilot-cli",
                r#"{"sessionId":"s","toolName":"bash","toolArgs":{"command":"git pusk","description":"a"},"toolResult":{"resultType":"success","textResultForLlm":"git: 'pusk' is not a git command. See 'git --help'.\n<shellId: 1 completed with exit code 1>"}}"#,
            ),
            (
                "gemini-cli",
                r#"{"session_id":"s","hook_event_name":"AfterTool","tool_name":"run_shell_command","tool_input":{"command":"git pusk"},"tool_response":{"llmContent":"<untrusted_context>\nOutput: git: 'pusk' is not a git command. See 'git --help'.\nExit Code: 1\nProcess Group PGID: 2\n</untrusted_context>","returnDisplay":"x"}}"#,
            ),
            (
                "opencode",
                r#"{"session":"s","tool":"bash","input":{"command":"git pusk"},"output":"git: 'pusk' is not a git command. See 'git --help'.\n","exit":1}"#,
            ),
            (
                "pi",
                r#"{"session":"s","tool":"bash","input":{"command":"git pusk"},"output":"git: 'pusk' is not a git command. See 'git --help'.\n\n\nCommand exited with code 1","failed":true}"#,
            ),
            (
                "qwen-code",
                r#"{"session_id":"s","hook_event_name":"PostToolUseFailure","tool_name":"run_shell_command","tool_input":{"command":"git pusk"},"error":"Command: git pusk\nDirectory: (root)\nOutput: git: 'pusk' is not a git command. See 'git --help'.\nError: (none)\nExit Code: 1\nSignal: (none)\nProcess Group PGID: (none)","is_interrupt":false}"#,
            ),
        ];
        for (name, text) in inputs {
            let input = HookInput::read(text.as_bytes()).unwrap();
            let agent = agent(name).unwrap();
            let call = input.call(agent, Event::After).unwrap();
            assert_eq!(input.session, "s", "{name}");
            assert_eq!(call.command.as_deref(), Some("git pusk"), "{name}");
            let output = call.output.as_deref().unwrap().trim_end();
            assert_eq!(output, "git: 'pusk' is not a git command. See 'git --help'.", "{name}");
            assert_eq!(call.exit, (name != "codex").then_some(1), "{name}");
            assert!(call.failed || lore_lessons::fails_by_its_words(&call), "{name}");
        }
    }

    #[test]
    fn input_that_is_no_call_is_passed_over_and_what_is_no_json_is_an_error() {
        let claude = agent("claude-code").unwrap();
        for text in [
            "{}",
            r#"{"tool_name":1}"#,
            r#"{"tool_name":"Bash"}"#,
            r#"{"session_id":[],"tool_name":"Bash","tool_input":"x"}"#,
        ] {
            let input = HookInput::read(text.as_bytes()).unwrap();
            assert_eq!(input.call(claude, Event::After), None, "{text}");
        }
        for text in ["", "[1]", "{\"a\":", "null", "\u{0}"] {
            assert!(HookInput::read(text.as_bytes()).is_err(), "{text}");
        }
        let huge = std::io::Read::take(std::io::repeat(b' '), MAX_INPUT_BYTES * 6);
        assert!(HookInput::read(huge).is_err());
    }

    #[test]
    fn a_call_that_the_user_stopped_is_no_failure() {
        let text = r#"{"session_id":"s","tool_name":"Bash","tool_input":{"command":"git pusk"},"error":"[Request interrupted by user for tool use]","is_interrupt":true}"#;
        let input = HookInput::read(text.as_bytes()).unwrap();
        assert_eq!(input.call(agent("claude-code").unwrap(), Event::After), None);
    }
}
