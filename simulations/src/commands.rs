//! The commands of `lore-sim`, one file each, and what several of them need.

pub(crate) mod bench;
mod choice;
pub(crate) mod compare;
pub(crate) mod convert;
pub(crate) mod faults;
pub(crate) mod learning;
pub(crate) mod new;
pub(crate) mod outcome;
pub(crate) mod plot;
pub(crate) mod pooling;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod seeds;
pub(crate) mod study;
pub(crate) mod sweep;
pub(crate) mod validate;

use std::path::Path;

use lore_simulations::utility;

use super::{bar, line};

/// A file's name without its directory: reports hold no path of the machine that they were made on.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// An argument as a shell reads it back.
pub(super) fn quoted(argument: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=,:@%+".contains(letter);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

pub(super) fn useful(
    work: utility::Work,
    runs: u32,
    seed: u64,
    json: bool,
) -> anyhow::Result<bool> {
    let progress = bar(runs.into(), "quarters")?;
    let report = utility::run(work, runs, seed, |done| progress.inc(done))?;
    progress.finish_and_clear();
    if json {
        line(&serde_json::to_string(&report)?);
        return Ok(true);
    }
    line(&format!(
        "Lessons that {} users with {} sessions each release in a quarter, of {} shared ones:",
        work.users, work.sessions, work.lessons
    ));
    line("epsilon  all of a user  one of a user  ratio");
    for row in &report.rows {
        let ratio = row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.1}"));
        line(&format!("{:7} {:14.1} {:14.1} {ratio:>6}", row.epsilon, row.shared, row.one_each));
    }
    Ok(true)
}
