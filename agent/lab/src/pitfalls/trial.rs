//! One trial: a model on one pitfall, with the hints of one arm.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lore_agent::model::{Message, Model};
use lore_agent::tool::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec};
use lore_agent::turn::{End, Event, HintFuture, Hinter, Hints, Spend, TEXT_MODE_PROMPT, Tools};
use lore_lessons::{Book, Call, Circle, situation_of};
use lore_protocol::ids::LessonId;
use lore_session::CallHint;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{HintArm, Pitfall};
use crate::episode::Bounds;
use crate::error::{LabError, at};
use crate::shell::{Shell, ShellError};
use crate::shell_tool::{command_of, excerpt, shell_spec};
use crate::talk::{Talk, agent, within};

/// Directory that only stands first on PATH: the programs are the machine's own.
const BIN: &str = "/usr/local/bin";
/// Shows what a reply looks like: without it a small model describes the command and runs none.
const EXAMPLE: &str = "\n\nA reply looks like this:\n\nI list the files.\n```bash\nls -l\n```";
/// Said when a model ends before the task is done.
const GO_ON: &str = "The task is not done yet. Reply with one sentence and one block that begins \
                     with ```bash.";

/// Result of one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The pitfall.
    pub pitfall: String,
    /// Its program.
    pub program: String,
    /// The arm.
    pub arm: HintArm,
    /// The check passed.
    pub solved: bool,
    /// A command failed: the pitfall, or another failure, was met.
    pub met: bool,
    /// Hints that were shown.
    pub hints: Vec<String>,
    /// Model calls, with those that failed.
    pub calls: u64,
    /// Tokens read and written.
    pub tokens: u64,
    /// Commands that were run, in order.
    pub commands: Vec<String>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Error of the endpoint: the trial says nothing about the model.
    pub endpoint_error: Option<String>,
}

/// Progress of a trial so far.
#[derive(Debug, Default)]
struct Progress {
    commands: Vec<String>,
    met: bool,
    solved: bool,
}

/// A shell whose output is the tool's own: the check after each command is not shown.
struct TaskShell {
    shell: Arc<Shell>,
    scratch: PathBuf,
    check: String,
    timeout: Duration,
    shown_bytes: usize,
    progress: Arc<Mutex<Progress>>,
    over: CancellationToken,
}

impl TaskShell {
    async fn run(&self, command: String) -> ToolOutput {
        let (shell, scratch, check) =
            (Arc::clone(&self.shell), self.scratch.clone(), self.check.clone());
        let (line, timeout) = (command.clone(), self.timeout);
        let done = tokio::task::spawn_blocking(move || {
            let ran = shell.run(&line, &scratch, timeout)?;
            let checked = shell.run(&check, &scratch, timeout)?;
            Ok::<_, ShellError>((ran, checked.exit == 0))
        });
        let (ran, solved) = match done.await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => return ToolOutput::error(error.to_string()),
            Err(_) => return ToolOutput::error("the check broke down"),
        };
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.commands.push(command);
        progress.met |= ran.exit != 0 || !solved;
        progress.solved = solved;
        if solved {
            self.over.cancel();
        }
        ToolOutput {
            text: excerpt(&ran.output, self.shown_bytes),
            is_error: ran.exit != 0,
            exit_code: Some(ran.exit),
            omitted_bytes: 0,
        }
    }
}

impl Tool for TaskShell {
    fn spec(&self) -> ToolSpec {
        shell_spec()
    }

    fn call<'a>(&'a self, arguments: Value, _: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(self.run(command_of(&arguments)))
    }
}

/// The wrong remedy of a pitfall, in the words of a hint, for every failure.
#[derive(Debug)]
struct WrongHints {
    remedy: String,
}

impl Hints for WrongHints {
    fn hint<'a>(&'a self, call: &'a Call, task: &'a str) -> HintFuture<'a> {
        Box::pin(async move {
            let failed = situation_of(call, task)?;
            let text = format!(
                "`{}` failed ({}). What worked: {}. From the documentation of the tool.",
                failed.program, failed.class, self.remedy
            );
            let id = LessonId::derive("commonlore/lab/wrong-hint", &[self.remedy.as_bytes()]);
            Some(CallHint::new(id, Circle::Codebook, true, false, &text))
        })
    }
}

fn hinter(arm: HintArm, pitfall: &Pitfall) -> Option<Hinter> {
    let source: Arc<dyn Hints> = match arm {
        HintArm::None => return None,
        HintArm::Hint => {
            let mut book = Book::new();
            book.add_codebook();
            Arc::new(book)
        }
        HintArm::Wrong => Arc::new(WrongHints { remedy: pitfall.wrong.clone() }),
    };
    Some(Hinter::new(source, &[]))
}

/// Runs one trial in `scratch`, which is made, and removed afterwards. `helper` is the sandbox's: its `main` calls
/// [`lore_sandbox::enter_if_asked`] first.
///
/// # Errors
/// Fails when the task cannot be set up or commands cannot be confined here.
pub async fn run(
    model: &dyn Model,
    pitfall: &Pitfall,
    arm: HintArm,
    bounds: &Bounds,
    helper: &Path,
    scratch: &Path,
) -> Result<Trial, LabError> {
    if scratch.exists() {
        std::fs::remove_dir_all(scratch).map_err(at(scratch))?;
    }
    std::fs::create_dir_all(scratch).map_err(at(scratch))?;
    let shell = Arc::new(Shell::with_helper(Path::new(BIN), helper)?);
    shell.probe(scratch).await?;
    let made = shell.run(&pitfall.setup, scratch, bounds.command)?;
    if made.exit != 0 {
        return Err(LabError::Pitfall { name: pitfall.name.clone(), output: made.output });
    }
    let begun = Instant::now();
    let progress = Arc::new(Mutex::new(Progress::default()));
    let over = CancellationToken::new();
    let tool = TaskShell {
        shell,
        scratch: scratch.to_owned(),
        check: pitfall.check.clone(),
        timeout: bounds.command,
        shown_bytes: bounds.shown_bytes,
        progress: Arc::clone(&progress),
        over: over.clone(),
    };
    let tools = Tools::new(vec![Arc::new(tool)], &[]);
    let hinter = hinter(arm, pitfall);
    let agent = agent(model, &tools, hinter.as_ref(), bounds, scratch, &over);
    let system = format!("{TEXT_MODE_PROMPT}{EXAMPLE}");
    let messages = [Message::system(system), Message::user(&pitfall.task)].map(Arc::new).to_vec();
    let mut talk = Talk { bounds, messages, spend: Spend::default() };
    let mut hints = Vec::new();
    let mut tell = |event| {
        if let Event::Hinted { hint, .. } = event {
            hints.push(hint.text);
        }
    };
    let work = talk.run(&agent, &mut tell, &|| GO_ON.to_owned());
    let (end, _) = within(bounds.episode, &over, work).await;
    let spend = talk.spend;
    // What a command left running may still write there: what cannot be removed is left to the system.
    let _ = std::fs::remove_dir_all(scratch);
    let progress = std::mem::take(&mut *progress.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Trial {
        pitfall: pitfall.name.clone(),
        program: pitfall.program.clone(),
        arm,
        solved: progress.solved,
        met: progress.met,
        hints,
        calls: spend.calls,
        tokens: spend.input + spend.output,
        commands: progress.commands,
        seconds: (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        endpoint_error: match end {
            End::Failed { class, message } if !progress.solved => {
                Some(format!("{class}: {message}"))
            }
            _ => None,
        },
    })
}
