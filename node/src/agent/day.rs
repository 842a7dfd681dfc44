//! The amounts used by all tasks of a day, over processes and crashes.
//!
//! A file a day (UTC), one line for every model call as it begins and as it is answered, each written at
//! once and appended, so that several agents can write and a killed one leaves what it used. What is left
//! of the day is asked before each turn; agents that run at the same time may together go over it by what
//! they use in that turn.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use lore_agent::turn::{Allowance, Event, Price};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::place::now_seconds;
use crate::error::CliError;

const SECONDS_A_DAY: u64 = 86_400;

/// The amounts used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Used {
    /// Model calls.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls: u64,
    /// Tokens read and written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens: u64,
    /// Money, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cost_micro_usd: u64,
}

// serde hands a reference over.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The sums of one directory.
#[derive(Debug, Clone)]
pub struct Days {
    directory: PathBuf,
}

impl Days {
    /// Sums below `directory`, which exists.
    #[must_use]
    pub fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn file(&self, now_seconds: u64) -> PathBuf {
        self.directory.join(format!("{}.jsonl", now_seconds / SECONDS_A_DAY))
    }

    /// Adds what was used.
    ///
    /// # Errors
    /// When it cannot be written: a bound that is not counted is none.
    pub fn add(&self, now_seconds: u64, used: Used) -> Result<(), CliError> {
        let path = self.file(now_seconds);
        let write = || -> std::io::Result<()> {
            let mut line = serde_json::to_vec(&used)?;
            line.push(b'\n');
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
            file.write_all(&line)
        };
        write().map_err(|error| unreadable(&path, &error))
    }

    /// The amounts that the day of `now_seconds` used so far.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn used(&self, now_seconds: u64) -> Result<Used, CliError> {
        let path = self.file(now_seconds);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Used::default());
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let mut sum = Used::default();
        // A line that a full disk cut is passed over.
        for used in text.lines().filter_map(|line| serde_json::from_str::<Used>(line).ok()) {
            sum.calls = sum.calls.saturating_add(used.calls);
            sum.tokens = sum.tokens.saturating_add(used.tokens);
            sum.cost_micro_usd = sum.cost_micro_usd.saturating_add(used.cost_micro_usd);
        }
        Ok(sum)
    }
}

/// Counts model calls as they are told: those of a turn and of its sub-agents. A sum that cannot be
/// written ends the turn.
#[derive(Debug)]
pub(super) struct Counter {
    days: Days,
    price: Option<Price>,
    cancel: CancellationToken,
    broken: Mutex<Option<CliError>>,
}

impl Counter {
    pub(super) fn new(days: Days, price: Option<Price>, cancel: CancellationToken) -> Self {
        Self { days, price, cancel, broken: Mutex::default() }
    }

    /// Takes what an event says of use.
    pub(super) fn event(&self, event: &Event) {
        let used = match event {
            Event::Asking { .. } => Used { calls: 1, ..Used::default() },
            Event::Answered { usage, .. } => Used {
                calls: 0,
                tokens: usage.input.saturating_add(usage.output),
                cost_micro_usd: self.price.map_or(0, |price| price.of(*usage)),
            },
            _ => return,
        };
        if let Err(error) = self.days.add(now_seconds(), used) {
            self.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.cancel.cancel();
        }
    }

    /// Checks that no sum failed to be written.
    pub(super) fn check(&self) -> Result<(), CliError> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// The rest of `day` after `used`.
#[must_use]
pub(super) fn left(day: Allowance, used: Used) -> Allowance {
    Allowance {
        calls: day.calls.map(|most| most.saturating_sub(used.calls)),
        tokens: day.tokens.map(|most| most.saturating_sub(used.tokens)),
        cost_micro_usd: day.cost_micro_usd.map(|most| most.saturating_sub(used.cost_micro_usd)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed("day_sum", format!("the day's sum {} fails: {error}", path.display()))
        .help("make it readable and writable again; without it the day's budget cannot be kept")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_day_sums_up_over_processes_and_ends_at_midnight() {
        let dir = tempfile::tempdir().unwrap();
        let noon = 20_000 * SECONDS_A_DAY + SECONDS_A_DAY / 2;
        for _ in 0..2 {
            let days = Days::at(dir.path().to_owned());
            days.add(noon, Used { calls: 1, tokens: 0, cost_micro_usd: 0 }).unwrap();
            days.add(noon, Used { calls: 0, tokens: 70, cost_micro_usd: 9 }).unwrap();
        }
        let days = Days::at(dir.path().to_owned());
        let used = days.used(noon).unwrap();
        assert_eq!(used, Used { calls: 2, tokens: 140, cost_micro_usd: 18 });
        assert_eq!(days.used(noon + SECONDS_A_DAY).unwrap(), Used::default());
        let day = Allowance { calls: Some(5), tokens: Some(100), cost_micro_usd: None };
        let rest = Allowance { calls: Some(3), tokens: Some(0), cost_micro_usd: None };
        assert_eq!(left(day, used), rest);
    }
}
