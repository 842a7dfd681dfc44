//! Trajectories of mini-swe-agent (`*.traj.json`): chat messages in which a shell's return code stands. Read
//! after the source of 2.4.6, and the earlier form without tool calls.
//!
//! The one tool is a shell. A command stands in a tool call, in `extra.actions`, or in a block of the text; its
//! result is a message of the tool, or of the user.

use serde_json::{Value, json};

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{seconds_of, text, text_of};
use super::{Import, Importer, Place, openai, status};
use crate::Role;

/// Beginnings of blocks that hold a command.
const BLOCKS: [&str; 2] = ["```mswea_bash_command\n", "```bash\n"];

pub(super) fn is_trajectory(value: &Value) -> bool {
    let named = text(value, "trajectory_format").is_some_and(|f| f.starts_with("mini-swe-agent"));
    let info = value.get("info");
    let older = info.is_some_and(|info| info.get("mini_version").is_some());
    (named || older) && value.get("messages").is_some_and(Value::is_array)
}

pub(super) struct MiniSweAgent {
    cost: Cost,
}

impl MiniSweAgent {
    pub(super) const fn new(cost: Cost) -> Self {
        Self { cost }
    }
}

impl Importer for MiniSweAgent {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        let Some(messages) = entry.get("messages").and_then(Value::as_array) else {
            import.warn(place, "no list of messages; skipped");
            return;
        };
        let mut builder = Builder::new(&self.cost);
        let model = entry.pointer("/info/config/model/model_name").and_then(Value::as_str);
        builder.model = model.map(str::to_owned);
        for (at, entry) in messages.iter().enumerate() {
            if let Err(reason) = message(&mut builder, entry) {
                import.warn(Place::Item(at + 1), reason);
            }
        }
        // The file is written again after each step: its name is not in it, its content changes.
        let text = messages.iter().map(Value::to_string).collect::<String>();
        self.cost.take(text.len());
        let id = format!("mini-swe-agent-{}", &blake3::hash(text.as_bytes()).to_hex()[..32]);
        let full = builder.is_full();
        import.add(builder.finish_unnamed(id, "mini-swe-agent"), full, place);
    }
}

fn message(builder: &mut Builder, message: &Value) -> Result<(), &'static str> {
    let time = message.pointer("/extra/timestamp").and_then(seconds_of);
    builder.started_seconds = builder.started_seconds.or(time);
    let content = message.get("content").and_then(text_of).unwrap_or_default();
    match text(message, "role") {
        // What was handed in at the end.
        Some("exit") => Ok(()),
        Some("tool") => {
            let id = text(message, "tool_call_id");
            answered(builder, message, id, &content)
        }
        Some("user") => {
            let said = status::return_code(&content);
            let result = said.exit.is_some() || message.pointer("/extra/returncode").is_some();
            if result && answered(builder, message, None, &content).is_ok() {
                return Ok(());
            }
            // A complaint about the form of the last answer is the harness's.
            let harness = message.pointer("/extra/interrupt_type").is_some();
            builder.turn(if harness { Role::System } else { Role::User }, content);
            Ok(())
        }
        Some("assistant") if message.get("tool_calls").is_some_and(Value::is_array) => {
            openai::message(builder, message)
        }
        Some("assistant") => {
            let actions = message.pointer("/extra/actions").and_then(Value::as_array);
            let known = actions
                .and_then(|all| all.first())
                .and_then(|first| first.as_str().or_else(|| text(first, "command")));
            let block = || {
                let (_, rest) = BLOCKS.iter().find_map(|mark| content.split_once(mark))?;
                rest.split_once("```").map(|(command, _)| command.trim())
            };
            let command = known.or_else(block).map(str::to_owned);
            builder.turn(Role::Assistant, content);
            if let Some(command) = command {
                builder.call(None, "bash".to_owned(), json!({"command": command}));
            }
            Ok(())
        }
        Some("system") => {
            builder.turn(Role::System, content);
            Ok(())
        }
        _ => Err("a message of an unknown role; skipped"),
    }
}

fn answered(
    builder: &mut Builder,
    message: &Value,
    id: Option<&str>,
    content: &str,
) -> Result<(), &'static str> {
    let mut said = status::return_code(content);
    let extra = message.get("extra").unwrap_or(&Value::Null);
    let code = extra.get("returncode").and_then(Value::as_i64);
    if let Some(exit) = code.and_then(|code| i32::try_from(code).ok()) {
        said.exit = Some(exit);
        let raw = text(extra, "raw_output").filter(|raw| !raw.is_empty());
        if let Some(raw) = raw {
            said.output = raw.trim_end().to_owned();
        }
    }
    if builder.answer(id, None, Answer::unflagged(said, false)) {
        Ok(())
    } else {
        Err("a tool result without its call; skipped")
    }
}
