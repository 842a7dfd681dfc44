//! The tool that runs a command.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::excerpt::Excerpt;
use super::files::Files;
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec, arguments};
use lore_sandbox::{Ended, Exit, Limits, Minimum, Namespaces, Network, Output, Overrun, Policy};
use lore_sandbox::{Running, Sandbox};

/// Bytes kept of the beginning and of the end of the output, each.
const KEPT_BYTES: usize = 16 * 1024;
/// Time for which the pipes may stay open after everything is dead.
const LAST_READ: Duration = Duration::from_secs(5);
/// Longest command; the kernel takes no longer argument.
const MAX_COMMAND_BYTES: usize = 100_000;

/// Runs shell commands in the sandbox.
#[derive(Debug, Clone)]
pub struct Bash {
    sandbox: Sandbox,
    files: Arc<Files>,
    scratch: PathBuf,
    settings: BashSettings,
}

/// The confinement of commands besides the workspace.
#[derive(Debug, Clone)]
pub struct BashSettings {
    /// Network.
    pub network: Network,
    /// Bounds.
    pub limits: Limits,
    /// The least enforcement with which a command runs.
    pub minimum: Minimum,
    /// Namespaces.
    pub namespaces: Namespaces,
}

impl Default for BashSettings {
    fn default() -> Self {
        Self {
            network: Network::Off,
            limits: Limits::default(),
            minimum: Minimum::Confined,
            namespaces: Namespaces::WhenAvailable,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Arguments {
    /// The command line.
    command: String,
    /// Seconds after which it is killed; never longer than the session allows.
    #[serde(default)]
    timeout_seconds: Option<u64>,
}

impl Bash {
    /// Commands under `settings`; `scratch` is their `/tmp` and lasts as long as the caller keeps it.
    #[must_use]
    pub fn new(
        sandbox: Sandbox,
        files: Arc<Files>,
        scratch: impl Into<PathBuf>,
        settings: BashSettings,
    ) -> Self {
        Self { sandbox, files, scratch: scratch.into(), settings }
    }

    /// The policy for a command in `workspace`; to probe what is enforced before a session begins.
    #[must_use]
    pub fn policy(&self, workspace: &Path) -> Policy {
        let mut policy = Policy::new(workspace, &self.scratch);
        policy.read = self.files.read_roots().to_vec();
        policy.hidden = self.files.hidden().to_vec();
        policy.network = self.settings.network;
        policy.limits = self.settings.limits.clone();
        policy.minimum = self.settings.minimum;
        policy.namespaces = self.settings.namespaces;
        policy
    }

    async fn run(&self, arguments: Arguments, context: &ToolContext) -> ToolOutput {
        if arguments.command.len() > MAX_COMMAND_BYTES || arguments.command.contains('\0') {
            return ToolOutput::error(
                "the command is longer than 100,000 bytes or has a NUL; write it to a file and run that",
            );
        }
        let shell = if Path::new("/bin/bash").exists() { "bash" } else { "sh" };
        let argv = [shell, "-c", &arguments.command].map(str::to_owned);
        let asked = arguments.timeout_seconds.map_or(Duration::MAX, Duration::from_secs);
        let timeout = context.timeout.min(asked.max(Duration::from_secs(1)));
        let policy = self.policy(&context.workspace);
        let started = tokio::select! {
            started = self.sandbox.start(&policy, &argv) => started,
            () = context.cancel.cancelled() => return ToolOutput::error("cancelled"),
        };
        let (mut running, output) = match started {
            Ok(started) => started,
            Err(error) => return ToolOutput::error(error.to_string()),
        };
        let excerpt = Arc::new(Mutex::new(Excerpt::new(KEPT_BYTES, KEPT_BYTES)));
        let Output { stdout, stderr } = output;
        // The pipes close when the last process is dead, which `ended` and `kill` wait for.
        let reading = tokio::spawn({
            let excerpt = Arc::clone(&excerpt);
            async move {
                tokio::join!(drain(stdout, &excerpt), drain(stderr, &excerpt));
            }
        });
        let (ended, cut) = end(&mut running, timeout, context).await;
        let _ = tokio::time::timeout(LAST_READ, reading).await;
        let excerpt = excerpt.lock().unwrap_or_else(PoisonError::into_inner);
        report(&excerpt, ended, cut)
    }
}

/// Why a command was cut off by this side.
enum Cut {
    Timeout(Duration),
    Cancelled,
}

async fn end(
    running: &mut Running,
    timeout: Duration,
    context: &ToolContext,
) -> (Ended, Option<Cut>) {
    let cut = tokio::select! {
        ended = running.ended() => return (ended, None),
        () = tokio::time::sleep(timeout) => Cut::Timeout(timeout),
        () = context.cancel.cancelled() => Cut::Cancelled,
    };
    (running.kill().await, Some(cut))
}

async fn drain(mut from: impl AsyncRead + Unpin, into: &Mutex<Excerpt>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        into.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..count]);
    }
}

fn report(excerpt: &Excerpt, ended: Ended, cut: Option<Cut>) -> ToolOutput {
    let (code, remark) = match (cut, ended.overrun, ended.exit) {
        (Some(Cut::Timeout(after)), ..) => (
            None,
            format!("timed out after {} s; it was killed with all it started", after.as_secs_f32()),
        ),
        (Some(Cut::Cancelled), ..) => (None, "cancelled; it was killed with all it started".into()),
        (None, Some(overrun), _) => (None, format!("killed: {}", said(overrun))),
        (None, None, Exit::Code(0)) => (Some(0), String::new()),
        (None, None, Exit::Code(code)) => (Some(code), format!("exit code {code}")),
        (None, None, Exit::Signal(signal)) => {
            (Some(128 + signal), format!("killed by signal {signal}"))
        }
        (None, None, Exit::Killed) => (None, "killed".to_owned()),
    };
    let mut text = excerpt.text();
    if !remark.is_empty() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("[{remark}]"));
    }
    ToolOutput {
        text,
        is_error: code != Some(0),
        exit_code: code,
        omitted_bytes: excerpt.omitted_bytes(),
    }
}

fn said(overrun: Overrun) -> &'static str {
    match overrun {
        Overrun::Memory => "its processes used more memory than allowed",
        Overrun::Processes => "more processes than allowed",
        Overrun::Disk => "it filled more of the disk than allowed",
        Overrun::Files => "it made more files than allowed",
    }
}

impl Tool for Bash {
    fn spec(&self) -> ToolSpec {
        arguments::spec::<Arguments>(
            "bash",
            "Runs a shell command in the workspace, in a sandbox: files outside the workspace and /tmp \
             cannot be changed, .git is read-only, there is no network unless the user allowed it, and \
             nothing it started lives on. Each call begins in the workspace.",
        )
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            match arguments::parse(arguments) {
                Ok(arguments) => self.run(arguments, context).await,
                Err(output) => output,
            }
        })
    }
}
