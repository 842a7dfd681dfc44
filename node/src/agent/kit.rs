//! The tools of a session, and the sandbox under them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lore_agent::sandbox::{Level, Sandbox};
use lore_agent::tool::{
    Bash, BashSettings, EditFile, Files, GlobFiles, GrepFiles, McpServer, Plan, Reach, ReadFile,
    Tool, Toolbox, ToolboxError, WebFetch, WriteFile,
};
use lore_agent::turn::Tools;

use super::settings::Settings;
use crate::error::CliError;

/// Tools that only look, and may run at the same time.
const LOOKING: [&str; 4] = ["read", "glob", "grep", "web_fetch"];
/// How long one tool call may take.
pub(super) const TOOL_TIME: Duration = Duration::from_secs(600);

/// What a session works with. Dropping it ends its servers and removes its scratch directory.
pub struct Kit {
    /// The tools, as the loop takes them.
    pub tools: Tools,
    /// The steps that the model keeps.
    pub plan: Plan,
    /// What is enforced for commands; none when commands are not allowed anyway.
    pub level: Option<Level>,
    /// What the user should know.
    pub notes: Vec<String>,
    _servers: Vec<McpServer>,
    _scratch: tempfile::TempDir,
}

impl std::fmt::Debug for Kit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").field("tools", &self.tools).finish_non_exhaustive()
    }
}

/// Where tools work.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    /// The directory that may be changed.
    pub(super) workspace: &'a Path,
    /// Directories that may be read besides it.
    pub(super) read: Vec<PathBuf>,
    /// The home: key, store and transcripts, never to be touched.
    pub(super) home: &'a Path,
    /// Whether the policy ever lets a command run.
    pub(super) commands: bool,
}

impl Kit {
    /// Makes the tools, finds out what the sandbox enforces, and starts the MCP servers.
    ///
    /// # Errors
    /// When commands are allowed but nothing can be enforced for them, or a server does not start.
    pub(super) async fn build(
        ground: Ground<'_>,
        settings: &Settings,
        web: bool,
    ) -> Result<Self, CliError> {
        let scratch =
            tempfile::Builder::new().prefix("lore-agent-").tempdir().map_err(|error| {
                CliError::failed("scratch", format!("no directory for temporary files: {error}"))
            })?;
        let files = Arc::new(Files::new(ground.read, vec![ground.home.to_owned()]));
        let plan = Plan::default();
        let mut toolbox = Toolbox::new();
        let sandbox = Sandbox::new();
        let bash =
            Bash::new(sandbox.clone(), Arc::clone(&files), scratch.path(), BashSettings::default());
        let mut level = None;
        if ground.commands {
            let policy = bash.policy(ground.workspace);
            let probed = sandbox.probe(&policy).await.map_err(|error| {
                CliError::refused("no_sandbox", format!("commands cannot be confined: {error}"))
                    .help(
                        "use --policy read-only, or a kernel with Landlock (Linux 6.2) or user \
                         namespaces; see `lore doctor`",
                    )
            })?;
            level = Some(probed);
        }
        add(&mut toolbox, bash)?;
        add(&mut toolbox, ReadFile(Arc::clone(&files)))?;
        add(&mut toolbox, WriteFile(Arc::clone(&files)))?;
        add(&mut toolbox, EditFile(Arc::clone(&files)))?;
        add(&mut toolbox, GlobFiles(Arc::clone(&files)))?;
        add(&mut toolbox, GrepFiles(files))?;
        add(&mut toolbox, plan.clone())?;
        if web {
            let fetch = WebFetch::new(reqwest::Client::builder(), Reach::Public)
                .map_err(|error| CliError::failed("web", format!("no web client: {error}")))?;
            add(&mut toolbox, fetch)?;
        }
        let (mut servers, mut notes) = (Vec::new(), Vec::new());
        for server in settings.servers() {
            let started = McpServer::start(&server).await.map_err(|error| {
                CliError::failed("mcp", error).help("see [agent.mcp] in config.toml")
            })?;
            for tool in started.tools() {
                add(&mut toolbox, tool)?;
            }
            notes.extend(
                started.left_out.iter().map(|tool| format!("{}: left out {tool}", server.name)),
            );
            servers.push(started);
        }
        let all = toolbox.specs().into_iter();
        let all = all.filter_map(|spec| toolbox.get(&spec.name).cloned()).collect();
        let tools = Tools::new(all, &LOOKING);
        Ok(Self { tools, plan, level, notes, _servers: servers, _scratch: scratch })
    }
}

fn add(toolbox: &mut Toolbox, tool: impl Tool + 'static) -> Result<(), CliError> {
    toolbox.add(tool).map_err(|error: ToolboxError| CliError::failed("tool", error))
}
