//! A loopback server for a model file, as long as this process lives.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::runtime::{Runtime, Serving};
use crate::error::CliError;

/// Interval of the checks on a server that is starting.
const LOOK: Duration = Duration::from_millis(50);

/// Time for a server to end after it was asked to stop.
const STOPPING: Duration = Duration::from_secs(5);

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Its base, up to and with `/v1`.
    pub(crate) url: String,
    log: File,
}

impl Server {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When it ends or is not ready within `patience`, with the end of what it wrote.
    pub(crate) fn start(
        runtime: &Runtime,
        serving: &Serving,
        patience: Duration,
    ) -> Result<Self, CliError> {
        let mut serving = serving.clone();
        let told = runtime.tells_address();
        if serving.port == 0 && !told {
            serving.port = free_port().map_err(|error| CliError::failed("no_port", error))?;
        }
        let mut server = Self::spawn(&runtime.command(&serving), runtime, told)?;
        let deadline = Instant::now() + patience;
        let address = if told {
            server.told_address(deadline, patience)?
        } else {
            format!("http://127.0.0.1:{}", serving.port)
        };
        server.url = format!("{address}/v1");
        server.until_ready(&address, deadline, patience)?;
        Ok(server)
    }

    fn spawn(command: &Command, runtime: &Runtime, told: bool) -> Result<Self, CliError> {
        let cannot = |error: io::Error| {
            CliError::failed("no_start", format!("{} cannot be started: {error}", runtime.name()))
        };
        let log = tempfile::tempfile().map_err(cannot)?;
        let mut leashed = leashed(command).map_err(cannot)?;
        let output = || log.try_clone().map_err(cannot);
        leashed
            .stdin(Stdio::piped())
            .stdout(if told { Stdio::piped() } else { output()?.into() })
            .stderr(output()?)
            // Ctrl-C at the terminal is this process's to handle.
            .process_group(0);
        let child = leashed.spawn().map_err(cannot)?;
        Ok(Self { child, url: String::new(), log })
    }

    /// The address that the server writes as its first line.
    fn told_address(&mut self, deadline: Instant, patience: Duration) -> Result<String, CliError> {
        let Some(stdout) = self.child.stdout.take() else {
            return Err(self.failed("its output cannot be read"));
        };
        let (sender, receiver) = mpsc::sync_channel(1);
        // Reads on to the end, so that the server never waits for a reader.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let address = serde_json::from_str::<serde_json::Value>(&line)
                    .ok()
                    .and_then(|value| Some(value.get("address")?.as_str()?.to_owned()));
                if let Some(address) = address {
                    let _ = sender.try_send(address);
                }
            }
        });
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(address) => return Ok(address),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(self.failed("it ended before it was ready"));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => self.still_starting(deadline, patience)?,
            }
        }
    }

    fn until_ready(
        &mut self,
        address: &str,
        deadline: Instant,
        patience: Duration,
    ) -> Result<(), CliError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::failed("runtime", error))?;
        let builder = || reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
        let client = lore_agent::model::http_client(builder)
            .map_err(|error| CliError::failed("http", error))?;
        let health = format!("{address}/health");
        loop {
            let answer = runtime.block_on(async { client.get(&health).send().await });
            // llama.cpp answers 503 while it loads.
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            self.still_starting(deadline, patience)?;
            std::thread::sleep(LOOK);
        }
    }

    fn still_starting(&mut self, deadline: Instant, patience: Duration) -> Result<(), CliError> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(self.failed(&format!("it ended ({status}) before it was ready")));
        }
        if Instant::now() >= deadline {
            let why = format!("it was not ready after {} seconds", patience.as_secs());
            return Err(self.failed(&why));
        }
        Ok(())
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// An error with the end of what the server wrote.
    pub(crate) fn failed(&mut self, why: &str) -> CliError {
        let mut text = String::new();
        if self.log.seek(SeekFrom::Start(0)).is_ok() {
            let _ = (&mut self.log).take(1 << 20).read_to_string(&mut text);
        }
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(8)..).unwrap_or_default();
        CliError::failed("server", format!("the model's server failed: {why}"))
            .help(format!("it wrote:\n    {}", tail.join("\n    ")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input asks the Python and the embedded server to stop, the signal any.
        drop(self.child.stdin.take());
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let deadline = Instant::now() + STOPPING;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `command`, run by this program under another name: it asks the system to be killed with its parent
/// and then becomes the command, so that no server outlives us, however we end.
fn leashed(command: &Command) -> io::Result<Command> {
    let mut leashed = Command::new(std::env::current_exe()?);
    leashed.arg("model-child").arg(std::process::id().to_string()).arg(command.get_program());
    leashed.args(command.get_args());
    let variables = command.get_envs();
    leashed.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    Ok(leashed)
}

/// Runs `lore model-child PARENT PROGRAM ARGS`; returns only when it fails.
pub(crate) fn become_child(words: &[OsString]) -> CliError {
    let [parent, program, args @ ..] = words else {
        return CliError::usage("this verb is lore's own");
    };
    let parent = parent.to_str().and_then(|parent| parent.parse::<i32>().ok());
    let signal = Some(rustix::process::Signal::KILL);
    if let Err(error) = rustix::process::set_parent_process_death_signal(signal) {
        return CliError::failed("no_start", format!("cannot bind the server to lore: {error}"));
    }
    // The parent may have ended before it was asked for.
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if now.is_none() || now != parent {
        return CliError::failed("no_start", "lore ended before its server began");
    }
    let error = Command::new(program).args(args).exec();
    CliError::failed("no_start", format!("{} cannot be started: {error}", program.display()))
}

/// A port that is free now. Who takes it before the server does makes the start fail, not the client.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
