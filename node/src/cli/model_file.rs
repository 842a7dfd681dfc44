//! `model pull`, `model serve` and what else is about model files.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::signal::unix::SignalKind;

use super::Context;
use crate::error::CliError;
use crate::models::{self, PINNED, Pinned, Pull, Runtime, Server, Serving, Tries};
use crate::output::{self, Progress, ProgressMode};
use crate::stop::{Stop, listen};

/// Bytes of a megabyte, as progress counts.
const MEGABYTE: u64 = 1_000_000;

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// Name of the model: qwen2.5-coder-1.5b or qwen2.5-coder-0.5b.
    name: String,
    /// Copy this file instead of downloading it; it is checked the same way.
    #[arg(long, value_name = "PATH", conflicts_with = "from")]
    file: Option<PathBuf>,
    /// Download it from this URL; it is checked the same way.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Name of a pulled model, or path of a GGUF file.
    name: String,
    /// Port on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Number of computing threads [default: all cores but one].
    #[arg(long)]
    threads: Option<u16>,
    /// Tokens of the context window, at least 256; more takes more memory.
    #[arg(long, default_value_t = 8192, value_parser = clap::value_parser!(u32).range(256..))]
    window: u32,
    /// Use this Python, which has xllamacpp.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Compute the model in lore itself; needs a lore built with the feature `local-llm`.
    #[arg(long, conflicts_with = "python")]
    embedded: bool,
    /// Give up when it does not answer within this many seconds.
    #[arg(long, default_value_t = 300)]
    wait: u64,
}

/// A small model for this machine.
#[derive(Serialize)]
pub(super) struct ModelFile {
    name: &'static str,
    path: PathBuf,
    bytes: u64,
    memory_mb: u64,
    pulled: bool,
}

/// The small models and whether they are here, for the list.
pub(super) fn list() -> Result<Vec<ModelFile>, CliError> {
    let directory = models::directory()?;
    let entry = |pinned: &Pinned| ModelFile {
        name: pinned.name,
        path: pinned.path(&directory),
        bytes: pinned.size_bytes,
        memory_mb: pinned.memory_mb,
        pulled: pinned.is_there(&directory).unwrap_or(false),
    };
    Ok(PINNED.iter().map(entry).collect())
}

impl ModelFile {
    pub(super) fn text(&self) -> String {
        let Self { name, memory_mb, .. } = self;
        let (pulled, next) = if self.pulled { ("pulled", "serve") } else { ("not pulled", "pull") };
        let megabytes = self.bytes / MEGABYTE;
        format!(
            "  {name}  {megabytes} MB, {memory_mb} MB of memory, {pulled}: lore model {next} {name}\n"
        )
    }
}

pub(super) fn pull(context: &Context, args: &PullArgs) -> Result<(), CliError> {
    let pinned = models::find(&args.name)?;
    let directory = models::directory()?;
    let there = pinned.is_there(&directory).map_err(|error| CliError::failed("io", error))?;
    if !there {
        fetch(pinned, &directory, args)?;
    }
    let value = json!({
        "name": pinned.name,
        "path": pinned.path(&directory),
        "bytes": pinned.size_bytes,
        "sha256": pinned.sha256,
        "was_there": there,
    });
    output::result(&value, context.json, |value| {
        let path = value["path"].as_str().unwrap_or_default();
        format!("{path}\nthe official file, checked\nnext: lore model serve {}", pinned.name)
    })
}

fn fetch(pinned: &Pinned, directory: &std::path::Path, args: &PullArgs) -> Result<(), CliError> {
    let pull = Pull::begin(pinned, directory)?;
    let mode = if io::stderr().is_terminal() { ProgressMode::Auto } else { ProgressMode::Lines };
    let megabytes = pinned.size_bytes / MEGABYTE;
    let progress = Progress::start(mode, megabytes, format!("{} (MB)", pinned.name));
    let shown = std::cell::Cell::new(0);
    let tell = |have: u64| {
        let (before, now) = (shown.get(), have / MEGABYTE);
        if now > before {
            progress.advance(now - before);
            // Where there is no bar, a line for every tenth.
            if mode == ProgressMode::Lines && now * 10 / megabytes > before * 10 / megabytes {
                progress.say(format!("{now} of {megabytes} MB"));
            }
        }
        // After a fresh start the bar waits until it is passed again.
        shown.set(before.max(now));
    };
    if args.file.is_none() && pull.have() > 0 {
        progress.say(format!("{} continues at {} MB", pinned.name, pull.have() / MEGABYTE));
    }
    let done = match &args.file {
        Some(path) => pull.copy(path, &tell),
        None => {
            tell(pull.have());
            let url = args.from.as_deref().unwrap_or(pinned.url);
            runtime()?.block_on(pull.fetch(url, Tries::default(), &tell))
        }
    };
    progress.finish();
    done.map(drop)
}

pub(super) fn remove(context: &Context, name: &str) -> Result<(), CliError> {
    let pinned = models::find(name)?;
    let path = pinned.path(&models::directory()?);
    std::fs::remove_file(&path).map_err(|error| {
        CliError::failed("io", format!("cannot delete {}: {error}", path.display()))
    })?;
    output::result(&json!({ "removed": path }), context.json, |_| {
        format!("deleted {}", path.display())
    })
}

pub(super) fn serve(context: &Context, args: &ServeArgs) -> Result<(), CliError> {
    let embedded = args.embedded.then(Runtime::embedded).transpose()?;
    let serving = serving(args)?;
    let runtime = match embedded {
        Some(embedded) => embedded,
        None => Runtime::find(args.python.as_deref())?,
    };
    let progress = Progress::start(
        ProgressMode::Auto,
        0,
        format!("{} loads {}", runtime.name(), serving.name),
    );
    let server = Server::start(&runtime, &serving, Duration::from_secs(args.wait));
    progress.finish();
    let mut server = server?;
    self::runtime()?.block_on(async {
        // Before anybody can know that there is something to stop.
        // What was started must not outlive the terminal either.
        let stop =
            Stop::of(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])?;
        ready(context, &serving, &runtime, &server.url, server.pid())?;
        until_stopped(stop, &mut server).await
    })
}

/// Says where it is, once it answers.
fn ready(
    context: &Context,
    serving: &Serving,
    runtime: &Runtime,
    url: &str,
    pid: u32,
) -> Result<(), CliError> {
    let value = json!({
        "url": url,
        "model": serving.name,
        "file": serving.file,
        "runtime": runtime.name(),
        "pid": pid,
        "threads": serving.threads,
        "window_tokens": serving.window_tokens,
    });
    output::result(&value, context.json, |_| {
        format!(
            "serving {} with {} at\n{url}\nuntil this program is stopped; elsewhere: lore model test {url}",
            serving.name,
            runtime.name(),
        )
    })
}

fn serving(args: &ServeArgs) -> Result<Serving, CliError> {
    let (name, file) = if args.name.ends_with(".gguf") {
        let file = std::path::absolute(&args.name).map_err(CliError::usage)?;
        if !file.is_file() {
            let message = format!("there is no file {}", file.display());
            return Err(CliError::usage(message).kind("no_file"));
        }
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (stem, file)
    } else {
        let pinned = models::find(&args.name)?;
        let directory = models::directory()?;
        if !pinned.is_there(&directory).map_err(|error| CliError::failed("io", error))? {
            let message = format!("{} is not here, or not the official file", pinned.name);
            return Err(CliError::failed("not_pulled", message)
                .help(format!("run `lore model pull {}`", pinned.name)));
        }
        (pinned.name.to_owned(), pinned.path(&directory))
    };
    // One core is left to the agent: two busy threads on one core are slower than one.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = args.threads.unwrap_or_else(|| u16::try_from(cores - 1).unwrap_or(1));
    Ok(Serving { name, file, port: args.port, threads: threads.max(1), window_tokens: args.window })
}

/// Waits until a person or the system stops us, or the server ends by itself.
async fn until_stopped(mut stop: Stop, server: &mut Server) -> Result<(), CliError> {
    let mut child = listen(SignalKind::child())?;
    loop {
        if let Some(status) = server.ended() {
            return Err(server.failed(&format!("it ended ({status})")));
        }
        tokio::select! {
            () = stop.asked() => return Ok(()),
            _ = child.recv() => {}
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("runtime", error))
}
