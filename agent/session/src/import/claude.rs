//! Session files of Claude Code: one JSON object a line, linked by `parentUuid`. Tried with 2.1.197.
//!
//! One file may hold several sessions, and the side chains of sub-agents. A side chain becomes a
//! separate session: it has its own task, and its failures and fixes belong together. A message of
//! the model may come as several lines with one `message.id`; lines copied by a resume repeat a `uuid`.
//!
//! All of them are pieces of one conversation, and so are other files that repeat lines, name this
//! session, or continue after one of its entries: each piece gets the marks of its session, its entries and
//! those that they follow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::builder::{Answer, Builder};
use super::cost::Cost;
use super::fields::{flag, seconds_of, text, text_of};
use super::{Import, Importer, Place, status};
use crate::{Refusal, Role, TokenUse, conversation};

/// Texts that the harness puts into user messages.
const INJECTED: [&str; 12] = [
    "<command-",
    "<local-command-",
    "<system-reminder>",
    "<bash-",
    "<task-notification>",
    "<user-prompt-submit-hook>",
    "<ide_",
    "<teammate-message",
    "[Request interrupted by user",
    "[Image: ",
    "Caveat: The messages below",
    "This session is being continued from a previous conversation",
];

/// Bytes of all sessions of a file that are read at once; later entries of it are left out.
const FILE_BYTES: usize = 64 << 20;

pub(super) fn is_entry(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    let other = value.pointer("/message/parts").is_some();
    value.get("type").is_some_and(Value::is_string)
        && !other
        && (has("message") && (has("sessionId") || has("uuid")) || has("leafUuid"))
}

pub(super) struct ClaudeCode {
    /// In the order of the file.
    sessions: Vec<Piece>,
    /// Places in `sessions`, by what a piece is known by.
    places: BTreeMap<String, usize>,
    /// Entries that were read, by a hash of their names.
    seen: BTreeSet<u64>,
    /// The session of the side chain that an entry belongs to.
    chains: BTreeMap<String, usize>,
    /// Entries that summaries name and no session has yet.
    leaves: Vec<String>,
    cost: Cost,
    last: usize,
    held_bytes: usize,
}

/// A short name of an entry.
fn name_of(uuid: &str) -> u64 {
    let hash = blake3::hash(uuid.as_bytes());
    // SAFETY: a hash has 32 bytes.
    #[allow(clippy::unwrap_used)]
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap())
}

/// A session that is being read.
struct Piece {
    name: String,
    builder: Builder,
    /// Id of its last message.
    last_message: Option<String>,
}

impl Importer for ClaudeCode {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        if let Place::Line(line) = place {
            self.last = line;
        }
        let result = if !entry.is_object() {
            Err("not a JSON object; skipped")
        } else if self.held_bytes() > FILE_BYTES {
            Err("after more than what is kept of one file; skipped")
        } else {
            self.take(&entry)
        };
        if let Err(reason) = result {
            import.warn(place, reason);
        }
    }

    fn end(&mut self, import: &mut Import) {
        let place = Place::Line(self.last);
        for piece in std::mem::take(&mut self.sessions) {
            let full = piece.builder.is_full();
            if let Some(found) = piece.builder.finish(piece.name, "claude-code") {
                import.add(Some(found), full, place);
            }
        }
        conversation::unite(import.sessions.iter_mut().map(|found| &mut found.session));
    }

    fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}

impl ClaudeCode {
    pub(super) const fn new(cost: Cost) -> Self {
        Self {
            sessions: Vec::new(),
            places: BTreeMap::new(),
            seen: BTreeSet::new(),
            chains: BTreeMap::new(),
            leaves: Vec::new(),
            cost,
            last: 1,
            held_bytes: 0,
        }
    }

    fn take(&mut self, entry: &Value) -> Result<(), &'static str> {
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
        // An error of the model's service, shown as if the model had said it.
        if flag(entry, "isApiErrorMessage") {
            return Ok(());
        }
        let message = entry.get("message").ok_or("no `message`; skipped")?;
        let content = message.get("content").ok_or("no `content`; skipped")?;
        let at = self.piece(entry).ok_or("no `sessionId`; skipped")?;
        let Piece { builder, last_message, .. } = &mut self.sessions[at];
        let again = text(entry, "uuid").is_some_and(|uuid| !self.seen.insert(name_of(uuid)));
        if builder.is_full() || again {
            return Ok(());
        }
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
        let (turns, held) = (builder.turns(), builder.held_bytes());
        let result = if role == Role::User {
            *last_message = None;
            user(builder, entry, content)
        } else {
            let id = text(message, "id").map(str::to_owned);
            let goes_on = id.is_some() && *last_message == id;
            *last_message = id;
            assistant(builder, message, content, goes_on)
        };
        // An entry that only holds results made no turn: its answers are part of the turn that asked.
        if role == Role::Assistant || builder.turns() > turns {
            text(entry, "uuid").into_iter().for_each(|uuid| builder.name(uuid));
            builder.at(entry.get("timestamp").and_then(seconds_of));
        }
        self.held_bytes += builder.held_bytes() - held;
        result
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
        self.cost.take(uuid.len());
        self.chains.insert(uuid.to_owned(), at);
        Some(at)
    }

    fn place(&mut self, key: String) -> usize {
        self.cost.take(key.len());
        let (sessions, cost) = (&mut self.sessions, &self.cost);
        *self.places.entry(key).or_insert_with_key(|key| {
            let name = format!("claude-code-{key}");
            self.held_bytes += name.len();
            sessions.push(Piece { name, builder: Builder::new(cost), last_message: None });
            sessions.len() - 1
        })
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
    let texts: Vec<&str> = match content {
        Value::Array(blocks) => {
            let texts = blocks.iter().filter(|block| text(block, "type") == Some("text"));
            texts.filter_map(|block| text(block, "text")).collect()
        }
        Value::String(said) => vec![said],
        _ => return Err("`content` is neither text nor list; skipped"),
    };
    let harness = flag(entry, "isMeta") || flag(entry, "isCompactSummary");
    for role in [Role::System, Role::User] {
        let said = texts.iter().filter_map(|said| words(said, harness, role));
        let said = said.collect::<Vec<_>>().join("\n");
        if !said.trim().is_empty() {
            builder.turn(role, said);
        }
    }
    result
}

/// What a text says in a role. The arguments of a command that a person gave are their words.
fn words(said: &str, harness: bool, role: Role) -> Option<&str> {
    let start = said.trim_start();
    let asked = start.starts_with("<command-").then(|| between(start, "command-args")).flatten();
    let asked = asked.filter(|_| !harness);
    let injected = harness || INJECTED.iter().any(|mark| start.starts_with(mark));
    match role {
        Role::User => asked.or((!injected).then_some(said)),
        _ => (injected && asked.is_none()).then_some(said),
    }
}

/// The text between the marks of a name, when there is some.
fn between<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inner.trim()).filter(|inner| !inner.is_empty())
}

fn answer(block: &Value, details: Option<&Value>) -> Answer {
    let text = block.get("content").and_then(text_of).unwrap_or_default();
    let failed = flag(block, "is_error");
    // A failed shell call begins with a line that holds the status.
    let mut said = if failed { status::first_line(&text) } else { status::plain(&text) };
    let detail = |key: &str| details.and_then(|details| details.get(key));
    // Only a shell has both streams in its details, and its success is an exit status of zero.
    let shell = detail("stdout").is_some() && detail("stderr").is_some();
    let background = detail("backgroundTaskId").is_some();
    if shell && !failed && !background {
        said.exit = Some(0);
    }
    let mut answer = Answer::said(said, failed);
    if detail("interrupted").and_then(Value::as_bool) == Some(true) {
        (answer.refusal, answer.failed, answer.exit) = (Some(Refusal::Cancelled), false, None);
    }
    answer.duration_ms = detail("durationMs").and_then(Value::as_u64);
    answer
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
