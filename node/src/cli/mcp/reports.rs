//! Outcomes that agents report: kept beside the hints of this node, never published.
//!
//! One line a report: an id or a name, whether it helped, and the time. No text of a session.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use lore_connect::hook::unix_seconds;
use serde_json::json;

use crate::home::{Home, create_private_dir};

/// Name of the file in the directory of hints.
const FILE: &str = "reports.jsonl";
/// Size at which the older half is dropped, in bytes: about 5,000 reports.
const MAX_BYTES: u64 = 1 << 20;

/// The file of reports.
#[derive(Debug)]
pub(super) struct Reports {
    directory: PathBuf,
}

impl Reports {
    /// Reports of a home.
    pub(super) fn of(home: &Home) -> Self {
        Self { directory: home.hints_path() }
    }

    /// Adds one report: the kind and name of what it is about.
    ///
    /// # Errors
    /// In words when the file cannot be written.
    pub(super) fn add(
        &self,
        user: &str,
        (kind, name): (&str, String),
        helped: bool,
    ) -> Result<(), String> {
        create_private_dir(&self.directory).map_err(|error| error.to_string())?;
        self.write(&json!({"user": user, kind: name, "helped": helped, "at": unix_seconds()}))
            .map_err(|error| format!("the report cannot be kept: {error}"))
    }

    fn write(&self, line: &serde_json::Value) -> std::io::Result<()> {
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
        file.write_all(format!("{line}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reports_are_bounded_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let reports = Reports { directory: dir.path().join("hints") };
        reports.add("ann", ("skill", "one".to_owned()), true).unwrap();
        let path = reports.directory.join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "{}\n".repeat(400_000)).unwrap();
        reports.add("ann", ("lesson", "ab".to_owned()), false).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < MAX_BYTES);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
        assert!(text.ends_with("}\n") && text.contains("\"helped\":false"));
    }
}
