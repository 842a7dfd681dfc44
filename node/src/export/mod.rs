//! Writing skills into a directory that agents read. What this program did not write, or what was
//! edited since, is never overwritten. Nothing outside the directory is touched: no link below it is followed.

mod places;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use lore_protocol::skill::{BundlePath, SKILL_MD, SkillName};
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

/// One file of a skill, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// Contents.
    pub bytes: Vec<u8>,
    /// True when it may be executed.
    pub executable: bool,
}

/// Files of a skill by their paths below its directory.
pub type SkillFiles = BTreeMap<String, ExportFile>;

/// A skill that is a text alone.
#[must_use]
pub fn text_alone(text: &str) -> SkillFiles {
    let file = ExportFile { bytes: text.as_bytes().to_vec(), executable: false };
    BTreeMap::from([(SKILL_MD.to_owned(), file)])
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    /// BLAKE3 of each `SKILL.md` as it was written, by skill name.
    files: BTreeMap<String, String>,
    /// BLAKE3 of the other files of a skill, by name and path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    more: BTreeMap<String, BTreeMap<String, String>>,
}

impl Manifest {
    /// Hashes of the files that were written for a skill, by path; none when nothing was.
    fn of(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let text = self.files.get(name)?;
        let mut all = self.more.get(name).cloned().unwrap_or_default();
        all.insert(SKILL_MD.to_owned(), text.clone());
        Some(all)
    }

    fn note(&mut self, name: &str, mut hashes: BTreeMap<String, String>) {
        if let Some(text) = hashes.remove(SKILL_MD) {
            self.files.insert(name.to_owned(), text);
        }
        if hashes.is_empty() {
            self.more.remove(name);
        } else {
            self.more.insert(name.to_owned(), hashes);
        }
    }

    fn forget(&mut self, name: &str) -> BTreeMap<String, String> {
        let all = self.of(name).unwrap_or_default();
        self.files.remove(name);
        self.more.remove(name);
        all
    }
}

/// Writes `skills` (name to text) below `into`.
///
/// # Errors
/// Fails when the directory cannot be written.
pub fn write(into: &Path, skills: &BTreeMap<String, String>) -> Result<Report, CliError> {
    let skills = skills.iter().map(|(name, text)| (name.clone(), text_alone(text))).collect();
    export(into, &skills, Wish { preview: false, restore: true })
}

/// Writes skills with all their files, as wished. The files of a skill go together: when one of them was edited here or
/// is not ours, none is written.
///
/// # Errors
/// Fails when the directory cannot be written; for a name or a path that none of a skill has.
pub fn export(
    into: &Path,
    skills: &BTreeMap<String, SkillFiles>,
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
    for (said, files) in skills {
        let skill = Skill::of(said, files)?;
        let before = manifest.of(said);
        let place = skill.look(tree.as_ref(), before.as_ref()).map_err(failed)?;
        if place.is_foreign {
            keep(&mut report, said.clone(), before.is_some());
            continue;
        }
        if place.is_missing && before.is_some() && !wish.restore {
            report.missing.push(said.clone());
            continue;
        }
        if place.is_current {
            report.unchanged.push(said.clone());
        } else {
            if let Some(tree) = tree.as_ref().filter(|_| !wish.preview) {
                skill.write(tree, before.as_ref()).map_err(failed)?;
            }
            report.written.push(said.clone());
        }
        manifest.note(said, skill.hashes());
    }
    let Some(tree) = tree else { return Ok(report) };
    let gone: Vec<String> =
        manifest.files.keys().filter(|name| !skills.contains_key(*name)).cloned().collect();
    for said in gone {
        let before = manifest.forget(&said);
        // A name that no skill has was not written by this program: nothing is deleted for it.
        let Ok(name) = said.parse::<SkillName>() else { continue };
        let mut removed = false;
        for (path, hash) in &before {
            removed |= remove_ours(&tree, &name, path, hash, wish).map_err(failed)?;
        }
        if removed {
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

/// Removes a file when it is as it was written. Returns true when it was, or would be.
fn remove_ours(
    tree: &Tree,
    name: &SkillName,
    path: &str,
    before: &str,
    wish: Wish,
) -> io::Result<bool> {
    // A path that no skill has is not followed either.
    let Ok(path) = path.parse::<BundlePath>() else { return Ok(false) };
    let ours = matches!(tree.read(name, &path)?, Found::File(bytes, _) if hash(&bytes) == before);
    if ours && !wish.preview {
        tree.remove(name, &path)?;
    }
    Ok(ours)
}

/// A skill that is to be written.
struct Skill<'a> {
    name: SkillName,
    files: Vec<(BundlePath, &'a ExportFile)>,
}

/// What stands in the place of a skill.
struct Place {
    /// A file that this program did not write, or that was edited.
    is_foreign: bool,
    /// A file that was written before is gone.
    is_missing: bool,
    /// All files are as they should be, and none is left of before.
    is_current: bool,
}

impl<'a> Skill<'a> {
    fn of(name: &str, files: &'a SkillFiles) -> Result<Self, CliError> {
        let refused = |what: &str, error: &dyn std::fmt::Display| {
            CliError::failed("export", format!("`{what}` is no name of a skill: {error}"))
        };
        let parsed = name.parse::<SkillName>().map_err(|error| refused(name, &error))?;
        let path = |(path, file): (&String, &'a ExportFile)| {
            let parsed = path.parse::<BundlePath>().map_err(|error| refused(path, &error))?;
            Ok((parsed, file))
        };
        let files = files.iter().map(path).collect::<Result<_, CliError>>()?;
        Ok(Self { name: parsed, files })
    }

    fn hashes(&self) -> BTreeMap<String, String> {
        let hash = |(path, file): &(BundlePath, &ExportFile)| (path.to_string(), hash(&file.bytes));
        self.files.iter().map(hash).collect()
    }

    fn look(
        &self,
        tree: Option<&Tree>,
        before: Option<&BTreeMap<String, String>>,
    ) -> io::Result<Place> {
        let mut place = Place { is_foreign: false, is_missing: false, is_current: true };
        let old = |path: &str| before.and_then(|before| before.get(path));
        for (path, file) in &self.files {
            let found = tree.map_or(Ok(Found::Nothing), |tree| tree.read(&self.name, path))?;
            match found {
                Found::File(bytes, executable) if bytes == file.bytes => {
                    place.is_current &= executable == file.executable;
                }
                Found::File(bytes, _) => {
                    place.is_foreign |= old(path.as_str()) != Some(&hash(&bytes));
                    place.is_current = false;
                }
                Found::Nothing => {
                    place.is_missing |= old(path.as_str()).is_some();
                    place.is_current = false;
                }
                Found::Other => place.is_foreign = true,
            }
        }
        for (path, hashed) in self.stale(before) {
            match tree.map_or(Ok(Found::Nothing), |tree| tree.read(&self.name, &path))? {
                Found::Nothing => {}
                Found::File(bytes, _) if hash(&bytes) == *hashed => place.is_current = false,
                // What was edited stays, and keeps nothing back.
                Found::File(..) | Found::Other => {}
            }
        }
        Ok(place)
    }

    fn write(&self, tree: &Tree, before: Option<&BTreeMap<String, String>>) -> io::Result<()> {
        let wish = Wish { preview: false, restore: false };
        for (path, hashed) in self.stale(before) {
            remove_ours(tree, &self.name, path.as_str(), hashed, wish)?;
        }
        self.files.iter().try_for_each(|(path, file)| tree.write(&self.name, path, file))
    }

    /// Files that were written before and are not part of the skill any more.
    fn stale<'b>(
        &self,
        before: Option<&'b BTreeMap<String, String>>,
    ) -> Vec<(BundlePath, &'b String)> {
        let before = before.into_iter().flatten();
        let parsed =
            before.filter_map(|(path, hash)| Some((path.parse::<BundlePath>().ok()?, hash)));
        parsed.filter(|(path, _)| !self.files.iter().any(|(own, _)| own == path)).collect()
    }
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
        Found::File(bytes, _) => serde_json::from_slice(&bytes).map_err(|error| damaged(&error)),
        Found::Other => Err(damaged(&"it is no file of this program")),
    }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
