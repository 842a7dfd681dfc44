//! `[agent]` of `config.toml`: what holds for every task unless its command line says otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lore_agent::service::OutsideSettings;
use serde::Deserialize;
use toml::Spanned;

use super::mcp::McpEntry;

/// The section as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The name of the model that is used when none is asked for.
    pub model: Option<Spanned<String>>,
    /// The policy, as `--policy` takes it.
    pub policy: Option<String>,
    /// Directories that may be read besides the workspace.
    pub read: Vec<PathBuf>,
    /// True when pages of the public internet may be read.
    pub web: bool,
    /// False when failed calls get no hints; true when it is not set.
    pub hints: Option<bool>,
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
    /// Services of the outside world; all off without it.
    pub outside: OutsideSettings,
    /// MCP servers by the name that their tools begin with.
    pub mcp: BTreeMap<String, McpEntry>,
    /// Files in the form of `.mcp.json`, whose servers are used too.
    pub mcp_files: Vec<PathBuf>,
}
