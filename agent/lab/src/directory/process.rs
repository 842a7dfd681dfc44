//! Runs a family's program with a time limit, and ends everything that it started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

/// Longest output that is kept, in bytes.
const MAX_OUTPUT_BYTES: u64 = 16 * 1024;
/// The variable that marks what a run started, whatever session or group it moved to.
const MARK: &str = "LAB_RUN";
/// Searches for what is left of a run: each finds the children of those that the one before missed.
const SEARCHES: usize = 16;

/// Why a family's program gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error("its {what} did not start: {}: {source}", path.display())]
    Start {
        /// `setup`, `check`, `service`.
        what: &'static str,
        /// The program.
        path: PathBuf,
        /// Message of the system.
        source: std::io::Error,
    },
    /// It took too long and was killed.
    #[error("its {what} did not end within {seconds} s and was killed{}", after(said))]
    Late {
        /// The program.
        what: &'static str,
        /// The limit.
        seconds: u64,
        /// Output of the program.
        said: String,
    },
    /// It ended in a way that is no answer.
    #[error("its {what} crashed: {how}{}", after(said))]
    Crashed {
        /// The program.
        what: &'static str,
        /// Exit status or signal.
        how: String,
        /// Output of the program.
        said: String,
    },
    /// Its specification gives no usable path.
    #[error("{key} gives {path:?}, which is no path below the task's directory")]
    Outside {
        /// The key.
        key: &'static str,
        /// The path.
        path: String,
    },
    /// The service did not listen in time.
    #[error("its service does not listen on port {port} after {seconds} s; see {}", log.display())]
    NotReady {
        /// `LAB_PORT`.
        port: u16,
        /// The limit.
        seconds: u64,
        /// Log of its output.
        log: PathBuf,
    },
}

fn after(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!("; it said: {said}") }
}

/// Program to run.
pub(crate) struct Run<'a> {
    /// For messages.
    pub(crate) what: &'static str,
    pub(crate) program: &'a Path,
    /// The working directory.
    pub(crate) dir: &'a Path,
    /// First on PATH.
    pub(crate) bin: &'a Path,
    pub(crate) variables: &'a BTreeMap<String, String>,
    pub(crate) limit: Duration,
}

/// End of a program within its limit.
pub(crate) struct Ended {
    /// None after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) how: String,
    /// Standard output and error, cut, trimmed.
    pub(crate) said: String,
}

/// The processes of one run: a group, and a mark that its members inherit.
#[derive(Debug)]
pub(super) struct Tree {
    mark: String,
    group: Option<Pid>,
}

impl Tree {
    /// A mark that no other run of this machine has.
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let nth = NEXT.fetch_add(1, Ordering::SeqCst);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_nanos());
        Self { mark: format!("{}-{nth}-{now}", std::process::id()), group: None }
    }

    /// A command with the environment that all programs of a family get.
    pub(super) fn command(
        &mut self,
        program: &Path,
        dir: &Path,
        bin: &Path,
        variables: &BTreeMap<String, String>,
    ) -> Command {
        let mut path = OsString::from(bin);
        path.push(":/usr/local/bin:/usr/bin:/bin");
        let mut command = Command::new(program);
        command
            .current_dir(dir)
            .env_clear()
            .envs(variables)
            .env("PATH", path)
            .env("HOME", dir)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env(MARK, &self.mark)
            .stdin(Stdio::null())
            .process_group(0);
        command
    }

    /// Notes who leads the group.
    pub(super) fn started(&mut self, child: &Child) {
        self.group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    }

    /// Kills the group and every process that carries the mark. The leader must not be reaped yet, so
    /// that its number is nobody else's.
    pub(super) fn kill(&self) {
        if let Some(group) = self.group {
            // Nobody is left in it: that is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let mark = format!("{MARK}={}", self.mark);
        for _ in 0..SEARCHES {
            let left: Vec<Pid> =
                marked(mark.as_bytes()).filter(|pid| Some(*pid) != self.group).collect();
            if left.is_empty() {
                return;
            }
            for pid in left {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// Processes whose environment holds `mark`; a dead one has none any more. Where there is no `/proc`
/// nothing is found, and the group must do.
fn marked(mark: &[u8]) -> impl Iterator<Item = Pid> + '_ {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let pid = entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        environment.split(|byte| *byte == 0).any(|variable| variable == mark).then_some(pid)
    })
}

/// Runs a program to its end. Whatever it started is dead when this returns.
///
/// # Errors
/// Fails when it does not start or does not end in time.
pub(crate) fn run(run: &Run<'_>) -> Result<Ended, RunError> {
    let failed = |source| RunError::Start { what: run.what, path: run.program.to_owned(), source };
    let (mut reader, writer) = std::io::pipe().map_err(failed)?;
    let mut tree = Tree::new();
    let mut command = tree.command(run.program, run.dir, run.bin, run.variables);
    command.stdout(writer.try_clone().map_err(failed)?).stderr(writer);
    let mut child = command.spawn().map_err(failed)?;
    // The command holds our ends of the pipe: without this the reader would never see its end.
    drop(command);
    tree.started(&child);
    let collector = std::thread::spawn(move || {
        let mut kept = Vec::new();
        let read = reader.by_ref().take(MAX_OUTPUT_BYTES).read_to_end(&mut kept);
        // What is over the limit is read and dropped, so that the writer does not block.
        let _ = read.and_then(|_| std::io::copy(&mut reader, &mut std::io::sink()));
        kept
    });
    let in_time = ended_within(&child, run.limit);
    tree.kill();
    let status = child.wait().map_err(failed)?;
    let said = collector.join().unwrap_or_default();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    if !in_time {
        return Err(RunError::Late { what: run.what, seconds: run.limit.as_secs(), said });
    }
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit status".to_owned(),
    };
    Ok(Ended { code: status.code(), how, said })
}

/// Waits for a child's end without reaping it, so that its number still names its group.
fn ended_within(child: &Child, limit: Duration) -> bool {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return false;
    };
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(pid), options).is_err_and(|e| e == rustix::io::Errno::INTR) {}
        // Nobody listens any more when the limit has passed.
        let _ = tell.send(());
    });
    told.recv_timeout(limit).is_ok()
}
