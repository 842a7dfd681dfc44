//! The one tool of an episode: a shell in the scratch directory, and the checker after every command.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::instance::Instance;
use crate::shell::{Ran, Shell, ShellError};
use lore_agent::tool::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec};

/// Equal commands with equal answers in a row after which an episode ends: at temperature 0 a model does
/// not get out of that by itself, and it was told after the second.
const REPEATS: u32 = 3;

/// Progress of an episode so far.
#[derive(Debug, Default, Clone)]
pub(super) struct Progress {
    /// Commands that were run.
    pub(super) commands: u32,
    /// Failing exits and checks.
    pub(super) failures: u32,
    /// The check passed.
    pub(super) solved: bool,
    /// The same command gave the same answer too often.
    pub(super) repeated: bool,
    /// The scratch directory is gone or no command starts any more.
    pub(super) broken: Option<String>,
    /// Last verdict of the checker.
    pub(super) verdict: String,
    last: Option<(String, String)>,
    same: u32,
}

/// A shell with a checker.
pub(super) struct LabShell {
    pub(super) instance: Arc<Instance>,
    pub(super) shell: Arc<Shell>,
    pub(super) scratch: PathBuf,
    pub(super) timeout: Duration,
    /// Most bytes of a command's output that the model is shown.
    pub(super) shown_bytes: usize,
    /// Said after a failing check.
    pub(super) reminder: &'static str,
    pub(super) progress: Arc<Mutex<Progress>>,
    /// Ends the turn when there is nothing more to do.
    pub(super) over: CancellationToken,
}

impl LabShell {
    async fn run(&self, command: String) -> ToolOutput {
        let (shell, scratch, timeout) =
            (Arc::clone(&self.shell), self.scratch.clone(), self.timeout);
        let instance = Arc::clone(&self.instance);
        let line = command.clone();
        let done = tokio::task::spawn_blocking(move || {
            let ran: Ran = shell.run(&line, &scratch, timeout)?;
            Ok::<_, ShellError>((ran, instance.validate(&scratch)))
        });
        let (ran, checked) = match done.await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => return self.breaks(error.to_string()),
            Err(_) => return self.breaks("the checker broke down".to_owned()),
        };
        let shown = excerpt(&ran.output, self.shown_bytes);
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.commands += 1;
        progress.failures += u32::from(ran.exit != 0 || checked.is_err());
        progress.solved = checked.is_ok();
        progress.verdict = match checked {
            Ok(()) => "the task is done.".to_owned(),
            Err(reason) => format!("the task is not done yet: {reason}.{}", self.reminder),
        };
        let answer = format!("{}{shown}{}", ran.exit, progress.verdict);
        let now = Some((command, answer));
        progress.same = if progress.last == now { progress.same + 1 } else { 1 };
        progress.last = now;
        progress.repeated = !progress.solved && progress.same >= REPEATS;
        if progress.solved || progress.repeated {
            self.over.cancel();
        }
        let line = if shown.is_empty() || shown.ends_with('\n') { "" } else { "\n" };
        let text = if shown.is_empty() { "(no output)\n" } else { &shown };
        ToolOutput {
            text: format!("{text}{line}Check: {}", progress.verdict),
            is_error: ran.exit != 0,
            exit_code: Some(ran.exit),
            omitted_bytes: (ran.output.len().saturating_sub(shown.len())) as u64,
        }
    }

    fn breaks(&self, reason: String) -> ToolOutput {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.broken = Some(reason.clone());
        self.over.cancel();
        ToolOutput::error(reason)
    }
}

/// The beginning and the end of an output, cut at characters.
pub(crate) fn excerpt(output: &str, most: usize) -> String {
    if output.len() <= most {
        return output.to_owned();
    }
    let (mut head, mut tail) = (most / 2, output.len() - most / 2);
    while !output.is_char_boundary(head) {
        head -= 1;
    }
    while !output.is_char_boundary(tail) {
        tail += 1;
    }
    format!("{}\n[{} bytes left out]\n{}", &output[..head], tail - head, &output[tail..])
}

/// The tool as a model is told of it.
pub(crate) fn shell_spec() -> ToolSpec {
    ToolSpec {
        name: "bash".to_owned(),
        description: "Runs a shell command.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"command": {"type": "string"}},
            "required": ["command"],
        }),
    }
}

/// The command line of a call.
pub(crate) fn command_of(arguments: &Value) -> String {
    arguments.get("command").and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Tool for LabShell {
    fn spec(&self) -> ToolSpec {
        shell_spec()
    }

    fn call<'a>(&'a self, arguments: Value, _: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(self.run(command_of(&arguments)))
    }
}
