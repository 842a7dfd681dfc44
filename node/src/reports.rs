//! Outcomes of lessons that agents report: kept beside the hints of this node, for `lore lesson why`, never published.
//!
//! One line a report: the user, an id, whether it helped, and the time. No text of a session.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use lore_connect::hook::unix_seconds;
use lore_protocol::ids::LessonId;
use serde::{Deserialize, Serialize};

use crate::home::{Home, create_private_dir};

/// Name of the file in the directory of hints.
const FILE: &str = "reports.jsonl";
/// Size at which the older half is dropped, in bytes: about 5,000 reports.
const MAX_BYTES: u64 = 1 << 20;

/// One report.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    user: String,
    lesson: LessonId,
    helped: bool,
    at: u64,
}

/// The file of reports.
#[derive(Debug)]
pub(crate) struct Reports {
    directory: PathBuf,
}

impl Reports {
    /// Reports of a home.
    pub(crate) fn of(home: &Home) -> Self {
        Self { directory: home.hints_path() }
    }

    /// Adds one report.
    ///
    /// # Errors
    /// In words when the file cannot be written.
    pub(crate) fn add(&self, user: &str, lesson: LessonId, helped: bool) -> Result<(), String> {
        create_private_dir(&self.directory).map_err(|error| error.to_string())?;
        let report = Report { user: user.to_owned(), lesson, helped, at: unix_seconds() };
        self.write(&report).map_err(|error| format!("the report cannot be kept: {error}"))
    }

    /// Times that a user's agents reported that a lesson helped, and that it did not.
    pub(crate) fn about(&self, user: &str, lesson: LessonId) -> (u64, u64) {
        let text = fs::read_to_string(self.directory.join(FILE)).unwrap_or_default();
        let reports = text.lines().filter_map(|line| serde_json::from_str::<Report>(line).ok());
        let about = reports.filter(|report| report.lesson == lesson && report.user == user);
        about.fold(
            (0, 0),
            |(helped, not), report| {
                if report.helped { (helped + 1, not) } else { (helped, not + 1) }
            },
        )
    }

    fn write(&self, report: &Report) -> std::io::Result<()> {
        let path = self.directory.join(FILE);
        if fs::metadata(&path).is_ok_and(|meta| meta.len() > MAX_BYTES) {
            let text = fs::read_to_string(&path)?;
            let kept = text.get(text.ceil_char_boundary(text.len() / 2)..).unwrap_or_default();
            let whole = kept.split_once('\n').map_or("", |(_, rest)| rest);
            let mut part = tempfile::NamedTempFile::new_in(&self.directory)?;
            part.write_all(whole.as_bytes())?;
            part.persist(&path).map_err(|error| error.error)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).mode(0o600).open(&path)?;
        // One write a line, so that lines of two agents do not mix.
        file.write_all(format!("{}\n", serde_json::to_string(report)?).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reports_are_counted_bounded_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let reports = Reports { directory: dir.path().join("hints") };
        let (one, other) = (LessonId([1; 32]), LessonId([2; 32]));
        assert_eq!(reports.about("ann", one), (0, 0));
        for (user, lesson, helped) in
            [("ann", one, true), ("ann", one, false), ("ann", other, true), ("bob", one, true)]
        {
            reports.add(user, lesson, helped).unwrap();
        }
        assert_eq!(reports.about("ann", one), (1, 1));
        let path = reports.directory.join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "{}\n".repeat(400_000)).unwrap();
        reports.add("ann", one, false).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < MAX_BYTES);
        assert_eq!(reports.about("ann", one), (0, 1));
    }
}
