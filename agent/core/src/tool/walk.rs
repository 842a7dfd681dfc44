//! The files of the workspace, for tools that look at many.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ignore::WalkBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use tokio_util::sync::CancellationToken;

use super::files::{FileError, Files, Place, Want};

/// The most entries that a call looks at.
const MAX_ENTRIES: usize = 500_000;
/// The longest time that a call walks.
const MAX_TIME: Duration = Duration::from_secs(30);
/// Longest `.gitignore`, in bytes.
const MAX_IGNORE_BYTES: u64 = 1 << 20;

/// A walk over the files below a path.
pub(super) struct Walk {
    files: ignore::Walk,
    root: PathBuf,
    stop: CancellationToken,
    began: Instant,
    looked_at: usize,
    /// Why the walk ended early.
    pub(super) cut: Option<&'static str>,
}

/// Begins a walk at `path`. `.git` and hidden paths are left out, and so is what the `.gitignore` at the top
/// of the workspace names; links are not followed.
///
/// # Errors
/// When the path may not be read.
pub(super) fn walk(
    files: &Files,
    workspace: &Path,
    path: &str,
    stop: &CancellationToken,
) -> Result<Walk, FileError> {
    let start = files.place(workspace, path, Want::Read)?;
    let ignored = ignored(files, workspace);
    let hidden = files.hidden().to_vec();
    // The crate's own reading of ignore files follows links and waits for pipes, so it stays off.
    let walk = WalkBuilder::new(&start.real)
        .standard_filters(false)
        .follow_links(false)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(move |entry| {
            let directory = entry.file_type().is_some_and(|kind| kind.is_dir());
            entry.file_name() != ".git"
                && !hidden.iter().any(|path| entry.path().starts_with(path))
                && (entry.depth() == 0 || !ignored.matched(entry.path(), directory).is_ignore())
        })
        .build();
    let root = workspace.canonicalize().unwrap_or_else(|_| workspace.to_path_buf());
    Ok(Walk {
        files: walk,
        root,
        stop: stop.clone(),
        began: Instant::now(),
        looked_at: 0,
        cut: None,
    })
}

impl Iterator for Walk {
    /// Path below the workspace, or absolute where it is not below.
    type Item = PathBuf;

    fn next(&mut self) -> Option<PathBuf> {
        loop {
            if self.looked_at >= MAX_ENTRIES || self.began.elapsed() > MAX_TIME {
                self.cut = Some("too many files to look at all; name a directory");
                return None;
            }
            if self.stop.is_cancelled() {
                return None;
            }
            self.looked_at += 1;
            let Ok(entry) = self.files.next()? else { continue };
            if entry.file_type().is_some_and(|kind| kind.is_file()) {
                let path = entry.path();
                return Some(path.strip_prefix(&self.root).unwrap_or(path).to_path_buf());
            }
        }
    }
}

/// The rules of the workspace's own `.gitignore`, or none.
fn ignored(files: &Files, workspace: &Path) -> Gitignore {
    let root = workspace.canonicalize().unwrap_or_else(|_| workspace.to_path_buf());
    let mut rules = GitignoreBuilder::new(&root);
    let text = files
        .place(workspace, ".gitignore", Want::Read)
        .ok()
        .and_then(|place: Place| {
            let mut text = String::new();
            place.open().ok()?.take(MAX_IGNORE_BYTES).read_to_string(&mut text).ok()?;
            Some(text)
        })
        .unwrap_or_default();
    for line in text.lines() {
        // A line that is no pattern names nothing.
        let _ = rules.add_line(None, line);
    }
    rules.build().unwrap_or_else(|_| Gitignore::empty())
}
