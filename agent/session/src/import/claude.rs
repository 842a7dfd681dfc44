//! Session files of Claude Code: one JSON object a line, linked by `parentUuid`.
//!
//! One file may hold several sessions, and the side chains of sub-agents. A side chain becomes a
//! separate session: it has its own task, and its failures and fixes belong together. A message of
//! the model may come as several lines with one `message.id`; lines copied by a resume repeat a `uuid`.
//!
//! All of them are pieces of one conversation, and so are other files that repeat lines, name this
//! session, or continue after one of its entries: each piece gets the marks of its session, its entries and
//! those that they follow.

use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::steps::Steps;
use serde_json::Value;

use super::builder::{Answer, Builder, seconds_of, text_of};
use super::{Import, Place, lines};
use crate::{Role, TokenUse, conversation};

/// Texts that the harness puts into user messages.
const INJECTED: [&str; 5] =
    ["<command-", "<local-command-", "<system-reminder>", "<bash-", "Caveat: The messages below"];

pub(super) fn is_entry(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    value.get("type").is_some_and(Value::is_string)
        && ((has("message") && (has("sessionId") || has("uuid"))) || has("leafUuid"))
}

struct Reader<'a> {
    /// In the order of the file.
    sessions: Vec<Piece<'a>>,
    /// Places in `sessions`, by what a piece is known by.
    places: BTreeMap<String, usize>,
    seen: BTreeSet<String>,
    /// The session of the side chain that an entry belongs to.
    chains: BTreeMap<String, usize>,
    /// Entries that summaries name and no session has yet.
    leaves: Vec<String>,
    steps: &'a Steps,
}

/// A session that is being read.
struct Piece<'a> {
    name: String,
    builder: Builder<'a>,
    /// Id of its last message.
    last_message: Option<String>,
}

pub(super) fn read(bytes: &[u8], steps: &Steps) -> Import {
    let mut import = Import::new();
    let mut reader = Reader::new(steps);
    for (number, line) in lines(bytes) {
        steps.take(line.len());
        let result = match serde_json::from_slice::<Value>(line) {
            Ok(entry) if entry.is_object() => reader.entry(&entry),
            Ok(_) => Err("not a JSON object; skipped"),
            Err(_) => Err("not JSON; skipped"),
        };
        if let Err(reason) = result {
            import.warn(Place::Line(number), reason);
        }
    }
    let finish = |piece: Piece<'_>| piece.builder.finish(piece.name, "claude-code");
    import.sessions.extend(reader.sessions.into_iter().filter_map(finish));
    conversation::unite(&mut import.sessions);
    import
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

impl<'a> Reader<'a> {
    const fn new(steps: &'a Steps) -> Self {
        Self {
            sessions: Vec::new(),
            places: BTreeMap::new(),
            seen: BTreeSet::new(),
            chains: BTreeMap::new(),
            leaves: Vec::new(),
            steps,
        }
    }

    fn entry(&mut self, entry: &Value) -> Result<(), &'static str> {
        let role = match text(entry, "type").ok_or("no `type`; skipped")? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            // Summaries, snapshots, queue and progress lines: nothing said or done. A summary names the
            // entry that the file continues after.
            _ => {
                self.leaves.extend(text(entry, "leafUuid").map(str::to_owned));
                return Ok(());
            }
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
        let at = self.piece(entry).ok_or("no `sessionId`; skipped")?;
        let Piece { builder, last_message, .. } = &mut self.sessions[at];
        for key in ["uuid", "parentUuid", "logicalParentUuid"] {
            text(entry, key).into_iter().for_each(|name| builder.link("entry", name));
        }
        let origin = entry.get("forkedFrom").and_then(|origin| text(origin, "sessionId"));
        for session in text(entry, "sessionId").into_iter().chain(origin) {
            builder.link("session", session);
        }
        for leaf in std::mem::take(&mut self.leaves) {
            builder.link("entry", &leaf);
        }
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

    /// The session of an entry, or the side chain that it is on.
    fn piece(&mut self, entry: &Value) -> Option<usize> {
        let session = text(entry, "sessionId")?;
        if !flag(entry, "isSidechain") {
            return Some(self.place(session.to_owned()));
        }
        if let Some(agent) = text(entry, "agentId") {
            return Some(self.place(format!("{session}-{agent}")));
        }
        let uuid = text(entry, "uuid")?;
        let parent = text(entry, "parentUuid");
        let known = parent.and_then(|parent| self.chains.get(parent)).copied();
        let at = known.unwrap_or_else(|| self.place(format!("{session}-{uuid}")));
        self.steps.take(uuid.len());
        self.chains.insert(uuid.to_owned(), at);
        Some(at)
    }

    fn place(&mut self, key: String) -> usize {
        self.steps.take(key.len());
        let (sessions, steps) = (&mut self.sessions, self.steps);
        *self.places.entry(key).or_insert_with_key(|key| {
            let name = format!("claude-code-{key}");
            sessions.push(Piece { name, builder: Builder::new(steps), last_message: None });
            sessions.len() - 1
        })
    }
}

fn user(builder: &mut Builder<'_>, entry: &Value, content: &Value) -> Result<(), &'static str> {
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
    builder: &mut Builder<'_>,
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
