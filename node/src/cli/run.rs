//! `run` and `stop`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lore_control::{Peers, Stop};
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::args::RunArgs;
use crate::config::Config;
use crate::control;
use crate::daemon::{self, Options};
use crate::error::CliError;
use crate::{output, telemetry};

/// Longest time that a detached daemon may take to answer for the first time.
const START: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// Time that the end of a daemon waits for its threads.
const LAST_WAIT: Duration = Duration::from_millis(200);

pub(super) fn run(context: &Context, args: RunArgs) -> Result<(), CliError> {
    context.home.load_key()?;
    let config = Config::load(&context.home.config_path())?;
    if args.detach {
        return detach(context, &args);
    }
    telemetry::start(&config.log_level, Some(&context.home.log_path()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("runtime", error))?;
    let options = Options { record_frames: args.record_frames };
    let ended = runtime.block_on(async {
        // Spawned, so that the loop may block a worker while others continue.
        let (home, machine) = (context.home.clone(), context.machine.clone());
        tokio::spawn(async move { daemon::run(&home, &config, &options, &machine).await })
            .await
            .map_err(|error| crate::crash::ended(&error))?
    });
    // A thread that still works on a release does not hold the process.
    runtime.shutdown_timeout(LAST_WAIT);
    ended
}

fn detach(context: &Context, args: &RunArgs) -> Result<(), CliError> {
    let started = start_detached(context, args.record_frames.as_deref())?;
    output::result(&started, context.json, |started| {
        format!("running as process {}\nnext: lore status", started.pid)
    })
}

/// Output of `run --detach --json`.
#[derive(Debug, Serialize)]
pub(super) struct Started {
    pid: u32,
    listening: Vec<String>,
}

/// Starts the node in the background, and waits until it answers.
pub(super) fn start_detached(
    context: &Context,
    record_frames: Option<&Path>,
) -> Result<Started, CliError> {
    if let Some(pid) = context.home.holder() {
        return Err(CliError::failed(
            "home_held",
            format!("this node is running already, as process {pid}"),
        )
        .help("see `lore status`"));
    }
    let program = std::env::current_exe().map_err(|error| CliError::failed("detach", error))?;
    let mut command = Command::new(program);
    command.arg("--home").arg(context.home.root()).arg("run");
    if let Some(file) = record_frames {
        command.arg("--record-frames").arg(file);
    }
    let start_log = context.home.root().join("start.log");
    let errors =
        std::fs::File::create(&start_log).map_err(|error| CliError::failed("detach", error))?;
    use std::os::unix::process::CommandExt as _;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|error| CliError::failed("detach", error))?;
    let begun = Instant::now();
    loop {
        if let Some(network) = control::ask_daemon(&context.home, Peers {})? {
            return Ok(Started { pid: child.id(), listening: network.listening });
        }
        let ended = child.try_wait().map_err(|error| CliError::failed("detach", error))?;
        if ended.is_some() || begun.elapsed() > START {
            let why = std::fs::read_to_string(&start_log).unwrap_or_default();
            let line = why.lines().find_map(|line| line.strip_prefix("error: "));
            let line = line.unwrap_or("it ended before it answered").to_owned();
            return Err(CliError::failed("not_started", format!("the node did not start: {line}"))
                .help("see `lore logs`, and `lore doctor`"));
        }
        // A back-off between looks at the control socket, which nothing announces.
        std::thread::sleep(POLL);
    }
}

pub(super) fn stop(context: &Context) -> Result<(), CliError> {
    if context.ask_daemon(Stop {})?.is_none() {
        return Err(match context.home.holder() {
            Some(pid) => CliError::failed(
                "home_held",
                format!("process {pid} works in this home, and it is no running node"),
            )
            .help("wait until it ends"),
            None => CliError::failed(
                "not_running",
                format!("the node in {} is not running", context.home.root().display()),
            )
            .help("nothing needs to be stopped; give another home with --home"),
        });
    }
    let begun = Instant::now();
    while context.home.holder().is_some() && begun.elapsed() < START {
        // A back-off between looks at the lock.
        std::thread::sleep(POLL);
    }
    output::result(&json!({ "stopped": true }), context.json, |_| "stopped".into())
}
