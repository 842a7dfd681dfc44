//! A server that is a program.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Settings with which a server is started.
#[derive(Debug, Clone)]
pub struct McpSettings {
    /// Prefix of its tools' names: at most 32 letters, digits, `-` and `_`, a letter first.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment besides PATH, HOME and LANG: its own credentials, nobody else's.
    pub environment: BTreeMap<String, String>,
    /// Directory in which it starts; the agent's own without one.
    pub directory: Option<PathBuf>,
}

/// A program that runs in its own process group, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Program(Child);

impl Program {
    pub(super) fn start(
        settings: &McpSettings,
    ) -> std::io::Result<(Self, ChildStdout, ChildStdin)> {
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
        if let Some(directory) = &settings.directory {
            command.current_dir(directory);
        }
        let mut child = command.spawn()?;
        let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(std::io::Error::other("no pipes"));
        };
        Ok((Self(child), output, input))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Also what the program started. Its id is its own as long as nobody has waited for it.
        let group = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
