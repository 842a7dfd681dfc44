//! Writing skills into a directory that agents read. What this program did not write, or what was
//! edited since, is never overwritten. Nothing outside the directory is touched: no link below it is followed.

mod places;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use lore_protocol::skill::SkillName;
use serde::{Deserialize, Serialize};

pub(crate) use places::{ExportPlace, ExportPlaces, missing};
use tree::{Found, Tree};

use crate::error::CliError;

/// Remembers what was written, so that an edit is noticed.
const MANIFEST: &str = ".lore-export.json";
/// Largest manifest that is read, in bytes.
const MAX_MANIFEST_BYTES: u64 = 16 << 20;

/// Result of an export, by skill name.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Written for the first time or again.
    pub written: Vec<String>,
    /// Already as it should be.
    pub unchanged: Vec<String>,
    /// Written before, no longer in the library: removed.
    pub removed: Vec<String>,
    /// Edited or not ours: left as it is.
    pub kept: Vec<String>,
    /// The part of `kept` that this program wrote and somebody edited.
    pub edited: Vec<String>,
    /// Written before and taken away since: not written again.
    pub missing: Vec<String>,
}

/// What an export may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Only reports what would be done.
    pub preview: bool,
    /// Writes again what was written before and taken away since.
    pub restore: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    /// BLAKE3 of each file as it was written, by skill name.
    files: BTreeMap<String, String>,
}

/// Writes `skills` (name to text) below `into`.
///
/// # Errors
/// Fails when the directory cannot be written.
pub fn write(into: &Path, skills: &BTreeMap<String, String>) -> Result<Report, CliError> {
    export(into, skills, Wish { preview: false, restore: true })
}

/// [`write()`] as wished.
///
/// # Errors
/// Those of [`write()`]; a name that is none of a skill.
pub fn export(
    into: &Path,
    skills: &BTreeMap<String, String>,
    wish: Wish,
) -> Result<Report, CliError> {
    let failed = |error: io::Error| {
        CliError::failed("export", format!("cannot write to {}: {error}", into.display()))
            .help("choose another directory with --dir")
    };
    let tree = if wish.preview { Tree::open(into) } else { Tree::create(into).map(Some) };
    let tree = tree.map_err(failed)?;
    let mut manifest = match &tree {
        Some(tree) => read_manifest(tree, into)?,
        None => Manifest::default(),
    };
    let mut report = Report::default();
    for (name, text) in skills {
        let name: SkillName = name.parse().map_err(|error| {
            CliError::failed("export", format!("`{name}` is no name of a skill: {error}"))
        })?;
        let found = tree.as_ref().map_or(Ok(Found::Nothing), |tree| tree.read(&name));
        let wanted = hash(text.as_bytes());
        let before = manifest.files.get(name.as_str());
        let said = name.as_str().to_owned();
        match found.map_err(failed)? {
            Found::File(bytes) if hash(&bytes) == wanted => report.unchanged.push(said.clone()),
            Found::Nothing if before.is_some() && !wish.restore => {
                report.missing.push(said);
                continue;
            }
            Found::File(bytes) if before != Some(&hash(&bytes)) => {
                keep(&mut report, said, before.is_some());
                continue;
            }
            Found::Other => {
                keep(&mut report, said, before.is_some());
                continue;
            }
            Found::File(_) | Found::Nothing => {
                if let Some(tree) = tree.as_ref().filter(|_| !wish.preview) {
                    tree.write(&name, text.as_bytes()).map_err(failed)?;
                }
                report.written.push(said.clone());
            }
        }
        manifest.files.insert(said, wanted);
    }
    let Some(tree) = tree else { return Ok(report) };
    let gone: Vec<String> =
        manifest.files.keys().filter(|name| !skills.contains_key(*name)).cloned().collect();
    for said in gone {
        let before = manifest.files.remove(&said);
        // A name that no skill has was not written by this program: nothing is deleted for it.
        let Ok(name) = said.parse::<SkillName>() else { continue };
        let found = tree.read(&name).map_err(failed)?;
        if matches!(found, Found::File(bytes) if before == Some(hash(&bytes))) {
            if !wish.preview {
                tree.remove(&name).map_err(failed)?;
            }
            report.removed.push(said);
        }
    }
    if !wish.preview {
        let bytes = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| CliError::failed("export", error))?;
        tree.write_own(MANIFEST, &bytes).map_err(failed)?;
    }
    Ok(report)
}

/// Removes the record of what was written to a directory, when nothing of ours is left there.
fn drop_manifest(into: &Path) -> Result<(), CliError> {
    let Some(tree) = Tree::open(into).map_err(|error| CliError::failed("export", error))? else {
        return Ok(());
    };
    if read_manifest(&tree, into)?.files.is_empty() {
        tree.remove_own(MANIFEST).map_err(|error| CliError::failed("export", error))?;
    }
    Ok(())
}

fn keep(report: &mut Report, name: String, ours: bool) {
    if ours {
        report.edited.push(name.clone());
    }
    report.kept.push(name);
}

fn read_manifest(tree: &Tree, into: &Path) -> Result<Manifest, CliError> {
    let damaged = |error: &dyn std::fmt::Display| {
        let path = into.join(MANIFEST);
        CliError::failed("export", format!("{} is damaged: {error}", path.display()))
            .help("remove it; skills that stand there will then be left as they are")
    };
    match tree.read_own(MANIFEST, MAX_MANIFEST_BYTES).map_err(|error| damaged(&error))? {
        Found::Nothing => Ok(Manifest::default()),
        Found::File(bytes) => serde_json::from_slice(&bytes).map_err(|error| damaged(&error)),
        Found::Other => Err(damaged(&"it is no file of this program")),
    }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
