//! MCP servers that a person configured, in `config.toml` or in a file in the form of `.mcp.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lore_agent::tool::{McpHttpSettings, McpServer, McpSettings};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::error::CliError;

/// Largest file of servers, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// `[agent.mcp.NAME]`: a server of tools. `Debug` shows no credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "McpTable")]
pub enum McpEntry {
    /// A program that speaks over its standard input and output. It runs with the user's rights, outside
    /// the sandbox.
    Program(McpProgram),
    /// A server over streamable HTTP.
    Http(McpHttp),
    /// One that is switched off.
    Off,
}

/// A program that is a server.
#[derive(Clone)]
pub struct McpProgram {
    /// The program, by its path or its name.
    pub command: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment besides PATH, HOME and LANG: its own credentials.
    pub env: BTreeMap<String, String>,
    /// Directory in which it starts.
    pub cwd: Option<PathBuf>,
}

/// A server somewhere else.
#[derive(Debug, Clone)]
pub struct McpHttp {
    /// Its endpoint, https, or http on this machine.
    pub url: String,
    /// The token of `Authorization: Bearer`.
    pub token: Option<SecretString>,
    /// The environment variable of that token.
    pub token_env: Option<String>,
    /// Further header lines.
    pub headers: BTreeMap<String, SecretString>,
}

/// The table as it is written. Its keys are those of `.mcp.json`, so that an entry can be taken over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct McpTable {
    #[serde(rename = "type")]
    kind: Option<String>,
    command: Option<PathBuf>,
    args: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
    cwd: Option<PathBuf>,
    url: Option<String>,
    token: Option<SecretString>,
    token_env: Option<String>,
    headers: Option<BTreeMap<String, SecretString>>,
    disabled: Option<bool>,
}

impl TryFrom<McpTable> for McpEntry {
    type Error = String;

    fn try_from(table: McpTable) -> Result<Self, Self::Error> {
        let McpTable { kind, command, args, env, cwd, url, token, token_env, headers, disabled } =
            table;
        if disabled == Some(true) {
            return Ok(Self::Off);
        }
        if kind.as_deref() == Some("sse") {
            return Err(
                "`sse` is an older kind of MCP server that is not spoken here; most such servers \
                        offer streamable HTTP under another address"
                    .to_owned(),
            );
        }
        let of_program = args.is_some() || env.is_some() || cwd.is_some();
        let of_address = token.is_some() || token_env.is_some() || headers.is_some();
        match (command, url) {
            (Some(command), None) if !of_address => Ok(Self::Program(McpProgram {
                command,
                args: args.unwrap_or_default(),
                env: env.unwrap_or_default(),
                cwd,
            })),
            (None, Some(url)) if !of_program => Ok(Self::Http(McpHttp {
                url,
                token,
                token_env,
                headers: headers.unwrap_or_default(),
            })),
            _ => Err("an MCP server is `command` with `args`, `env` and `cwd`, or `url` with `token` or \
                      `token_env` and `headers`"
                .to_owned()),
        }
    }
}

impl std::fmt::Debug for McpProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The environment holds credentials.
        f.debug_struct("McpProgram").field("command", &self.command).finish_non_exhaustive()
    }
}

impl McpEntry {
    /// Starts or reaches the server; none when it is switched off.
    pub(crate) async fn begin(&self, name: &str) -> Result<Option<McpServer>, CliError> {
        let begun = match self {
            Self::Off => return Ok(None),
            Self::Program(entry) => {
                let filled = |text: &String| fill(name, text);
                let command = entry.command.to_string_lossy().into_owned();
                let env = entry.env.iter().map(|(key, value)| Ok((key.clone(), filled(value)?)));
                let settings = McpSettings {
                    name: name.to_owned(),
                    program: filled(&command)?.into(),
                    arguments: entry.args.iter().map(filled).collect::<Result<_, CliError>>()?,
                    environment: env.collect::<Result<_, CliError>>()?,
                    directory: entry.cwd.clone(),
                };
                McpServer::start(&settings).await
            }
            Self::Http(entry) => {
                let url = fill(name, &entry.url)?;
                let header = |(key, value): (&String, &SecretString)| {
                    Ok((key.clone(), fill(name, value.expose_secret())?.into()))
                };
                let settings = McpHttpSettings {
                    name: name.to_owned(),
                    url: url.parse::<Url>().map_err(|error| {
                        CliError::usage(format!(
                            "`{url}` of the MCP server {name} is no address: {error}"
                        ))
                    })?,
                    bearer: entry.token(name)?,
                    headers: entry.headers.iter().map(header).collect::<Result<_, CliError>>()?,
                };
                McpServer::connect(&settings, reqwest::Client::builder()).await
            }
        };
        begun.map(Some).map_err(|error| CliError::failed("mcp", error))
    }
}

impl McpHttp {
    fn token(&self, name: &str) -> Result<Option<SecretString>, CliError> {
        match (&self.token, &self.token_env) {
            (Some(token), _) => Ok(Some(fill(name, token.expose_secret())?.into())),
            (None, None) => Ok(None),
            (None, Some(variable)) => Ok(Some(variable_of(name, variable)?.into())),
        }
    }
}

fn variable_of(name: &str, variable: &str) -> Result<String, CliError> {
    match std::env::var(variable) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(CliError::usage(format!(
            "the environment variable {variable} of the MCP server {name} is not set"
        ))
        .help("set it, or write the value itself")),
    }
}

/// The text with `${NAME}` and `${NAME:-otherwise}` replaced from the environment, as agents do it in `.mcp.json`.
fn fill(name: &str, text: &str) -> Result<String, CliError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((inside, after)) = after.split_once('}') else {
            filled.push_str("${");
            rest = after;
            continue;
        };
        let (variable, otherwise) =
            inside.split_once(":-").map_or((inside, None), |(name, value)| (name, Some(value)));
        filled.push_str(&match (variable_of(name, variable), otherwise) {
            (Ok(value), _) => value,
            (Err(_), Some(value)) => value.to_owned(),
            (Err(error), None) => return Err(error),
        });
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Servers of a file in the form of `.mcp.json`, and notes on what was passed over.
///
/// # Errors
/// A file that cannot be read, or is not of this form.
pub(crate) fn read_file(
    path: &Path,
) -> Result<(BTreeMap<String, McpEntry>, Vec<String>), CliError> {
    #[derive(Deserialize)]
    struct Servers {
        #[serde(rename = "mcpServers", alias = "servers")]
        servers: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    }
    let failed = |why: &dyn std::fmt::Display| {
        CliError::failed("mcp", format!("{} cannot be read: {why}", path.display()))
            .help("agent.mcp_files in config.toml names files with {\"mcpServers\": {...}}")
    };
    let about = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if !about.is_file() || about.len() > MAX_FILE_BYTES {
        return Err(failed(&"it is no file of at most 1 MiB"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let read: Servers = serde_json::from_str(&text).map_err(|error| failed(&error))?;
    let mut notes = Vec::new();
    let mut servers = BTreeMap::new();
    for (name, mut table) in read.servers {
        // Other agents keep settings of their own there.
        let unknown: Vec<String> =
            table.keys().filter(|key| !KEYS.contains(&key.as_str())).cloned().collect();
        table.retain(|key, _| KEYS.contains(&key.as_str()));
        if !unknown.is_empty() {
            notes.push(format!("{name}: passed over {}", unknown.join(", ")));
        }
        match serde_json::from_value::<McpEntry>(table.into()) {
            Ok(entry) => _ = servers.insert(name, entry),
            Err(error) => notes.push(format!("{name}: {error}")),
        }
    }
    Ok((servers, notes))
}

/// Keys of an entry.
const KEYS: [&str; 10] =
    ["type", "command", "args", "env", "cwd", "url", "token", "token_env", "headers", "disabled"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_as_people_have_it_is_read_and_what_is_not_known_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = r#"{"mcpServers": {
            "chrome-devtools": {"command": "npx", "args": ["-y", "x@latest"], "alwaysAllow": ["a"]},
            "remote": {"type": "http", "url": "https://mcp.example/mcp", "headers": {"X-Key": "${KEY:-none}"}},
            "old": {"type": "sse", "url": "https://mcp.example/sse"},
            "off": {"command": "x", "disabled": true}
        }}"#;
        std::fs::write(file.path(), text).unwrap();
        let (servers, notes) = read_file(file.path()).unwrap();
        let names: Vec<&str> = servers.keys().map(String::as_str).collect();
        assert_eq!(names, ["chrome-devtools", "off", "remote"]);
        assert!(matches!(servers["off"], McpEntry::Off));
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].contains("alwaysAllow") && notes[1].contains("sse"), "{notes:?}");
        std::fs::write(file.path(), "{").unwrap();
        assert!(read_file(file.path()).unwrap_err().message.contains("cannot be read"));
        assert!(read_file(Path::new("/dev/zero")).is_err());
    }

    #[test]
    fn variables_are_filled_in_and_a_missing_one_is_named() {
        assert_eq!(fill("x", "a ${LORE_NO_SUCH:-b} $c ${").unwrap(), "a b $c ${");
        let error = fill("tickets", "${LORE_NO_SUCH}").unwrap_err();
        assert!(error.message.contains("LORE_NO_SUCH of the MCP server tickets"), "{error:?}");
    }
}
