//! Tools of MCP servers that the user configured, over standard input and output.
//!
//! A server is a program of the user's choice and runs with the user's rights, outside the sandbox. It gets
//! the environment of its own settings and nothing of the agent's, so what one server is trusted with never
//! reaches another. What it says about its tools is a stranger's text: names are checked and prefixed, and
//! everything is bounded.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, CallToolResult, PaginatedRequestParams};
use rmcp::service::RunningService;
use rmcp::{RoleClient, ServiceExt};
use serde_json::Value;
use tokio::process::{Child, Command};

use super::excerpt::{Excerpt, plain};
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec};

/// How long a server may take to begin and to list its tools.
const START_TIME: Duration = Duration::from_secs(30);
/// Most tools of a server, and most pages on which it lists them.
const MAX_TOOLS: usize = 128;
const MAX_PAGES: usize = 32;
/// Longest description of a tool, in characters, and largest schema, in bytes.
const MAX_DESCRIPTION_CHARS: usize = 2000;
const MAX_SCHEMA_BYTES: usize = 32 * 1024;
/// Kept of the beginning and of the end of an answer, in bytes.
const KEPT_BYTES: usize = 16 * 1024;

/// How a server is started.
#[derive(Debug, Clone)]
pub struct McpSettings {
    /// Prefix of its tools' names, `[a-z][a-z0-9]{0,19}`.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment besides PATH, HOME and LANG: its own credentials, nobody else's.
    pub environment: BTreeMap<String, String>,
}

/// A server that runs. It ends when this and its tools are dropped.
#[derive(Debug, Clone)]
pub struct McpServer {
    name: String,
    connection: Arc<Connection>,
    tools: Vec<ToolSpec>,
    /// Tools that were left out, and why.
    pub left_out: Vec<String>,
}

#[derive(Debug)]
struct Connection {
    service: RunningService<RoleClient, ()>,
    _child: Child,
}

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum McpError {
    /// The name cannot be a prefix.
    #[error("{0:?} cannot begin the names of tools: [a-z][a-z0-9]{{0,19}}")]
    Name(String),
    /// The program did not start.
    #[error("the MCP server {name} did not start: {error}")]
    Start {
        /// Which server.
        name: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// It does not speak the protocol.
    #[error("the MCP server {name} does not answer as one: {why}")]
    Protocol {
        /// Which server.
        name: String,
        /// What was wrong.
        why: String,
    },
}

impl McpServer {
    /// Starts a server and asks for its tools.
    ///
    /// # Errors
    /// When it does not start, or does not answer in half a minute.
    pub async fn start(settings: &McpSettings) -> Result<Self, McpError> {
        let name = settings.name.clone();
        if !is_prefix(&name) {
            return Err(McpError::Name(name));
        }
        let failed = |error| McpError::Start { name: name.clone(), error };
        let mut command = Command::new(&settings.program);
        command
            .args(&settings.arguments)
            .env_clear()
            .envs(
                ["PATH", "HOME", "LANG"]
                    .into_iter()
                    .filter_map(|key| std::env::var_os(key).map(|value| (key, value))),
            )
            .envs(&settings.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(failed(std::io::Error::other("no pipes")));
        };
        let wrong = |why: String| McpError::Protocol { name: name.clone(), why };
        let begin = async {
            let service =
                ().serve((output, input)).await.map_err(|error| wrong(error.to_string()))?;
            let (tools, left_out) = list(&name, &service).await.map_err(wrong)?;
            Ok((service, tools, left_out))
        };
        let (service, tools, left_out) = tokio::time::timeout(START_TIME, begin)
            .await
            .map_err(|_| wrong("no answer in 30 s".to_owned()))??;
        let connection = Arc::new(Connection { service, _child: child });
        Ok(Self { name, connection, tools, left_out })
    }

    /// Its tools, to be put into a toolbox.
    pub fn tools(&self) -> impl Iterator<Item = impl Tool + 'static> {
        self.tools.iter().map(|spec| McpTool {
            spec: spec.clone(),
            remote: spec.name.clone(),
            prefix: self.name.len() + SEPARATOR.len(),
            connection: Arc::clone(&self.connection),
        })
    }
}

/// Between the server's name and the tool's.
const SEPARATOR: &str = "__";

fn is_prefix(name: &str) -> bool {
    name.len() <= 20
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// The tools of a server under their local names, and those that were left out.
async fn list(
    prefix: &str,
    service: &RunningService<RoleClient, ()>,
) -> Result<(Vec<ToolSpec>, Vec<String>), String> {
    let mut specs: BTreeMap<String, ToolSpec> = BTreeMap::new();
    let mut left_out = Vec::new();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let asked = PaginatedRequestParams::default().with_cursor(cursor);
        let page = service.list_tools(Some(asked)).await.map_err(|error| error.to_string())?;
        for tool in page.tools {
            let shown: String = plain(tool.name.as_bytes()).chars().take(80).collect();
            match spec(prefix, &tool) {
                Err(why) => left_out.push(format!("{shown}: {why}")),
                Ok(spec) if specs.len() >= MAX_TOOLS || specs.contains_key(&spec.name) => {
                    left_out.push(format!("{shown}: more than 128 tools, or the name twice"));
                }
                Ok(spec) => {
                    specs.insert(spec.name.clone(), spec);
                }
            }
            left_out.truncate(MAX_TOOLS);
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok((specs.into_values().collect(), left_out))
}

fn spec(prefix: &str, tool: &rmcp::model::Tool) -> Result<ToolSpec, &'static str> {
    let remote = tool.name.as_ref();
    let name = format!("{prefix}{SEPARATOR}{remote}");
    let plain_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if remote.is_empty() || !remote.chars().all(plain_name) || name.len() > 64 {
        return Err("its name is not one: [a-z0-9_], 64 with the prefix");
    }
    let parameters = Value::Object(tool.input_schema.as_ref().clone());
    if parameters.to_string().len() > MAX_SCHEMA_BYTES {
        return Err("its schema is larger than 32 KiB");
    }
    let description = plain(tool.description.as_deref().unwrap_or_default().as_bytes());
    let description = description.chars().take(MAX_DESCRIPTION_CHARS).collect();
    Ok(ToolSpec { name, description, parameters })
}

/// One tool of a server.
struct McpTool {
    spec: ToolSpec,
    remote: String,
    prefix: usize,
    connection: Arc<Connection>,
}

impl Tool for McpTool {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let Value::Object(arguments) = arguments else {
                return ToolOutput::error("the arguments are not an object");
            };
            let remote = self.remote.get(self.prefix..).unwrap_or_default().to_owned();
            let request = CallToolRequestParams::new(remote).with_arguments(arguments);
            tokio::select! {
                result = self.connection.service.call_tool(request) => match result {
                    Ok(result) => read(&result),
                    Err(error) => ToolOutput::error(plain(error.to_string().as_bytes())),
                },
                () = context.cancel.cancelled() => ToolOutput::error("cancelled"),
                () = tokio::time::sleep(context.timeout) => {
                    let seconds = context.timeout.as_secs_f32();
                    ToolOutput::error(format!("no answer from the MCP server after {seconds} s"))
                }
            }
        })
    }
}

fn read(result: &CallToolResult) -> ToolOutput {
    let mut excerpt = Excerpt::new(KEPT_BYTES, KEPT_BYTES);
    for block in &result.content {
        match block.as_text() {
            Some(text) => excerpt.push(text.text.as_bytes()),
            None => excerpt.push(b"[something that is not text]"),
        }
        excerpt.push(b"\n");
    }
    if let (true, Some(structured)) = (result.content.is_empty(), &result.structured_content) {
        excerpt.push(structured.to_string().as_bytes());
    }
    ToolOutput {
        text: excerpt.text().trim_end().to_owned(),
        is_error: result.is_error.unwrap_or(false),
        exit_code: None,
        omitted_bytes: excerpt.omitted_bytes(),
    }
}
