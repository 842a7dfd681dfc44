//! `session`: import, list, show, and a model's pass over sessions.
//!
//! A whole session crosses the socket as one line of the session format (`docs/session.schema.json`),
//! which this crate carries and does not read.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One session as one line of JSON in the format of `docs/session.schema.json`. Private.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SessionLine(String);

impl SessionLine {
    /// The line; it must be a session's.
    #[must_use]
    pub const fn new(line: String) -> Self {
        Self(line)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SessionLine {
    /// The size alone: a session is private, and a log is not.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionLine({} bytes)", self.0.len())
    }
}

/// Arguments of `session.import`: the daemon reads the files itself, in chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionImport {
    /// User of the sessions.
    pub user: String,
    /// Absolute path of a file, or of a directory with `.jsonl` and `.json` files.
    pub path: PathBuf,
    /// The format; none: told from each file.
    #[serde(default)]
    pub format: Option<SessionFormat>,
    /// Import also sessions that were deleted here.
    #[serde(default)]
    pub again: bool,
}

/// A format of session files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionFormat {
    /// Sessions of this program, one a line.
    Lore,
    /// A rollout of Codex.
    Codex,
    /// A session of the Copilot CLI.
    CopilotCli,
    /// A session of Pi.
    Pi,
    /// A chat of the Gemini CLI.
    GeminiCli,
    /// A chat of Qwen Code.
    QwenCode,
    /// What `opencode export` writes.
    #[serde(rename = "opencode")]
    OpenCode,
    /// A trajectory of ml-intern.
    MlIntern,
    /// A trajectory of mini-swe-agent.
    MiniSweAgent,
    /// A trajectory of SWE-agent.
    SweAgent,
    /// A trajectory in the Agent Trajectory Interchange Format.
    Atif,
    /// A session or a record of SkillClaw.
    #[serde(rename = "skillclaw")]
    SkillClaw,
    /// A transcript of SpecStory.
    #[serde(rename = "specstory")]
    SpecStory,
    /// A session file of Claude Code.
    ClaudeCode,
    /// Lists of OpenAI chat messages with tool calls.
    #[serde(rename = "openai-chat")]
    OpenAiChat,
}

/// Result of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// Sessions that are new.
    pub imported: u64,
    /// Sessions that were here already.
    pub known: u64,
    /// Sessions that were here and brought more turns.
    pub grown: u64,
    /// Sessions that were deleted here before, and are left out.
    pub forgotten: u64,
    /// Users with a session on this node.
    pub users: u64,
    /// Files read.
    pub files: u64,
    /// Parts left out of files, one sentence each.
    pub warnings: Vec<String>,
    /// Files without a session.
    pub passed_over: Vec<PassedOver>,
    /// Federations in which this node has too few users for a lesson, one sentence each.
    pub too_few: Vec<String>,
}

/// A file from which nothing was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PassedOver {
    /// Its path.
    pub path: PathBuf,
    /// Why, in one sentence.
    pub reason: String,
}

/// Directories in which agents keep their sessions, as `lore session import` without a path finds them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionPlaces {
    /// Those that are there and hold files.
    pub places: Vec<SessionPlace>,
}

/// A directory with sessions of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionPlace {
    /// The agent.
    pub harness: String,
    /// The directory.
    pub directory: PathBuf,
    /// Files in it that an import would look at.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

/// Arguments of `session.add`: store sessions that the asking process made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionAdd {
    /// User of the sessions.
    pub user: String,
    /// The sessions; all of them fit one message.
    pub sessions: Vec<SessionLine>,
}

/// Result of storing sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionsAdded {
    /// Sessions that are new.
    pub imported: u64,
    /// Sessions that were here already.
    pub known: u64,
    /// Sessions that were here and brought more turns.
    pub grown: u64,
    /// Sessions that were deleted here before, and are left out.
    pub forgotten: u64,
    /// Users with a session on this node.
    pub users: u64,
    /// Federations in which this node has too few users for a lesson, one sentence each.
    pub too_few: Vec<String>,
}

/// Arguments of `session.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionList {
    /// Most sessions to list, newest first.
    pub limit: usize,
}

/// Stored sessions in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sessions {
    /// Sessions stored here.
    pub total: u64,
    /// The newest ones, newest first.
    pub sessions: Vec<SessionSummary>,
}

/// One session in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionSummary {
    /// Its id.
    pub id: String,
    /// Start of the session, as RFC 3339 in UTC.
    pub started: String,
    /// The program that ran the agent.
    pub harness: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// The first 80 characters of the task.
    pub task: String,
    /// Time from which a running node deletes it, as RFC 3339 in UTC; null when sessions are kept for ever.
    pub kept_until: Option<String>,
    /// Whether it is kept longer where need be, since a release to come may draw on it.
    pub awaits_release: bool,
}

/// Outcome of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The task was done.
    Success,
    /// It was not.
    Failure,
    /// Unknown; not counted.
    Unknown,
}

impl Outcome {
    /// The word that `--json` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

/// Arguments of `session.show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionShow {
    /// The session's id.
    pub name: String,
}

/// Arguments of `session.at`: a session by its place in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionAt {
    /// A key that `session.unread` gave.
    pub key: String,
}

/// One session, whole. `lore session show --json` prints the session itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredSession {
    /// The session.
    pub session: SessionLine,
}

/// Arguments of `session.unread`: sessions that no model has read and to which one could add something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionUnread {}

/// Unread sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadSessions {
    /// Their keys in the store.
    pub keys: Vec<String>,
}

/// Arguments of `session.propose`: keep a model's proposals with a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionPropose {
    /// A key that `session.unread` gave.
    pub session: String,
    /// The proposals; empty when the model made none.
    pub lessons: Vec<ProposedLesson>,
}

/// A lesson as a model proposes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposedLesson {
    /// Its subject.
    pub kind: ProposedKind,
    /// The command line, flag, name or address; the old argument or the first step.
    pub text: String,
    /// The new argument or the second step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
}

/// Subject of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposedKind {
    /// A command line that worked.
    Example,
    /// A command line that failed.
    Avoid,
    /// An argument that worked in the place of another.
    UseArgument,
    /// A flag that had to be given.
    AddFlag,
    /// A flag that had to be left out.
    DropFlag,
    /// A command line that had to run first.
    RunFirst,
    /// Another tool.
    UseTool,
    /// An environment variable, by name.
    SetEnv,
    /// A package.
    Install,
    /// An address.
    UseEndpoint,
    /// A command line that shows whether it worked.
    CheckThat,
    /// Two steps in their order.
    Order,
}

/// Result of a session's proposals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalsKept {
    /// Proposals that were looked at.
    pub proposed: u64,
    /// Of those, lessons of the grammar that stand in their session.
    pub admitted: u64,
}
