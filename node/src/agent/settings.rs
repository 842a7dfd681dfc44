//! `[agent]` of `config.toml`: what holds for every task unless its command line says otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lore_agent::tool::McpSettings;
use serde::Deserialize;
use toml::Spanned;

/// The section as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The name of the model that is used when none is asked for.
    pub model: Option<Spanned<String>>,
    /// The policy, as `--policy` takes it.
    pub policy: Option<String>,
    /// Directories that may be read besides the workspace.
    pub read: Vec<PathBuf>,
    /// Whether pages of the public internet may be read.
    pub web: bool,
    /// Most model calls of a task.
    pub max_calls: Option<u64>,
    /// Most tokens of a task.
    pub max_tokens: Option<u64>,
    /// Most money of a task, in US dollars (`"1.50"`).
    pub max_usd: Option<String>,
    /// Most model calls of a day, over all tasks of this node.
    pub day_calls: Option<u64>,
    /// Most tokens of a day.
    pub day_tokens: Option<u64>,
    /// Most money of a day, in US dollars.
    pub day_usd: Option<String>,
    /// MCP servers by the name that their tools begin with.
    pub mcp: BTreeMap<String, McpEntry>,
}

/// `[agent.mcp.NAME]`: a program that offers tools over its standard input and output. It runs with the
/// user's rights, outside the sandbox.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpEntry {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Its environment besides PATH, HOME and LANG: its own credentials.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

impl std::fmt::Debug for McpEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The environment holds credentials.
        f.debug_struct("McpEntry").field("program", &self.program).finish_non_exhaustive()
    }
}

impl Settings {
    /// The MCP servers to start.
    #[must_use]
    pub fn servers(&self) -> Vec<McpSettings> {
        let entries = self.mcp.iter();
        entries
            .map(|(name, entry)| McpSettings {
                name: name.clone(),
                program: entry.program.clone(),
                arguments: entry.arguments.clone(),
                environment: entry.environment.clone(),
            })
            .collect()
    }
}
