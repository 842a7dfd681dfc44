//! Processor time: of this thread, and of a program that was run.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Times of one part: on the wall, and of this thread on a processor, which other programs do not lengthen.
pub(super) struct Timer {
    begin: Instant,
    on_processor: Option<f64>,
}

impl Timer {
    pub(super) fn start() -> Self {
        Self { begin: Instant::now(), on_processor: on_processor("thread-self") }
    }

    /// Processor seconds since the start; wall seconds where the system does not say.
    pub(super) fn seconds(&self) -> f64 {
        match (self.on_processor, on_processor("thread-self")) {
            (Some(begin), Some(end)) => end - begin,
            _ => self.wall(),
        }
    }

    pub(super) fn wall(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }
}

/// Seconds that a thread, or the main thread of a process, was on a processor.
#[allow(clippy::cast_precision_loss)]
fn on_processor(of: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{of}/schedstat")).ok()?;
    let nanos: u64 = text.split(' ').next()?.parse().ok()?;
    Some(nanos as f64 / 1e9)
}

/// Runs a program to its end: its standard output, and the processor seconds of its main thread, start of the program
/// included. Other threads are not counted.
///
/// # Errors
/// Fails when it cannot be started, fails, or the system does not say how long it was on a processor.
pub(super) fn run_program(command: &mut Command) -> anyhow::Result<(String, f64)> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}; give the path of the program"))?;
    let mut text = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut text).with_context(|| format!("output of {program}"))?;
    }
    // Until it is waited for in the usual way, the times of a program that has ended stay readable.
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(Pid::from_child(&child)), ended)
        .with_context(|| format!("end of {program}"))?;
    let seconds = on_processor(&child.id().to_string());
    let status = child.wait()?;
    if !status.success() {
        bail!("{program} failed ({status}); its own message stands above");
    }
    Ok((text, seconds.context("the processor time of a program is known on Linux alone")?))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_program_gives_its_output_and_its_time() {
        let count = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done";
        let (text, seconds) = run_program(Command::new("sh").args(["-c", count])).unwrap();
        assert_eq!(text, "done\n");
        assert!(seconds > 0.001, "{seconds}");
        assert!(run_program(&mut Command::new("false")).is_err());
        let error = run_program(&mut Command::new("/nonexistent")).unwrap_err().to_string();
        assert!(error.contains("give the path"), "{error}");
    }
}
