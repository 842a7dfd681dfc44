//! Connecting an agent, and taking it back.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::agent::agent;
use crate::manifest::{Owned, Records, hash};
use crate::plan::{Change, Ownership, without_ours};
use crate::write::{missing_directories, mode_of, replace, target};

/// The manifest, as a fault names it.
const MANIFEST: &str = "the manifest of connected agents";

/// Reason why a file was not changed.
#[derive(Debug, thiserror::Error)]
#[error("{} is left as it is: {why}", path.display())]
pub struct ApplyError {
    /// The file.
    pub path: PathBuf,
    /// The fault, with what to do.
    pub why: String,
}

fn fault(path: &Path, why: impl ToString) -> ApplyError {
    ApplyError { path: path.to_owned(), why: why.to_string() }
}

/// Makes the changes of a plan, each file whole or not at all, with a backup first. Files that are as they should be
/// are not touched. Gives the files that were written.
///
/// # Errors
/// [`ApplyError`] with the first file that cannot be changed. Files before it are changed, and the way back is
/// recorded.
pub fn apply(
    agent: &str,
    changes: &[Change],
    records: &Records,
) -> Result<Vec<PathBuf>, ApplyError> {
    let mut manifest = records.load().map_err(|error| fault(Path::new(MANIFEST), error))?;
    let mut written = Vec::new();
    // Nothing is written when one of the files cannot be.
    for change in changes.iter().filter(|change| !change.is_done()) {
        target(&change.path).map_err(|why| fault(&change.path, why))?;
    }
    for change in changes {
        let known = manifest.files.get(&change.path);
        if change.is_done() && known.is_some() {
            continue;
        }
        let path = &change.path;
        let real = target(path).map_err(|why| fault(path, why))?;
        let failed = |error: io::Error| fault(path, error);
        // What was there before us: as it was kept, unless the person has changed the file since.
        let untouched = known.is_some_and(|owned| {
            change.before.as_ref().is_some_and(|text| hash(text.as_bytes()) == owned.written)
        });
        let (backup, directories) = match known {
            Some(owned) if untouched => (owned.backup.clone(), owned.directories.clone()),
            _ => {
                let without = change.without.as_ref();
                let kept = without.map(|text| records.keep(text.as_bytes())).transpose();
                let made = known
                    .map_or_else(|| missing_directories(&real), |owned| owned.directories.clone());
                (kept.map_err(failed)?, made)
            }
        };
        let owned = Owned {
            agent: agent.to_owned(),
            ownership: change.ownership,
            backup,
            written: hash(change.after.as_bytes()),
            directories,
            adds: change.adds.clone(),
        };
        manifest.files.insert(path.clone(), owned);
        // The way back first: a crash between the two leaves a file as it was, which undoing knows.
        records.save(&manifest).map_err(failed)?;
        let now = read(&real).map_err(failed)?;
        if now.as_deref() != change.before.as_deref().map(str::as_bytes) {
            return Err(fault(path, "it was changed meanwhile; run the command again"));
        }
        replace(&real, change.after.as_bytes(), mode_of(&real, 0o600)).map_err(failed)?;
        written.push(path.clone());
    }
    Ok(written)
}

/// What became of a file when an agent's connection was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Undone {
    /// It is byte for byte as it was before.
    Restored,
    /// It was not there before, and is gone.
    Removed,
    /// The person changed it since: only our entries were taken out.
    Cleaned,
    /// It is ours, but the person changed it: it stays.
    Kept,
    /// It was gone already.
    Gone,
}

/// Takes back what was changed for an agent, in a scope's directory or everywhere.
///
/// # Errors
/// [`ApplyError`] with the first file that cannot be changed; it stays in the manifest.
pub fn undo(
    name: &str,
    below: Option<&Path>,
    records: &Records,
) -> Result<Vec<(PathBuf, Undone)>, ApplyError> {
    let mut manifest = records.load().map_err(|error| fault(Path::new(MANIFEST), error))?;
    let files: Vec<PathBuf> = manifest
        .files
        .iter()
        .filter(|(path, owned)| {
            owned.agent == name && below.is_none_or(|dir| path.starts_with(dir))
        })
        .map(|(path, _)| path.clone())
        .collect();
    let (mut done, mut directories) = (Vec::new(), BTreeSet::new());
    for path in files {
        let Some(owned) = manifest.files.get(&path).cloned() else { continue };
        let undone = take_back(&path, &owned, records)?;
        manifest.files.remove(&path);
        records.save(&manifest).map_err(|error| fault(&path, error))?;
        directories.extend(owned.directories);
        done.push((path, undone));
    }
    // The inner ones come last in order. One with other files in it stays.
    for directory in directories.iter().rev() {
        let _ = std::fs::remove_dir(directory);
    }
    Ok(done)
}

fn take_back(path: &Path, owned: &Owned, records: &Records) -> Result<Undone, ApplyError> {
    let failed = |error: io::Error| fault(path, error);
    let real = target(path).map_err(|why| fault(path, why))?;
    let Some(now) = read(&real).map_err(failed)? else { return Ok(Undone::Gone) };
    let before =
        owned.backup.as_ref().map(|name| records.kept(name)).transpose().map_err(failed)?;
    if before.as_ref() == Some(&now) {
        // Connecting was cut off before it wrote.
        return Ok(Undone::Restored);
    }
    if hash(&now) == owned.written {
        let Some(before) = before else {
            std::fs::remove_file(&real).map_err(failed)?;
            return Ok(Undone::Removed);
        };
        replace(&real, &before, mode_of(&real, 0o600)).map_err(failed)?;
        return Ok(Undone::Restored);
    }
    if owned.ownership == Ownership::Whole {
        return Ok(Undone::Kept);
    }
    let text = String::from_utf8(now).map_err(|_| fault(path, "it is no text any more"))?;
    let Some(agent) = agent(&owned.agent) else { return Ok(Undone::Kept) };
    let without = without_ours(agent, &text, path, &owned.adds)
        .map_err(|error| fault(path, format!("{error}. Mend it, then undo again")))?;
    if before.is_none()
        && without.trim().trim_start_matches('{').trim_end_matches('}').trim().is_empty()
    {
        std::fs::remove_file(&real).map_err(failed)?;
        return Ok(Undone::Removed);
    }
    replace(&real, without.as_bytes(), mode_of(&real, 0o600)).map_err(failed)?;
    Ok(Undone::Cleaned)
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
