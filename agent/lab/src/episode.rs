//! One episode: a model on one task, in a scratch directory, with a checker that says after every
//! command what is wrong.
//!
//! The model is given the task's words and what is offered to it, nothing else: no name of a family, no
//! seed, no quirk. However the endpoint behaves, an episode ends within its bounds of calls, tokens and
//! time, and says how.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use lore_protocol::trace::Outcome;

use super::brief::{Form, PLACEHOLDERS, demonstration};
use super::error::{LabError, at};
use super::instance::Instance;
use super::shell::Shell;
use super::shell_tool::{LabShell, Progress};
use super::talk::{Talk, agent, within};
use lore_agent::model::{Message, Model};
use lore_agent::turn::{End, Price, Spend, TEXT_MODE_PROMPT, Tools, Which, to_session};
use lore_session::{Session, SessionOutcome, SkillUse, Source};

/// Name of the harness in its sessions.
const HARNESS: &str = "lore-lab";

/// Way in which skills are offered with a task.
const OFFER: &str =
    "The command above is from old notes and may fail. Verified here lately, by topic.";
/// Said with a failing check when skills were offered: a small model forgets them over an error.
const REMINDER: &str =
    " Use the verified command of the task's topic, changed only where <arg> and <out> stand.";

/// Bounds of an episode.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Most model calls, and so most commands.
    pub steps: u32,
    /// Most tokens of one reply.
    pub reply_tokens: u32,
    /// Most tokens of one prompt and its reply.
    pub window_tokens: u64,
    /// Most bytes of a command's output that the model is shown.
    pub shown_bytes: usize,
    /// Longest command.
    pub command: Duration,
    /// Longest episode.
    pub episode: Duration,
    /// Price of tokens, when that is known.
    pub price: Option<Price>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            steps: 6,
            reply_tokens: 128,
            window_tokens: 4096,
            shown_bytes: 800,
            command: Duration::from_secs(10),
            episode: Duration::from_secs(900),
            price: None,
        }
    }
}

/// Things that a model is given besides the task.
#[derive(Debug, Clone, Default)]
pub struct Offered {
    /// Texts of skills, the best first.
    pub texts: Vec<String>,
    /// Skills that they are.
    pub used: Vec<SkillUse>,
    /// Form in which they are written.
    pub form: Form,
}

/// End of an episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Ending {
    /// The check passed.
    Solved,
    /// All model calls were used.
    Steps,
    /// The same command gave the same answer three times.
    Repeated,
    /// The time was over.
    Time,
    /// The conversation did not fit the window.
    Window,
    /// The model refused or gave nothing usable.
    NoAnswer,
    /// No command could be run any more, for instance since the model removed its directory.
    Broken {
        /// Message of the system.
        message: String,
    },
    /// The endpoint failed for good: nothing is said about the model.
    Endpoint {
        /// Class of the error.
        class: String,
        /// Message of the endpoint.
        message: String,
    },
}

/// Result of one episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The check passed.
    pub solved: bool,
    /// It passed before any failing exit or check.
    pub first_attempt: bool,
    /// Commands that were run.
    pub steps: u32,
    /// Model calls, with those that failed.
    pub calls: u64,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub generated_tokens: u64,
    /// True when tokens are estimated, since the endpoint did not say or was not believed.
    pub estimated: bool,
    /// Wall time.
    pub seconds: f64,
    /// Money in millionths of a US dollar, when the price is known.
    pub micro_usd: Option<u64>,
    /// End of the episode.
    pub end: Ending,
    /// Everything that was said and done.
    pub session: Session,
}

/// First messages to the model. Where skills are offered, one task is shown done with them before.
#[must_use]
pub fn opening(task: &str, offered: &Offered) -> Vec<Arc<Message>> {
    let mut messages = vec![Message::system(TEXT_MODE_PROMPT)];
    if offered.texts.is_empty() {
        messages.push(Message::user(task));
    } else {
        let with = |task: &str, lines: &str| {
            Message::user(format!("{task}\n\n{OFFER} {PLACEHOLDERS}\n\n{lines}"))
        };
        let (other, lines, reply) = demonstration(offered.form);
        messages.push(with(other, &lines));
        messages.push(Message::Assistant {
            text: reply.to_owned(),
            calls: Vec::new(),
            opaque: Vec::new(),
        });
        messages.push(with(task, &offered.texts.join("\n")));
    }
    messages.into_iter().map(Arc::new).collect()
}

/// Runs one episode in `scratch`, which is made, and removed afterwards. `bin` has the lab's tools, `id`
/// names the session, `started` is its time in seconds since the Unix epoch.
///
/// # Errors
/// Fails when the scratch directory cannot be made or commands cannot be confined here. Whatever the model
/// or its endpoint does is an [`Ending`].
#[allow(clippy::too_many_arguments)] // An episode is what these are put together.
pub async fn run(
    model: &dyn Model,
    instance: &Instance,
    offered: &Offered,
    bounds: &Bounds,
    bin: &Path,
    scratch: &Path,
    id: &str,
    started: u64,
) -> Result<Episode, LabError> {
    if scratch.exists() {
        std::fs::remove_dir_all(scratch).map_err(at(scratch))?;
    }
    std::fs::create_dir_all(scratch).map_err(at(scratch))?;
    instance.setup(scratch)?;
    let shell = Shell::open(bin)?;
    shell.probe(scratch).await?;
    let begun = Instant::now();
    let progress = Arc::new(Mutex::new(Progress::default()));
    let over = CancellationToken::new();
    let tool = LabShell {
        instance: Arc::new(instance.clone()),
        shell: Arc::new(shell),
        scratch: scratch.to_owned(),
        timeout: bounds.command,
        shown_bytes: bounds.shown_bytes,
        reminder: if offered.texts.is_empty() { "" } else { REMINDER },
        progress: Arc::clone(&progress),
        over: over.clone(),
    };
    let tools = Tools::new(vec![Arc::new(tool)], &[]);
    let agent = agent(model, &tools, None, bounds, scratch, &over);
    let mut talk =
        Talk { bounds, messages: opening(instance.prompt(), offered), spend: Spend::default() };
    let reminder = || {
        let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = match progress.verdict.as_str() {
            "" => "the task is not done yet: no command was run.",
            said => said,
        };
        format!(
            "Your reply had no whole block that begins with ```bash. Check: {verdict} Reply with one \
             such block."
        )
    };
    let (end, all) = within(bounds.episode, &over, talk.run(&agent, &mut |_| {}, &reminder)).await;
    let progress = progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // What a command left running may still write there: what cannot be removed is left to the system.
    let _ = std::fs::remove_dir_all(scratch);
    let mut session = to_session(id, model.name(), started, &all, Some(&end));
    HARNESS.clone_into(&mut session.harness);
    instance.prompt().clone_into(&mut session.task);
    let verdict = if progress.solved { Outcome::Success } else { Outcome::Failure };
    session.outcome = SessionOutcome::certain(verdict, Source::Validator);
    session.skills_injected.clone_from(&offered.used);
    Ok(Episode {
        solved: progress.solved,
        first_attempt: progress.solved && progress.failures == 0,
        steps: progress.commands,
        calls: talk.spend.calls,
        prompt_tokens: talk.spend.input,
        generated_tokens: talk.spend.output,
        estimated: talk.spend.estimated,
        // Milliseconds are enough, and come back from the results file as they were.
        seconds: (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        micro_usd: bounds.price.map(|_| talk.spend.cost_micro_usd),
        end: ending(&end, &progress),
        session,
    })
}

fn ending(end: &End, progress: &Progress) -> Ending {
    if progress.solved {
        return Ending::Solved;
    }
    if let Some(message) = &progress.broken {
        return Ending::Broken { message: message.clone() };
    }
    match end {
        _ if progress.repeated => Ending::Repeated,
        End::Cancelled => Ending::Time,
        End::Stuck => Ending::Repeated,
        End::Overflow { .. } | End::Budget { which: Which::Tokens, .. } => Ending::Window,
        End::Budget { .. } | End::Done { .. } => Ending::Steps,
        End::Refused { .. } | End::NoAnswer | End::UnknownPrice => Ending::NoAnswer,
        End::Failed { class, message } => {
            Ending::Endpoint { class: class.clone(), message: message.clone() }
        }
    }
}
