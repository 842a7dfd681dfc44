//! Session files of Claude Code: one JSON object a line, linked by `parentUuid`.
//!
//! One file may hold several sessions, and the side chains of sub-agents. A side chain becomes a
//! session of its own: it has its own task, and its failures and fixes belong together. A message of
//! the model may come as several lines with one `message.id`; lines copied by a resume repeat a `uuid`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::builder::{Answer, Builder, seconds_of, text_of};
use super::{Import, Place, lines};
use crate::{Role, TokenUse};

/// Texts that the harness puts into user messages.
const INJECTED: [&str; 5] =
    ["<command-", "<local-command-", "<system-reminder>", "<bash-", "Caveat: The messages below"];

pub(super) fn is_entry(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    value.get("type").is_some_and(Value::is_string)
        && ((has("message") && (has("sessionId") || has("uuid"))) || has("leafUuid"))
}

#[derive(Default)]
struct Reader {
    sessions: BTreeMap<String, (Builder, Option<String>)>,
    /// Keys of `sessions` in the order of the file.
    order: Vec<String>,
    seen: BTreeSet<String>,
    /// First entry of the side chain that an entry belongs to.
    roots: BTreeMap<String, String>,
}

pub(super) fn read(bytes: &[u8]) -> Import {
    let mut import = Import::new();
    let mut reader = Reader::default();
    for (number, line) in lines(bytes) {
        let result = match serde_json::from_slice::<Value>(line) {
            Ok(entry) if entry.is_object() => reader.entry(&entry),
            Ok(_) => Err("not a JSON object; skipped"),
            Err(_) => Err("not JSON; skipped"),
        };
        if let Err(reason) = result {
            import.warn(Place::Line(number), reason);
        }
    }
    for key in reader.order {
        if let Some((builder, _)) = reader.sessions.remove(&key)
            && let Some(session) = builder.finish(format!("claude-code-{key}"), "claude-code")
        {
            import.sessions.push(session);
        }
    }
    import
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

impl Reader {
    fn entry(&mut self, entry: &Value) -> Result<(), &'static str> {
        let role = match text(entry, "type").ok_or("no `type`; skipped")? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            // Summaries, snapshots, queue and progress lines: nothing said or done.
            _ => return Ok(()),
        };
        if let Some(uuid) = text(entry, "uuid")
            && !self.seen.insert(uuid.to_owned())
        {
            return Ok(());
        }
        // An error of the model's service, shown as if the model had said it.
        if flag(entry, "isApiErrorMessage") {
            return Ok(());
        }
        let message = entry.get("message").ok_or("no `message`; skipped")?;
        let content = message.get("content").ok_or("no `content`; skipped")?;
        let key = self.key(entry).ok_or("no `sessionId`; skipped")?;
        if !self.sessions.contains_key(&key) {
            self.order.push(key.clone());
        }
        let (builder, last_message) = self.sessions.entry(key).or_default();
        if builder.started_seconds.is_none() {
            builder.started_seconds = entry.get("timestamp").and_then(seconds_of);
        }
        if role == Role::User {
            *last_message = None;
            return user(builder, entry, content);
        }
        let id = text(message, "id").map(str::to_owned);
        let goes_on = id.is_some() && *last_message == id;
        *last_message = id;
        assistant(builder, message, content, goes_on)
    }

    /// The session of an entry, with the side chain if it is on one.
    fn key(&mut self, entry: &Value) -> Option<String> {
        let session = text(entry, "sessionId")?;
        if !flag(entry, "isSidechain") {
            return Some(session.to_owned());
        }
        if let Some(agent) = text(entry, "agentId") {
            return Some(format!("{session}-{agent}"));
        }
        let uuid = text(entry, "uuid")?;
        let parent = text(entry, "parentUuid");
        let root = parent.and_then(|parent| self.roots.get(parent)).cloned();
        let root = root.unwrap_or_else(|| uuid.to_owned());
        self.roots.insert(uuid.to_owned(), root.clone());
        Some(format!("{session}-{root}"))
    }
}

fn user(builder: &mut Builder, entry: &Value, content: &Value) -> Result<(), &'static str> {
    let mut result = Ok(());
    if let Value::Array(blocks) = content {
        for block in blocks.iter().filter(|block| text(block, "type") == Some("tool_result")) {
            let id = text(block, "tool_use_id");
            let answer = answer(block, entry.get("toolUseResult"));
            if id.is_none() || !builder.answer(id, None, answer) {
                result = Err("a tool result without its call; skipped");
            }
        }
    }
    let said = match content {
        Value::Array(blocks) => {
            let texts = blocks.iter().filter(|block| text(block, "type") == Some("text"));
            texts.filter_map(|block| text(block, "text")).collect::<Vec<_>>().join("\n")
        }
        other => text_of(other).ok_or("`content` is neither text nor list; skipped")?,
    };
    if !said.trim().is_empty() {
        let injected = flag(entry, "isMeta")
            || flag(entry, "isCompactSummary")
            || INJECTED.iter().any(|mark| said.trim_start().starts_with(mark));
        builder.turn(if injected { Role::System } else { Role::User }, said);
    }
    result
}

fn answer(block: &Value, details: Option<&Value>) -> Answer {
    let text = block.get("content").and_then(text_of).unwrap_or_default();
    let failed = flag(block, "is_error");
    // A failed shell call begins with a line that holds the status.
    let status = text.lines().next().and_then(|line| line.strip_prefix("Exit code "));
    let exit = status.filter(|_| failed).and_then(|status| status.trim().parse().ok());
    let duration_ms = details.and_then(|details| details.get("durationMs")?.as_u64());
    Answer { text, failed, exit, duration_ms }
}

fn assistant(
    builder: &mut Builder,
    message: &Value,
    content: &Value,
    goes_on: bool,
) -> Result<(), &'static str> {
    if builder.model.is_none() {
        builder.model = text(message, "model").filter(|m| *m != "<synthetic>").map(str::to_owned);
    }
    if !goes_on {
        builder.turn(Role::Assistant, String::new());
    }
    if let Some(usage) = message.get("usage") {
        let count = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
        let cached = count("cache_read_input_tokens");
        let written = count("cache_creation_input_tokens");
        let input = count("input_tokens").saturating_add(cached).saturating_add(written);
        builder.tokens(TokenUse { input, cached, output: count("output_tokens") });
    }
    let Value::Array(blocks) = content else {
        let said = text_of(content).ok_or("`content` is neither text nor list; skipped")?;
        builder.more_text(&said);
        return Ok(());
    };
    let mut result = Ok(());
    for block in blocks {
        match text(block, "type") {
            Some("text") => builder.more_text(text(block, "text").unwrap_or_default()),
            Some("tool_use") => {
                let id = text(block, "id").map(str::to_owned);
                let arguments = block.get("input").cloned().unwrap_or(Value::Null);
                match text(block, "name") {
                    Some(tool) if builder.call(id, tool.to_owned(), arguments) => {}
                    Some(_) => result = Err("a call whose id still waits for a result; skipped"),
                    None => result = Err("a call without the name of its tool; skipped"),
                }
            }
            // Thinking is neither said nor done; later kinds are not known.
            _ => {}
        }
    }
    result
}
