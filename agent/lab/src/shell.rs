//! Runs proposed command lines in a task's directory, in the sandbox.
//!
//! A command comes from a task, a skill of a peer or a model. It sees the task's directory, the lab's tools
//! with what they read, and the operating system's programs; it reaches the lab's services on loopback.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lore_sandbox::{Exit, Level, Output, Policy, Sandbox, SandboxError};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::environment::{Environment, FILE};
use crate::family::Family;

/// Longest output that is kept, in bytes.
const MAX_OUTPUT_BYTES: usize = 32 * 1024;
/// Time limit of a task's command.
pub const TIMEOUT: Duration = Duration::from_secs(20);
/// Time for which the pipe is read after everything was killed.
const LAST_READ: Duration = Duration::from_secs(1);
/// The exit status that `timeout` of the coreutils gives.
const TIMED_OUT: i32 = 124;
/// The tool whose link leads to the binary of all built-in ones, which is the sandbox's helper too.
const LINKED: &str = "fetch";

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Exit status; 128 and more for a signal, as shells count.
    pub exit: i32,
    /// Standard output and error as they came.
    pub output: String,
    /// Wall time in milliseconds.
    pub millis: u64,
}

/// Why a command did not run.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// It cannot be confined on this machine.
    #[error("commands cannot be confined: {0}")]
    Sandbox(#[from] SandboxError),
    /// A directory could not be used.
    #[error("no directory for temporary files: {0}")]
    Scratch(#[from] std::io::Error),
}

/// A shell for one task: its commands share a `/tmp`.
#[derive(Debug)]
pub struct Shell {
    sandbox: Sandbox,
    bin: PathBuf,
    read: Vec<PathBuf>,
    ports: Vec<u16>,
    tmp: tempfile::TempDir,
}

impl Shell {
    /// A shell with the lab's tools in `bin`, which was started by [`crate::Lab::start`]. The binary behind
    /// the tools is the sandbox's helper: its `main` calls [`lore_sandbox::enter_if_asked`] first.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub fn open(bin: &Path) -> Result<Self, ShellError> {
        let helper = bin.join(LINKED).canonicalize().unwrap_or_else(|_| "/proc/self/exe".into());
        let mut shell = Self::with_helper(bin, &helper)?;
        let lab = shell.bin.parent().unwrap_or(Path::new("/")).to_owned();
        if let Ok(environment) = Environment::load(&lab) {
            shell.ports = environment.services.values().copied().collect();
            shell.read.push(lab.join(FILE));
            shell
                .read
                .extend(environment.families.values().filter_map(Family::dir).map(Path::to_owned));
        }
        Ok(shell)
    }

    /// A shell with the programs in `bin` and no service, confined by `helper`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn with_helper(bin: &Path, helper: &Path) -> Result<Self, ShellError> {
        let bin = bin.canonicalize().unwrap_or_else(|_| bin.to_owned());
        Ok(Self {
            sandbox: Sandbox::with_helper(helper),
            read: vec![bin.clone(), helper.to_owned()],
            bin,
            ports: Vec::new(),
            tmp: tempfile::tempdir()?,
        })
    }

    /// Finds the level enforced for commands in `scratch`.
    ///
    /// # Errors
    /// When it is too little.
    pub async fn probe(&self, scratch: &Path) -> Result<Level, ShellError> {
        Ok(self.sandbox.probe(&self.policy(scratch)?).await?)
    }

    fn policy(&self, scratch: &Path) -> Result<Policy, ShellError> {
        let scratch = scratch.canonicalize()?;
        let mut path = self.bin.display().to_string();
        path.push_str(":/usr/local/bin:/usr/bin:/bin");
        let mut policy = Policy::new(&scratch, self.tmp.path());
        // A task may ask for a repository.
        policy.read_only = Vec::new();
        policy.read = self.read.clone();
        policy.loopback_ports = self.ports.clone();
        policy.environment = BTreeMap::from([
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), scratch.display().to_string()),
            ("LC_ALL".to_owned(), "C".to_owned()),
            ("TZ".to_owned(), "UTC".to_owned()),
        ]);
        Ok(policy)
    }

    /// Runs `line` by `sh -c` in `scratch`. After `timeout` it is killed with everything it started, and
    /// what it left running is killed at its end. Blocks this thread.
    ///
    /// # Errors
    /// When it cannot be confined: nothing ran then.
    pub fn run(&self, line: &str, scratch: &Path, timeout: Duration) -> Result<Ran, ShellError> {
        std::thread::scope(|scope| {
            // Also within a runtime, in which no other could be entered on this thread.
            let worker = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(self.confined(line, scratch, timeout))
            });
            worker.join().unwrap_or_else(|_| {
                Err(ShellError::Scratch(std::io::Error::other("the command's thread broke down")))
            })
        })
    }

    async fn confined(
        &self,
        line: &str,
        scratch: &Path,
        timeout: Duration,
    ) -> Result<Ran, ShellError> {
        let began = Instant::now();
        // One pipe for both outputs keeps their order.
        let join = r#"exec "$0" -c "$1" 2>&1"#;
        let argv = ["/bin/sh", "-c", join, "/bin/sh", line].map(str::to_owned);
        let (mut running, output) = self.sandbox.start(&self.policy(scratch)?, &argv).await?;
        let kept = Arc::new(Mutex::new(Vec::new()));
        let Output { stdout, stderr } = output;
        let reading = tokio::spawn({
            let kept = Arc::clone(&kept);
            async move { tokio::join!(keep(stdout, &kept), keep(stderr, &kept)) }
        });
        let in_time = tokio::time::timeout(timeout, running.ended()).await;
        let ended = match &in_time {
            Ok(ended) => *ended,
            Err(_) => running.kill().await,
        };
        let _ = tokio::time::timeout(LAST_READ, reading).await;
        let exit = match ended.exit {
            _ if in_time.is_err() => TIMED_OUT,
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
            Exit::Killed => 128 + 9,
        };
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Ran {
            exit,
            output: String::from_utf8_lossy(&kept).into_owned(),
            millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// Reads to the end. What is over the limit is dropped, so that the writer does not block.
async fn keep(mut from: impl AsyncRead + Unpin, into: &Mutex<Vec<u8>>) {
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_OUTPUT_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
}
