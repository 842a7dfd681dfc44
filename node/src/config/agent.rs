//! `[agent]` of `config.toml`: what holds for every task unless its command line says otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lore_agent::service::OutsideSettings;
use lore_agent::tool::{McpHttpSettings, McpServer, McpSettings};
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use toml::Spanned;

use crate::error::CliError;

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
}

/// `[agent.mcp.NAME]`: a server of tools. `Debug` shows no credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "McpTable")]
pub enum McpEntry {
    /// A program that speaks over its standard input and output. It runs with the user's rights, outside
    /// the sandbox.
    Program(McpProgram),
    /// A server over streamable HTTP.
    Http(McpHttp),
}

/// A program that is a server.
#[derive(Clone)]
pub struct McpProgram {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment besides PATH, HOME and LANG: its own credentials.
    pub environment: BTreeMap<String, String>,
}

/// A server somewhere else.
#[derive(Debug, Clone)]
pub struct McpHttp {
    /// Its endpoint, https, or http on this machine.
    pub url: Url,
    /// The token of `Authorization: Bearer`.
    pub token: Option<SecretString>,
    /// The environment variable of that token.
    pub token_env: Option<String>,
    /// Further header lines.
    pub headers: BTreeMap<String, SecretString>,
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct McpTable {
    program: Option<PathBuf>,
    arguments: Option<Vec<String>>,
    environment: Option<BTreeMap<String, String>>,
    url: Option<String>,
    token: Option<SecretString>,
    token_env: Option<String>,
    headers: Option<BTreeMap<String, SecretString>>,
}

impl TryFrom<McpTable> for McpEntry {
    type Error = String;

    fn try_from(table: McpTable) -> Result<Self, Self::Error> {
        let McpTable { program, arguments, environment, url, token, token_env, headers } = table;
        let of_program = arguments.is_some() || environment.is_some();
        let of_address = token.is_some() || token_env.is_some() || headers.is_some();
        match (program, url) {
            (Some(program), None) if !of_address => Ok(Self::Program(McpProgram {
                program,
                arguments: arguments.unwrap_or_default(),
                environment: environment.unwrap_or_default(),
            })),
            (None, Some(url)) if !of_program => Ok(Self::Http(McpHttp {
                url: url.parse().map_err(|error| format!("`{url}` is no address: {error}"))?,
                token,
                token_env,
                headers: headers.unwrap_or_default(),
            })),
            _ => {
                Err("an MCP server is `program` with `arguments` and `environment`, or `url` with \
                      `token` or `token_env` and `headers`"
                    .to_owned())
            }
        }
    }
}

impl std::fmt::Debug for McpProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The environment holds credentials.
        f.debug_struct("McpProgram").field("program", &self.program).finish_non_exhaustive()
    }
}

impl McpEntry {
    /// Starts or reaches the server.
    pub(crate) async fn begin(&self, name: &str) -> Result<McpServer, CliError> {
        let begun = match self {
            Self::Program(entry) => {
                let settings = McpSettings {
                    name: name.to_owned(),
                    program: entry.program.clone(),
                    arguments: entry.arguments.clone(),
                    environment: entry.environment.clone(),
                };
                McpServer::start(&settings).await
            }
            Self::Http(entry) => {
                let settings = McpHttpSettings {
                    name: name.to_owned(),
                    url: entry.url.clone(),
                    bearer: entry.token(name)?,
                    headers: entry.headers.clone(),
                };
                McpServer::connect(&settings, reqwest::Client::builder()).await
            }
        };
        begun.map_err(|error| {
            CliError::failed("mcp", error)
                .help(format!("repair [agent.mcp.{name}] in config.toml, or take it out"))
        })
    }
}

impl McpHttp {
    fn token(&self, name: &str) -> Result<Option<SecretString>, CliError> {
        match (&self.token, &self.token_env) {
            (Some(token), _) => Ok(Some(token.clone())),
            (None, None) => Ok(None),
            (None, Some(variable)) => match std::env::var(variable) {
                Ok(token) if !token.is_empty() => Ok(Some(token.into())),
                _ => Err(CliError::usage(format!(
                    "the environment variable {variable} of [agent.mcp.{name}] is not set"
                ))
                .help("set it, or give the token itself as `token`")),
            },
        }
    }
}
