//! Runs one command line in a scratch directory.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// Longest output that is kept, in bytes.
const MAX_OUTPUT_BYTES: usize = 32 * 1024;
/// How long a command of a task may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);
/// How long the pipe is read after everything that can be killed was.
const LAST_READ: Duration = Duration::from_secs(1);
/// The exit status that `timeout` of the coreutils gives.
const TIMED_OUT: i32 = 124;

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Exit status; 128 and more for a signal, as shells count.
    pub(crate) exit: i32,
    /// Standard output and error as they came.
    pub(crate) output: String,
    /// Wall time in milliseconds.
    pub(crate) millis: u64,
}

/// Runs `line` by `sh -c` in `scratch` with `bin` first on PATH and nothing else of our environment.
/// After `timeout` it is killed with everything it started.
pub(crate) fn run(
    line: &str,
    bin: &Path,
    scratch: &Path,
    timeout: Duration,
) -> std::io::Result<Ran> {
    let began = Instant::now();
    let (mut reader, writer) = std::io::pipe()?;
    let mut path = std::ffi::OsString::from(bin);
    path.push(":/usr/local/bin:/usr/bin:/bin");
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .current_dir(scratch)
        .env_clear()
        .env("PATH", path)
        .env("HOME", scratch)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0);
    let mut child = command.spawn()?;
    // The command holds our ends of the pipe: without this the reader would never see its end.
    drop(command);
    let (done, waiting) = mpsc::sync_channel(1);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let collected = Arc::clone(&kept);
    std::thread::spawn(move || {
        let mut buffer = [0; 8 * 1024];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            let mut kept = collected.lock().unwrap_or_else(PoisonError::into_inner);
            // What is over the limit is read and dropped, so that the writer does not block.
            let room = MAX_OUTPUT_BYTES.saturating_sub(kept.len());
            kept.extend_from_slice(&buffer[..count.min(room)]);
        }
        let _ = done.send(());
    });
    let in_time = waiting.recv_timeout(timeout).is_ok();
    if !in_time {
        kill_group(&child);
        // A process that left the group may hold the pipe for ever: what was read until now counts.
        let _ = waiting.recv_timeout(LAST_READ);
    }
    let status = child.wait()?;
    let output = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let code = std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| 128 + signal);
    let exit = status.code().or(code).unwrap_or(1);
    Ok(Ran {
        exit: if in_time { exit } else { TIMED_OUT },
        output: String::from_utf8_lossy(&output).into_owned(),
        millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Ends the command and everything that it started.
fn kill_group(child: &std::process::Child) {
    let pid = i32::try_from(child.id()).ok();
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}
