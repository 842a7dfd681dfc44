//! The tools of a session, and the sandbox under them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lore_agent::model::Model;
use lore_agent::tool::{
    Bash, BashSettings, Files, LOOKING, McpServer, Plan, Reach, Tool, Toolbox, ToolboxError,
    WebFetch,
};
use lore_agent::turn::{Allowance, Limits, Mode, Research, RulePolicy, Tools, Watcher};
use lore_sandbox::{Level, Sandbox};

use super::outside;
use crate::config::{AgentSettings as Settings, McpEntry, read_mcp_file};
use crate::error::CliError;

/// Most model calls for one question of a sub-agent.
const QUESTION_CALLS: u64 = 40;
/// Longest time of one tool call.
pub(super) const TOOL_TIME: Duration = Duration::from_secs(600);

/// Tools that a session works with. Dropping it ends its servers and removes its scratch directory.
pub struct Kit {
    /// The tools by name.
    toolbox: Toolbox,
    /// Files that may be read.
    files: Arc<Files>,
    /// The steps that the model keeps.
    pub plan: Plan,
    /// Level that is enforced for commands; none when commands are not allowed anyway.
    pub level: Option<Level>,
    /// Notes that the user should know.
    pub notes: Vec<String>,
    _servers: Vec<McpServer>,
    _scratch: tempfile::TempDir,
}

impl std::fmt::Debug for Kit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").field("toolbox", &self.toolbox).finish_non_exhaustive()
    }
}

/// Ground on which tools work.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    /// The directory that may be changed.
    pub(super) workspace: &'a Path,
    /// Directories that may be read besides it.
    pub(super) read: Vec<PathBuf>,
    /// The home: key, store and transcripts, never to be touched.
    pub(super) home: &'a Path,
    /// True when the policy ever lets a command run.
    pub(super) commands: bool,
}

impl Kit {
    /// Makes the tools, finds out what the sandbox enforces, and starts the MCP servers.
    ///
    /// # Errors
    /// Fails when commands are allowed but nothing can be enforced for them, or a file of servers cannot be read.
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
        let sandbox = Sandbox::new();
        let mut level = None;
        if ground.commands {
            let files = Arc::clone(&files);
            let bash = Bash::new(sandbox.clone(), files, scratch.path(), BashSettings::default());
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
        let (mut toolbox, plan) =
            Toolbox::of_workspace(sandbox, &files, scratch.path(), BashSettings::default());
        if web {
            let fetch = WebFetch::new(reqwest::Client::builder(), Reach::Public)
                .map_err(|error| CliError::failed("web", format!("no web client: {error}")))?;
            add(&mut toolbox, fetch)?;
        }
        for tool in outside::tools(&settings.outside)? {
            add(&mut toolbox, tool)?;
        }
        let (mut servers, mut notes) = (Vec::new(), Vec::new());
        for (name, entry) in &mcp_servers(settings, &mut notes)? {
            // One server that is broken is no reason to give a task up.
            let started = match entry.begin(name).await {
                Ok(Some(started)) => started,
                Ok(None) => continue,
                Err(error) => {
                    notes.push(format!("{name} is left out: {}", error.message));
                    continue;
                }
            };
            for tool in started.tools() {
                if let Err(error) = toolbox.add(tool) {
                    notes.push(format!("{name}: left out a tool: {error}"));
                }
            }
            notes.extend(started.left_out.iter().map(|tool| format!("{name}: left out {tool}")));
            servers.push(started);
        }
        Ok(Self { toolbox, files, plan, level, notes, _servers: servers, _scratch: scratch })
    }

    /// The tools as the loop takes them, and the sub-agent among them. A model that writes commands as
    /// text has no tools to look with, so that it gets none.
    pub(super) fn tools(
        &self,
        model: Arc<dyn Model>,
        limits: &Limits,
        rules: RulePolicy,
        watcher: Watcher,
    ) -> (Tools, Option<Research>) {
        let mut all = self.toolbox.all();
        let research = (limits.mode == Mode::Native).then(|| {
            let pages =
                self.toolbox.only(|name| name == "web_fetch" || outside::READERS.contains(&name));
            let one = Allowance { calls: Some(QUESTION_CALLS), ..Allowance::default() };
            let limits = Limits { task: one, today: Allowance::default(), ..limits.clone() };
            Research::new(model, &self.files, pages.all(), Arc::new(rules), limits)
                .watched_by(watcher)
        });
        if let Some(research) = &research {
            all.push(Arc::new(research.clone()));
        }
        (Tools::new(all, &[LOOKING, outside::READERS].concat()), research)
    }
}

/// The servers of `config.toml` and of the files that it names; of equal names the first counts.
fn mcp_servers(
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<String, McpEntry>, CliError> {
    let mut servers = settings.mcp.clone();
    for path in &settings.mcp_files {
        let (found, passed_over) = read_mcp_file(path)?;
        notes.extend(passed_over);
        for (name, entry) in found {
            servers.entry(name).or_insert(entry);
        }
    }
    Ok(servers)
}

fn add(toolbox: &mut Toolbox, tool: impl Tool + 'static) -> Result<(), CliError> {
    toolbox.add(tool).map_err(|error: ToolboxError| CliError::failed("tool", error))
}
