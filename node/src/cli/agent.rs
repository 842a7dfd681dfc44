//! `agent`: a task for the intern agent, or a prompt.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use lore_agent::turn::{Event, Finished};
use lore_control::Request;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::session::account;
use crate::agent::{
    Bounds, ModelOptions, NodeHints, Options, Place, Show, SkillSource, Turn, Work, chat, refusal,
};
use crate::error::CliError;
use crate::stop::Stop;
use crate::{models, output};

/// Longest task that is read from standard input, in bytes.
const MAX_TASK_BYTES: u64 = 1 << 20;
/// Longest time that what a tool left running may hold up the end.
const LAST_WAIT: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(super) struct AgentArgs {
    /// Task; `-` reads it from standard input. Without a task, a prompt opens at a terminal.
    task: Option<String>,
    /// Policy: read-only, workspace, all, or a file of JSON rules. Needed without a terminal.
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
    /// Name of a model in config.toml, or URL#MODEL [default: the default model].
    #[arg(long, value_name = "NAME|URL")]
    model: Option<String>,
    /// Directory to work in.
    #[arg(long, default_value = ".")]
    workspace: PathBuf,
    /// Source of skills: library, none, or a directory of skills.
    #[arg(long, default_value = "library", value_name = "library|none|DIR")]
    skills: String,
    /// Show no hints about failed calls.
    #[arg(long)]
    no_hints: bool,
    /// Continue this session.
    #[arg(long, value_name = "ID", conflicts_with = "fork")]
    resume: Option<String>,
    /// Start a new session with the conversation of another.
    #[arg(long, value_name = "ID")]
    fork: Option<String>,
    /// Limit a task to this many model calls, retries and summaries included [default: 300].
    #[arg(long, value_name = "N")]
    max_calls: Option<u64>,
    /// Limit a task to this many tokens.
    #[arg(long, value_name = "N")]
    budget_tokens: Option<u64>,
    /// Limit a task to this many US dollars.
    #[arg(long, value_name = "USD")]
    budget_usd: Option<String>,
    /// Limit a day to this many model calls, over all tasks.
    #[arg(long, value_name = "N")]
    budget_day_calls: Option<u64>,
    /// Limit a day to this many tokens.
    #[arg(long, value_name = "N")]
    budget_day_tokens: Option<u64>,
    /// Limit a day to this many US dollars.
    #[arg(long, value_name = "USD")]
    budget_day_usd: Option<String>,
    /// Price of a million tokens in US dollars: IN/OUT, or IN/CACHED/OUT.
    #[arg(long, value_name = "IN/OUT")]
    price: Option<String>,
    /// Tokens of the model's context window, when neither the server nor config.toml gives it.
    #[arg(long, value_name = "TOKENS")]
    window: Option<u64>,
    /// Limit a reply to this many tokens.
    #[arg(long, value_name = "TOKENS")]
    max_output: Option<u32>,
    /// Expect one fenced bash block a reply instead of tool calls: for small models.
    #[arg(long)]
    text_mode: bool,
    /// Give up after this many seconds without an answer [default: 300, then 120].
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,
    /// Retry a failed model call at most this often [default: 5].
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// Allow reading pages of the public internet.
    #[arg(long)]
    web: bool,
    /// Name of the user whose session it is [default: the operating system's account].
    #[arg(long)]
    user: Option<String>,
}

pub(super) fn agent(context: &Context, args: AgentArgs) -> Result<(), CliError> {
    let at_a_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let task = match args.task.as_deref() {
        Some("-") => Some(from_stdin()?),
        other => other.map(str::to_owned),
    };
    let interactive = task.is_none() && at_a_terminal && !context.json;
    if task.is_none() && !interactive && args.resume.is_none() {
        return Err(CliError::usage("there is no task, and no terminal to ask for one")
            .help("lore agent \"what is to be done\" --policy workspace"));
    }
    let hints = !args.no_hints;
    let mut options = options(args)?;
    if hints {
        let source = NodeHints::new(&context.home, &context.machine, &options.user);
        options.hints = Some(Arc::new(source));
    }
    let place = Place::open(&context.home, &options.user)?;
    let settings = models::config(&context.home)?.agent;
    let ask = |request: Request| context.send(&request, |_| {});
    let skills = options.skills.load(&place, &ask)?;
    skills.passed_over_words().into_iter().for_each(output::note);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("runtime", format!("cannot start: {error}")))?;
    let begun = Work::begin(&context.home, options, settings, skills.skills, interactive);
    let mut work = runtime.block_on(begun)?;
    if interactive {
        let left = chat(&runtime, &mut work, &ask);
        runtime.shutdown_timeout(LAST_WAIT);
        return left;
    }
    if task.is_none() && !work.is_unfinished() {
        return Err(CliError::usage(format!("session {} has nothing left to do", work.id()))
            .help("give it more words: lore agent --resume ID \"what is to be done next\""));
    }
    for note in &work.kit().notes {
        let _ = writeln!(std::io::stderr(), "note: {note}");
    }
    let turn = runtime.block_on(headless(&mut work, task.as_deref(), context.json))?;
    runtime.shutdown_timeout(LAST_WAIT);
    let stored = work.store(&ask, Some(&turn.end)).unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "note: the session is not stored yet: {error}");
        None
    });
    finish(context, &work, &turn, stored)
}

fn options(args: AgentArgs) -> Result<Options, CliError> {
    let workspace = args.workspace.canonicalize().map_err(|error| {
        CliError::usage(format!("--workspace {}: {error}", args.workspace.display()))
    })?;
    if !workspace.is_dir() {
        return Err(CliError::usage(format!(
            "--workspace {} is not a directory",
            workspace.display()
        )));
    }
    let mut skills = SkillSource::parse(&args.skills);
    if let SkillSource::Directory(path) = &mut skills {
        // Tools are told absolute paths.
        *path = path
            .canonicalize()
            .map_err(|error| CliError::usage(format!("--skills {}: {error}", path.display())))?;
    }
    Ok(Options {
        model: ModelOptions {
            spec: args.model,
            window: args.window,
            text_mode: args.text_mode,
            price: args.price,
            patience: args.patience.map(Duration::from_secs),
            retries: args.retries,
            max_output: args.max_output,
        },
        bounds: Bounds {
            calls: args.max_calls,
            tokens: args.budget_tokens,
            usd: args.budget_usd,
            day_calls: args.budget_day_calls,
            day_tokens: args.budget_day_tokens,
            day_usd: args.budget_day_usd,
        },
        policy: args.policy,
        workspace,
        skills,
        web: args.web,
        resume: args.resume,
        fork: args.fork,
        user: args.user.unwrap_or_else(account),
        hints: None,
    })
}

/// The task as it is piped in.
fn from_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_TASK_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| CliError::usage(format!("the task on standard input: {error}")))?;
    if text.trim().is_empty() {
        return Err(CliError::usage("the task on standard input is empty"));
    }
    Ok(text)
}

/// One turn without a person: SIGINT and SIGTERM end it, and a second one ends the program.
async fn headless(work: &mut Work, task: Option<&str>, json: bool) -> Result<Turn, CliError> {
    let cancel = CancellationToken::new();
    let watching = tokio::spawn(watch(Stop::listen()?, cancel.clone()));
    let mut show = (!json).then(|| Show::new(stream()));
    let mut events = |event: Event| match &mut show {
        Some(show) => show.event(&event),
        None => {
            if let Ok(line) = serde_json::to_string(&event) {
                // A reader that went away does not end the work.
                let mut out = std::io::stdout().lock();
                let _ = writeln!(out, "{line}").and_then(|()| out.flush());
            }
        }
    };
    let turn = work.turn(task, None, &cancel, &mut events).await;
    watching.abort();
    turn
}

/// Stream that words go to: the answer alone goes to a pipe.
fn stream() -> Box<dyn std::io::Write + Send> {
    if std::io::stdout().is_terminal() {
        Box::new(std::io::stdout())
    } else {
        Box::new(std::io::stderr())
    }
}

async fn watch(mut stop: Stop, cancel: CancellationToken) {
    stop.asked().await;
    cancel.cancel();
    stop.asked().await;
    // Every message is saved as it is said, and what runs ends when this process does.
    std::process::exit(1);
}

fn finish(
    context: &Context,
    work: &Work,
    turn: &Turn,
    stored: Option<String>,
) -> Result<(), CliError> {
    if let Some(error) = refusal(turn, &work.gate(), work.id()) {
        return Err(error);
    }
    let finished = Finished {
        session: work.id().to_owned(),
        text: match &turn.end {
            lore_agent::turn::End::Done { text } => text.clone(),
            other => other.to_string(),
        },
        spend: turn.spend,
        refused: work.gate().refused(),
        skills: turn.skills.clone(),
        stored,
    };
    let shown_already = !context.json && std::io::stdout().is_terminal();
    output::result(&finished, context.json, |finished| {
        if shown_already {
            format!("session {} is saved", finished.session)
        } else {
            crate::agent::plain(&finished.text)
        }
    })
}
