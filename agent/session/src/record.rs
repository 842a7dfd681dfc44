//! The record of a session.

use std::collections::BTreeSet;

use lore_protocol::ids::{Hash, LessonId, RevisionId, SkillId};
use lore_protocol::lesson::Proposal;
use lore_protocol::trace::Outcome;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CallHint;

/// Version written by this build; readers refuse newer ones.
pub const VERSION: u32 = 1;

/// One session: a task, what was done about it, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Version of the format, 1 to [`VERSION`].
    pub version: u32,
    /// Name of the session, unique on its node. Importers derive it from the source, so that a second
    /// import of the same file is noticed.
    pub id: String,
    /// The conversation that it is a piece of, by the name of one piece: side chains, resumed and forked
    /// sessions have one root. None for a whole conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Marks by which other pieces of its conversation are recognised: hashes of the names of the
    /// messages that it holds or follows. A node keeps them apart from the session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Owner of the session: hex of an HMAC of the user under a secret of the node. None until stored.
    #[serde(default)]
    pub unit: Option<String>,
    /// The program that ran the agent (`claude-code`, `codex`, `lore-explorer`, ...).
    pub harness: String,
    /// The model, when the source says so.
    #[serde(default)]
    pub model: Option<String>,
    /// Time at which it began.
    pub started: Started,
    /// The user's task, in their words.
    pub task: String,
    /// Turns of the session: everything said and done, in order.
    pub turns: Vec<Turn>,
    /// Verdict at its end, and its source.
    pub outcome: SessionOutcome,
    /// Skills whose text the agent opened.
    #[serde(default)]
    pub skills_read: Vec<SkillUse>,
    /// Skills that were put before the agent.
    #[serde(default)]
    pub skills_injected: Vec<SkillUse>,
    /// Proposals of a model for this session; none when no model has read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposals: Option<Proposals>,
}

/// Proposals of a model for one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proposals {
    /// The lessons, as they were proposed; empty when the model refused the session or made no list.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub lessons: Vec<Proposal>,
}

/// A point in time, for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Seconds since the Unix epoch, UTC. The number counts; the text is for reading.
    pub unix_seconds: u64,
    /// The same as RFC 3339, UTC.
    pub text: String,
}

impl Started {
    /// The beginning of a date in UTC, `YYYY-MM-DD`; none for other text, and before 1970.
    #[must_use]
    pub fn of_date(date: &str) -> Option<Self> {
        let midnight =
            date.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        u64::try_from(midnight.timestamp().as_second()).ok().map(Self::at)
    }

    /// The time `unix_seconds` after the Unix epoch. Beyond the year 9999 the text says so.
    #[must_use]
    pub fn at(unix_seconds: u64) -> Self {
        let text = i64::try_from(unix_seconds)
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map_or_else(|| "out of range".to_owned(), |time| time.to_string());
        Self { unix_seconds, text }
    }
}

/// Speaker of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The harness: instructions, injected context.
    System,
    /// The person.
    User,
    /// The agent, with its tool calls.
    Assistant,
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Speaker of the turn.
    pub role: Role,
    /// Text that is said; may be empty beside tool calls.
    #[serde(default)]
    pub text: String,
    /// Tool calls of this turn, in order, each with its result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// Tokens that the turn cost, when the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenUse>,
}

/// Tokens of one model call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenUse {
    /// Tokens read, cached ones included.
    pub input: u64,
    /// Of those, tokens that came from a cache.
    #[serde(default)]
    pub cached: u64,
    /// Tokens written.
    pub output: u64,
}

/// One tool call, complete: arguments are never shortened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The harness's id of the call, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The tool as the harness names it.
    pub tool: String,
    /// Its arguments as the harness gave them.
    pub arguments: serde_json::Value,
    /// Result of the call; none when the session broke off before an answer.
    pub result: Option<String>,
    /// Exit status of a shell tool, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// True when the harness or the tool flagged the call as failed. A refused call is not failed.
    #[serde(default)]
    pub failed: bool,
    /// Why the call did not run or was not allowed to end; none for a call that ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// Duration of the call, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Hint that was shown beside the result. It is no part of the result, and nothing is learnt from its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<CallHint>,
}

impl ToolCall {
    /// A call without an answer yet.
    #[must_use]
    pub const fn new(id: Option<String>, tool: String, arguments: serde_json::Value) -> Self {
        Self {
            id,
            tool,
            arguments,
            result: None,
            exit: None,
            failed: false,
            refusal: None,
            duration_ms: None,
            hint: None,
        }
    }
}

/// Why a call was stopped from outside. It says nothing about what works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The user or a policy said no.
    Denied,
    /// An interrupt, or the failure of a call that ran beside it.
    Cancelled,
}

/// Outcome of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionOutcome {
    /// The verdict; `unknown` is not counted anywhere.
    #[schemars(with = "VerdictSchema")]
    pub verdict: Outcome,
    /// Source of the verdict.
    pub source: Source,
    /// Confidence of the source, in percent, 0 to 100.
    pub confidence_percent: u8,
}

impl SessionOutcome {
    /// Nobody knows.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { verdict: Outcome::Unknown, source: Source::Nobody, confidence_percent: 0 }
    }

    /// A verdict that its source stands behind without doubt.
    #[must_use]
    pub const fn certain(verdict: Outcome, source: Source) -> Self {
        Self { verdict, source, confidence_percent: 100 }
    }
}

/// The verdicts as the schema shows them; [`Outcome`] itself lives in a room without schemas.
#[derive(JsonSchema)]
#[schemars(rename = "Verdict", rename_all = "snake_case")]
#[allow(dead_code)] // Only its schema is used.
enum VerdictSchema {
    Success,
    Failure,
    Unknown,
}

/// Source of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A person said so.
    Person,
    /// A validator's exit status.
    Validator,
    /// A reward that came with an imported trajectory.
    Reward,
    /// The rules of [`judge`](super::judge).
    Rules,
    /// A model.
    Model,
    /// Nobody.
    Nobody,
}

/// A skill that a session read or was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillUse {
    /// Its name.
    pub name: String,
    /// The skill, when the text carried our metadata.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub skill: Option<SkillId>,
    /// The revision, likewise.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub revision: Option<RevisionId>,
    /// Hash of the skill's state in the fold, likewise.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub state: Option<Hash>,
    /// Lessons of the skill that this node's shelf showed when the session came here.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "BTreeSet<String>")]
    pub lessons: BTreeSet<LessonId>,
}
