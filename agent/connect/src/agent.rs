//! The table of agents, from `data/agents.toml`.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use lore_session::import::StatusForm;
use serde::Deserialize;

/// One agent that people use.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Name on the command line, and of its sessions' harness.
    pub id: String,
    /// Name for people.
    pub title: String,
    /// Version that the row was tried with.
    pub tried: String,
    /// How the row was found: `run`, or the address of a page.
    pub source: String,
    /// Names of its program.
    pub programs: Vec<String>,
    /// Files and directories that show that the person uses it.
    pub marks: Vec<String>,
    /// Directory that it reads skills from.
    pub skills: String,
    /// File of a session, with `{id}` for the session's id; for agents whose hooks do not name it.
    #[serde(default)]
    pub transcript: Option<String>,
    /// Its hooks.
    pub hooks: HookRow,
    /// Its list of MCP servers; none when it has none.
    #[serde(default)]
    pub mcp: Option<McpRow>,
}

/// Hooks of an agent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookRow {
    /// Form in which they are set up.
    pub form: HookForm,
    /// File that sets them up, below a person's home.
    pub file: String,
    /// The same below a project; none: the same path.
    #[serde(default)]
    pub project: Option<String>,
    /// Script of [`HookForm::Script`].
    #[serde(default)]
    pub script: Option<Script>,
    /// Form of an answer.
    pub answer: AnswerForm,
    /// Form of a status within a result's text.
    pub status: StatusForm,
    /// True when only the words of an output can show a failure.
    #[serde(default)]
    pub by_words: bool,
    /// Time limit of one hook, in the agent's own unit.
    pub timeout: u64,
    /// Event before a call; none when its text does not reach the model.
    #[serde(default)]
    pub before: Option<String>,
    /// Events after a call.
    #[serde(default)]
    pub after: Vec<String>,
    /// Event at the start of a session.
    #[serde(default)]
    pub start: Option<String>,
    /// Event at its end.
    #[serde(default)]
    pub end: Option<String>,
    /// What the person does once before the agent runs a new hook.
    #[serde(default)]
    pub trust: Option<String>,
    /// File and word by which a trusted hook is known.
    #[serde(default)]
    pub trusted: Option<(String, String)>,
}

/// Form in which hooks are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookForm {
    /// Entries in a settings file that is the person's.
    Nested,
    /// A file of ours that lists commands.
    Listed,
    /// A file of ours that the agent loads as a program.
    Script,
}

/// A script of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// Plugin of OpenCode.
    Opencode,
    /// Extension of Pi.
    Pi,
}

/// Form of an answer to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerForm {
    /// Within `hookSpecificOutput`.
    Nested,
    /// At the top.
    Flat,
    /// The bare text.
    Text,
}

/// List of MCP servers of an agent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpRow {
    /// Language of the file.
    pub form: FileForm,
    /// File that holds the list, below a person's home.
    pub file: String,
    /// The same below a project; none: the same path.
    #[serde(default)]
    pub project: Option<String>,
    /// Keys that lead to the list.
    pub path: Vec<String>,
    /// Form of an entry.
    pub entry: McpEntry,
}

/// Language of a settings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileForm {
    /// JSON, with comments and trailing commas if the person likes.
    Json,
    /// TOML.
    Toml,
}

/// Form of an entry in a list of MCP servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McpEntry {
    /// `{command, args}`.
    Bare,
    /// With `type: "stdio"`.
    Stdio,
    /// With `type: "local"` and `tools: ["*"]`.
    Local,
    /// `{type: "local", command: [..], enabled: true}`.
    Opencode,
}

#[derive(Deserialize)]
struct Table {
    agent: Vec<Agent>,
}

static TABLE: LazyLock<Vec<Agent>> = LazyLock::new(|| {
    // SAFETY: a constant file, read by the tests.
    #[allow(clippy::expect_used)]
    let table: Table = toml::from_str(include_str!("../data/agents.toml")).expect("the table");
    table.agent
});

/// All known agents, by id.
#[must_use]
pub fn agents() -> &'static [Agent] {
    &TABLE
}

/// The agent of an id or of a program's name.
#[must_use]
pub fn agent(name: &str) -> Option<&'static Agent> {
    agents().iter().find(|one| one.id == name || one.programs.iter().any(|program| program == name))
}

impl Agent {
    /// A path of the table below a person's home.
    #[must_use]
    pub fn below(home: &Path, path: &str) -> PathBuf {
        path.split('/').fold(home.to_owned(), |joined, part| joined.join(part))
    }

    /// File of a session below a person's home, for agents whose hooks do not name it.
    #[must_use]
    pub fn transcript(&self, home: &Path, session: &str) -> Option<PathBuf> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let named = !session.is_empty() && session.bytes().all(plain);
        let row = self.transcript.as_ref().filter(|_| named)?;
        Some(Self::below(home, &row.replace("{id}", session)))
    }

    /// Returns true when there are signs that the person uses it: a program in one of `search`, or a file that it
    /// keeps in their home.
    #[must_use]
    pub fn is_found(&self, home: &Path, search: &[PathBuf]) -> bool {
        let program =
            self.programs.iter().any(|name| search.iter().any(|dir| dir.join(name).is_file()));
        program || self.marks.iter().any(|mark| Self::below(home, mark).exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_whole() {
        let agents = agents();
        assert!(agents.len() >= 7);
        assert!(agents.is_sorted_by(|a, b| a.id < b.id));
        for agent in agents {
            let is_script = agent.hooks.form == HookForm::Script;
            assert_eq!(is_script, agent.hooks.script.is_some(), "{}", agent.id);
            assert_eq!(is_script, agent.hooks.after.is_empty(), "{}", agent.id);
            assert!(!agent.tried.is_empty() && !agent.source.is_empty());
        }
        assert_eq!(agent("claude").map(|one| one.id.as_str()), Some("claude-code"));
    }

    #[test]
    fn an_agent_is_found_by_its_program_or_its_files() {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let codex = agent("codex").map(|one| one.is_found(dir.path(), &[]));
        assert_eq!(codex, Some(false));
        std::fs::create_dir(dir.path().join(".codex")).unwrap_or_else(|error| panic!("{error}"));
        let codex = agent("codex").map(|one| one.is_found(dir.path(), &[]));
        assert_eq!(codex, Some(true));
    }
}
