//! Tools of MCP servers that the user configured: programs over standard input and output, or streamable HTTP.
//!
//! A program is of the user's choice and runs with the user's rights, outside the sandbox. It gets the
//! environment of its own settings and nothing of the agent's; a server over HTTP gets the credentials of its
//! own settings, and no redirect is followed. So what one server is trusted with never reaches another. What
//! a server says about its tools is a stranger's text: names are checked and prefixed, and
//! everything is bounded.

mod http;
mod program;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, CallToolResult, PaginatedRequestParams};
use rmcp::service::RunningService;
use rmcp::{RoleClient, ServiceExt};
use serde_json::Value;

use super::excerpt::{Excerpt, plain};
use super::toolbox::MAX_NAME_BYTES;
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec};

pub use http::McpHttpSettings;
pub use program::McpSettings;
use program::Program;

/// Time a server may take to begin and to list its tools.
const START_TIME: Duration = Duration::from_secs(30);
/// Most tools of a server, and most pages on which it lists them.
const MAX_TOOLS: usize = 128;
const MAX_PAGES: usize = 32;
/// Longest description of a tool, in characters, and largest schema, in bytes.
const MAX_DESCRIPTION_CHARS: usize = 2000;
const MAX_SCHEMA_BYTES: usize = 32 * 1024;
/// Longest message of an error, in characters.
const MAX_ERROR_CHARS: usize = 500;
/// Kept of the beginning and of the end of an answer, in bytes.
const KEPT_BYTES: usize = 16 * 1024;

/// A server that runs. It ends when this and its tools are dropped.
#[derive(Debug, Clone)]
pub struct McpServer {
    connection: Arc<Connection>,
    /// Its tools as they are offered, each with the server's own name for it.
    tools: Vec<(ToolSpec, String)>,
    /// Tools that were left out, and why.
    pub left_out: Vec<String>,
}

#[derive(Debug)]
struct Connection {
    service: RunningService<RoleClient, ()>,
    origin: Origin,
}

/// Other end of the connection.
#[derive(Debug)]
enum Origin {
    /// A program, which ends with the connection.
    Program(#[allow(dead_code)] Program),
    /// An address.
    Http(McpHttpSettings),
}

impl Origin {
    /// Text of an error, without credentials, harmless on a terminal, and not too long.
    fn clean(&self, error: &str) -> String {
        let said = match self {
            Self::Program(_) => plain(error.as_bytes()),
            Self::Http(settings) => plain(settings.clean(error).as_bytes()),
        };
        said.chars().take(MAX_ERROR_CHARS).collect()
    }
}

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum McpError {
    /// The name cannot be a prefix.
    #[error(
        "{0:?} cannot begin the names of tools: it needs 1 to 32 letters, digits, `-` and `_`, and a letter first"
    )]
    Name(String),
    /// The program did not start.
    #[error("the MCP server {name} did not start: {error}")]
    Start {
        /// Name of the server.
        name: String,
        /// Message of the system.
        error: std::io::Error,
    },
    /// Its address or credentials cannot be used.
    #[error("the MCP server {name} cannot be reached: {why}")]
    Address {
        /// Name of the server.
        name: String,
        /// Fault, and what to do.
        why: String,
    },
    /// It does not speak the protocol.
    #[error("the MCP server {name} does not answer as one: {why}")]
    Protocol {
        /// Name of the server.
        name: String,
        /// Fault that was found.
        why: String,
    },
}

impl McpServer {
    /// Starts a server that is a program and asks for its tools.
    ///
    /// # Errors
    /// Fails when it does not start, or does not answer in half a minute.
    pub async fn start(settings: &McpSettings) -> Result<Self, McpError> {
        let name = prefix(&settings.name)?;
        let failed = |error| McpError::Start { name: name.clone(), error };
        let (program, output, input) = Program::start(settings).map_err(failed)?;
        let begin = async { ().serve((output, input)).await.map_err(|error| error.to_string()) };
        Self::begin(name, begin, Origin::Program(program)).await
    }

    /// Reaches a server over streamable HTTP and asks for its tools. `builder` makes the client and brings
    /// certificates; the client is this server's alone.
    ///
    /// # Errors
    /// Fails when its credentials would travel unencrypted, or it does not answer in half a minute.
    pub async fn connect(
        settings: &McpHttpSettings,
        builder: reqwest::ClientBuilder,
    ) -> Result<Self, McpError> {
        let name = prefix(&settings.name)?;
        let transport = settings.transport(builder)?;
        let begin = async { ().serve(transport).await.map_err(|error| error.to_string()) };
        Self::begin(name, begin, Origin::Http(settings.clone())).await
    }

    async fn begin(
        name: String,
        service: impl Future<Output = Result<RunningService<RoleClient, ()>, String>>,
        origin: Origin,
    ) -> Result<Self, McpError> {
        let wrong =
            |why: String| McpError::Protocol { name: name.clone(), why: origin.clean(&why) };
        let listed = async {
            let service = service.await?;
            let (tools, left_out) = list(&name, &service).await?;
            Ok((service, tools, left_out))
        };
        let (service, tools, left_out) = tokio::time::timeout(START_TIME, listed)
            .await
            .unwrap_or_else(|_| Err("no answer in 30 s".to_owned()))
            .map_err(wrong)?;
        let connection = Arc::new(Connection { service, origin });
        Ok(Self { connection, tools, left_out })
    }

    /// Its tools, to be put into a toolbox.
    pub fn tools(&self) -> impl Iterator<Item = impl Tool + 'static> {
        self.tools.iter().map(|(spec, remote)| McpTool {
            spec: spec.clone(),
            remote: remote.clone(),
            connection: Arc::clone(&self.connection),
        })
    }
}

/// Between the server's name and the tool's.
const SEPARATOR: &str = "__";
/// Longest name of a server, in bytes.
const MAX_PREFIX_BYTES: usize = 32;
/// Longest name that a server may give a tool, in characters, as the protocol has it.
const MAX_REMOTE_CHARS: usize = 128;

/// The name, if it can begin the names of tools.
fn prefix(name: &str) -> Result<String, McpError> {
    let fits = name.len() <= MAX_PREFIX_BYTES
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(travels);
    if fits { Ok(name.to_owned()) } else { Err(McpError::Name(name.to_owned())) }
}

/// Returns true for a letter of a tool's name that every endpoint takes.
const fn travels(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')
}

/// The name under which a tool of a server is offered. Letters that endpoints refuse become `_`; of a name that is too
/// long, the beginning and a hash of the whole stay.
fn local_name(prefix: &str, remote: &str) -> String {
    let plain: String = remote.chars().map(|c| if travels(c) { c } else { '_' }).collect();
    let name = format!("{prefix}{SEPARATOR}{plain}");
    if name.len() <= MAX_NAME_BYTES {
        return name;
    }
    let hash = blake3::hash(remote.as_bytes()).to_hex();
    format!("{}_{}", &name[..MAX_NAME_BYTES - 9], &hash[..8])
}

/// The tools of a server under their local names, and those that were left out.
async fn list(
    prefix: &str,
    service: &RunningService<RoleClient, ()>,
) -> Result<(Vec<(ToolSpec, String)>, Vec<String>), String> {
    let mut specs: BTreeMap<String, (ToolSpec, String)> = BTreeMap::new();
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
                    specs.insert(spec.name.clone(), (spec, tool.name.to_string()));
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
    let has_letters = remote.chars().any(char::is_alphanumeric);
    if !has_letters
        || remote.chars().any(char::is_control)
        || remote.chars().count() > MAX_REMOTE_CHARS
    {
        return Err("its name has no letters, control characters, or more than 128 characters");
    }
    let name = local_name(prefix, remote);
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
            let request = CallToolRequestParams::new(self.remote.clone()).with_arguments(arguments);
            tokio::select! {
                result = self.connection.service.call_tool(request) => match result {
                    Ok(result) => read(&result),
                    Err(error) => {
                        ToolOutput::error(self.connection.origin.clean(&error.to_string()))
                    }
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
