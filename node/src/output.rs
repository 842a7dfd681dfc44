//! The one way to print a result, an error and progress.
//!
//! The result is the last line of stdout; with `--json` it is one object. Progress, logs and
//! errors for people go to stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::error::CliError;

/// Prints a result: as one line of JSON, or as text for people.
///
/// # Errors
/// A `failed` error when the value cannot be written, as to a full disk.
pub fn result<T: Serialize>(
    value: &T,
    json: bool,
    text: impl FnOnce(&T) -> String,
) -> Result<(), CliError> {
    let line = if json {
        serde_json::to_string(value)
            .map_err(|error| CliError::failed("output", format!("cannot write JSON: {error}")))?
    } else {
        text(value)
    };
    print(&format!("{}\n", line.trim_end_matches('\n')))
}

/// Prints a result that names a fault, such as a check that failed: the result stays the last line of stdout, and the
/// fault decides the exit code.
///
/// # Errors
/// The fault, or a `failed` error as of [`result`].
pub fn result_with<T: Serialize>(
    value: &T,
    json: bool,
    text: impl FnOnce(&T) -> String,
    fault: Option<CliError>,
) -> Result<(), CliError> {
    result(value, json, text)?;
    fault.map_or(Ok(()), |fault| Err(CliError { told: true, ..fault }))
}

/// Writes text to stdout. A reader that closed the pipe, such as `head`, has what it wanted.
///
/// # Errors
/// A `failed` error when the text cannot be written, as to a full disk.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::failed("output", format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line for people to stderr. A closed stderr does not stop the work.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error (people read stderr, programs `{"error": ...}` as the last line of stdout) and
/// gives the exit code.
#[must_use]
pub fn fail(error: &CliError, json: bool) -> ExitCode {
    if json && !error.told {
        let line = serde_json::json!({ "error": error });
        // The exit code still tells when stdout is gone.
        let _ = writeln!(io::stdout().lock(), "{line}");
    }
    let _ = writeln!(io::stderr().lock(), "error: {error}");
    ExitCode::from(u8::from(error.exit))
}

/// Choice of when progress is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProgressMode {
    /// On a terminal only.
    #[default]
    Auto,
    /// Also when stderr is a file or a pipe: one plain line per step.
    Lines,
    /// Never.
    Off,
}

/// Shows how far a long job is, on stderr.
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
}

impl Progress {
    /// A bar over `total` steps; 0 for a spinner.
    #[must_use]
    pub fn start(mode: ProgressMode, total: u64, what: impl Display) -> Self {
        let draw = mode == ProgressMode::Auto && io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            (total > 0).then_some(total),
            if draw { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        let template = if total > 0 {
            "{msg:32!} {bar:32} {pos}/{len} {eta}"
        } else {
            "{spinner} {msg} {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if draw {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let progress = Self { bar, lines: mode == ProgressMode::Lines };
        progress.say(what);
        progress
    }

    /// Says what is being done now.
    pub fn say(&self, what: impl Display) {
        let what = what.to_string();
        if self.lines {
            let _ = writeln!(io::stderr().lock(), "{what}");
        }
        self.bar.set_message(what);
    }

    /// Says how far the present step is; shown on a terminal only.
    pub fn detail(&self, what: impl Display) {
        self.bar.set_message(what.to_string());
    }

    /// `steps` more are done.
    pub fn advance(&self, steps: u64) {
        self.bar.inc(steps);
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// The date in UTC, `YYYY-MM-DD`.
#[must_use]
pub fn date(unix_seconds: u64) -> String {
    lore_session::Started::at(unix_seconds).text.chars().take(10).collect()
}
