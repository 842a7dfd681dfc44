//! Text mode: one fenced bash block a reply instead of tool calls.
//!
//! Small models write it more reliably than JSON, in which one unescaped quote ends a command.

use std::sync::Arc;

use serde_json::json;

use crate::model::{Call, Message};

/// Prompt of text mode. No paths, and no command that it could copy for an answer.
pub const TEXT_MODE_PROMPT: &str = "You solve the task by running shell commands. In every reply, \
write one short sentence and then exactly one fenced block that begins with ```bash and ends with ```. \
You are then shown its output. Look at the output before you go on; when something fails, do it \
differently. When the task is done, reply with one sentence and no block.";

/// Tool to which commands go in text mode.
pub(super) const SHELL: &str = "bash";

/// The first fenced bash block of a reply, as a call.
pub(super) fn call(text: &str, id: String) -> Option<Call> {
    let command = block(text)?;
    let arguments = json!({ "command": command });
    Some(Call { id, tool: SHELL.to_owned(), arguments, unreadable: None })
}

/// A block that is open at the end counts as none: it was cut.
fn block(text: &str) -> Option<String> {
    let mut lines = text.lines();
    loop {
        let fence = lines.by_ref().find(|line| line.trim_start().starts_with("```"))?;
        let mut body = Vec::new();
        let mut closed = false;
        for line in lines.by_ref() {
            if line.trim() == "```" {
                closed = true;
                break;
            }
            body.push(line);
        }
        let kind = fence.trim().trim_start_matches('`').trim().to_ascii_lowercase();
        let is_shell = matches!(kind.as_str(), "bash" | "sh" | "shell" | "console" | "zsh");
        if is_shell && closed && body.iter().any(|line| !line.trim().is_empty()) {
            return Some(body.join("\n"));
        }
    }
}

/// The conversation without calls and results, which a model in text mode does not know.
pub(super) fn flatten(messages: &[Arc<Message>]) -> Vec<Arc<Message>> {
    messages
        .iter()
        .map(|message| match &**message {
            Message::Assistant { text, .. } => Arc::new(Message::Assistant {
                text: text.clone(),
                calls: Vec::new(),
                opaque: Vec::new(),
            }),
            Message::Result(result) => {
                let status = match result.exit_code {
                    Some(code) => format!("Exit code {code}."),
                    None if result.is_error => "It failed.".to_owned(),
                    None => "It succeeded.".to_owned(),
                };
                let text = result.shown();
                let text = if text.trim().is_empty() { "(no output)" } else { &*text };
                Arc::new(Message::user(format!("{status} Output:\n{text}")))
            }
            _ => Arc::clone(message),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_whole_shell_block_is_the_command() {
        let found = |text: &str| block(text);
        assert_eq!(
            found("Do:\n```bash\nls \"a b\"\nwc\n```\nthen\n```bash\nrm\n```"),
            Some("ls \"a b\"\nwc".to_owned())
        );
        assert_eq!(found("```json\n{}\n```\n```sh\nls\n```").as_deref(), Some("ls"));
        assert_eq!(found("```bash\nrm -rf /tmp/x"), None);
        assert_eq!(found("```\nls\n```"), None);
        assert_eq!(found("Done."), None);
    }
}
