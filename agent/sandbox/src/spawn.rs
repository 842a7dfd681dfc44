//! The caller's side: starts the helper and speaks with it.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::enter::ARGUMENT;
use super::error::SandboxError;
use super::level::Level;
use super::policy::{Namespaces, Policy};
use super::report::{Ended, Exit, Order, Report};

/// Time for the helper to end after everything under it was told to die.
const LAST_WAIT: Duration = Duration::from_secs(15);
/// Directories that hold the system together and are never writable roots.
const NEVER_WRITABLE: &[&str] =
    &["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr"];

/// Starts commands in sandboxes.
#[derive(Debug, Clone)]
pub struct Sandbox {
    helper: PathBuf,
}

/// A command that runs.
#[derive(Debug)]
pub struct Running {
    /// The level that is enforced.
    pub level: Level,
    child: Child,
    reports: BufReader<OwnedReadHalf>,
    /// While it is open, the command may live.
    lifeline: Option<OwnedWriteHalf>,
}

/// The ends of a command's output.
#[derive(Debug)]
pub struct Output {
    /// Standard output.
    pub stdout: ChildStdout,
    /// Standard error.
    pub stderr: ChildStderr,
}

impl Sandbox {
    /// With the running binary as its helper, whose `main` calls [`super::enter_if_asked`] first.
    #[must_use]
    pub fn new() -> Self {
        // Also right after the file was replaced by a newer one.
        Self::with_helper("/proc/self/exe")
    }

    /// With another binary as helper, which calls [`super::enter_if_asked`] first.
    #[must_use]
    pub fn with_helper(helper: impl Into<PathBuf>) -> Self {
        Self { helper: helper.into() }
    }

    /// Finds the level that can be enforced for `policy` here, found by running `true` under it.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn probe(&self, policy: &Policy) -> Result<Level, SandboxError> {
        let (mut running, _output) = self.start(policy, &["true".to_owned()]).await?;
        running.ended().await;
        Ok(running.level)
    }

    /// Starts `argv` under `policy`. Everything is in force when this returns. Dropping what it gives, or
    /// dropping this future, kills the command with everything it started.
    ///
    /// # Errors
    /// When the policy contradicts itself, the machine cannot enforce it, or starting fails.
    pub async fn start(
        &self,
        policy: &Policy,
        argv: &[String],
    ) -> Result<(Running, Output), SandboxError> {
        let policy = checked(policy)?;
        match self.attempt(&policy, argv).await? {
            Attempt::Started(started) => Ok(*started),
            Attempt::NoRoot(_) if policy.namespaces == Namespaces::WhenAvailable => {
                let without = Policy { namespaces: Namespaces::Never, ..policy };
                match self.attempt(&without, argv).await? {
                    Attempt::Started(started) => Ok(*started),
                    Attempt::NoRoot(why) => Err(SandboxError::Setup(why)),
                }
            }
            Attempt::NoRoot(why) => Err(SandboxError::Setup(why)),
        }
    }

    async fn attempt(&self, policy: &Policy, argv: &[String]) -> Result<Attempt, SandboxError> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new(&self.helper);
        command
            .arg(OsString::from(ARGUMENT))
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // The builder holds the other end of the socket, which would keep it from closing.
        drop(command);
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(SandboxError::Setup("the helper has no output".to_owned()));
        };
        let (reports, mut lifeline) = UnixStream::from_std(ours)?.into_split();
        let order = Order { policy: policy.clone(), argv: argv.to_vec() };
        let mut line = serde_json::to_vec(&order).map_err(std::io::Error::from)?;
        line.push(b'\n');
        lifeline.write_all(&line).await?;
        let mut reports = BufReader::new(reports);
        match read_report(&mut reports).await {
            Some(Report::Ready(level)) => {
                let running = Running { level, child, reports, lifeline: Some(lifeline) };
                Ok(Attempt::Started(Box::new((running, Output { stdout, stderr }))))
            }
            Some(Report::Refused { level, why }) => {
                Err(SandboxError::Refused { level: Box::new(level), why })
            }
            Some(Report::NoRoot(why)) => Ok(Attempt::NoRoot(why)),
            Some(Report::Failed(why)) => Err(SandboxError::Setup(why)),
            Some(Report::Ended(_)) | None => Err(SandboxError::Setup(
                "the helper went away; does the binary's main call sandbox::enter_if_asked first?"
                    .to_owned(),
            )),
        }
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

enum Attempt {
    Started(Box<(Running, Output)>),
    NoRoot(String),
}

impl Running {
    /// Waits until the command has ended and everything that it started is dead.
    ///
    /// Safe to drop and call again, so that it can be raced against a clock.
    pub async fn ended(&mut self) -> Ended {
        let mut told = None;
        // A program that could not be started is told after `Ready`.
        while let Some(report) = read_report(&mut self.reports).await {
            if let Report::Ended(ended) = report {
                told = Some(ended);
            }
        }
        if tokio::time::timeout(LAST_WAIT, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
        told.unwrap_or(Ended { exit: Exit::Killed, overrun: None })
    }

    /// Kills the command and everything that it started, and waits until they are dead.
    pub async fn kill(&mut self) -> Ended {
        if let Some(mut lifeline) = self.lifeline.take() {
            let _ = lifeline.shutdown().await;
        }
        self.ended().await
    }
}

async fn read_report(reports: &mut BufReader<OwnedReadHalf>) -> Option<Report> {
    let mut line = Vec::new();
    match reports.read_until(b'\n', &mut line).await {
        Ok(1..) => serde_json::from_slice(&line).ok(),
        Ok(0) | Err(_) => None,
    }
}

/// The policy with its paths resolved and found free of contradictions.
fn checked(policy: &Policy) -> Result<Policy, SandboxError> {
    let mut policy = policy.clone();
    policy.workspace = resolve(&policy.workspace)?;
    policy.scratch = resolve(&policy.scratch)?;
    // What does not exist has nothing to grant and nothing to protect.
    for list in [&mut policy.write, &mut policy.read, &mut policy.read_only, &mut policy.hidden] {
        *list = list.iter().filter_map(|path| path.canonicalize().ok()).collect();
    }
    for root in policy.writable().chain([&policy.scratch]) {
        let system = NEVER_WRITABLE.iter().map(Path::new);
        if root == Path::new("/") || system.clone().any(|path| root == path) {
            let what = format!("{} belongs to the system; work in a directory", root.display());
            return Err(SandboxError::Policy(what));
        }
        if let Some(hidden) = policy.hidden.iter().find(|hidden| root.starts_with(hidden)) {
            let what = format!("{} lies in {}, which is hidden", root.display(), hidden.display());
            return Err(SandboxError::Policy(what));
        }
    }
    Ok(policy)
}

fn resolve(path: &Path) -> Result<PathBuf, SandboxError> {
    match path.canonicalize() {
        Ok(found) if found.is_dir() => Ok(found),
        Ok(_) => Err(SandboxError::Policy(format!("{} is not a directory", path.display()))),
        Err(error) => Err(SandboxError::Policy(format!("{}: {error}", path.display()))),
    }
}
