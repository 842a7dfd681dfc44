//! Writing skills into a directory that agents read. What this program did not write, or what was
//! edited since, is never overwritten.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// Remembers what was written, so that an edit is noticed.
const MANIFEST: &str = ".lore-export.json";
const FILE: &str = "SKILL.md";

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
    let failed = |error: io::Error| {
        CliError::failed("export", format!("cannot write to {}: {error}", into.display()))
            .help("choose another directory with --dir")
    };
    fs::create_dir_all(into).map_err(failed)?;
    let mut manifest = read_manifest(into)?;
    let mut report = Report::default();
    for (name, text) in skills {
        let path = into.join(name).join(FILE);
        let standing = match fs::read(&path) {
            Ok(bytes) => Some(hash(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let wanted = hash(text.as_bytes());
        match &standing {
            Some(found) if *found == wanted => {
                report.unchanged.push(name.clone());
            }
            Some(found) if manifest.files.get(name) != Some(found) => {
                report.kept.push(name.clone());
                continue;
            }
            _ => {
                fs::create_dir_all(into.join(name)).map_err(failed)?;
                let part = into.join(name).join(".SKILL.md.part");
                fs::write(&part, text).and_then(|()| fs::rename(&part, &path)).map_err(failed)?;
                report.written.push(name.clone());
            }
        }
        manifest.files.insert(name.clone(), wanted);
    }
    let gone: Vec<String> =
        manifest.files.keys().filter(|name| !skills.contains_key(*name)).cloned().collect();
    for name in gone {
        let path = into.join(&name).join(FILE);
        let ours = fs::read(&path).is_ok_and(|b| manifest.files.get(&name) == Some(&hash(&b)));
        if ours {
            fs::remove_file(&path).map_err(failed)?;
            // A directory with other files in it stays.
            let _ = fs::remove_dir(into.join(&name));
            report.removed.push(name.clone());
        }
        manifest.files.remove(&name);
    }
    let bytes = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| CliError::failed("export", error.to_string()))?;
    fs::write(into.join(MANIFEST), bytes).map_err(failed)?;
    Ok(report)
}

fn read_manifest(into: &Path) -> Result<Manifest, CliError> {
    let path = into.join(MANIFEST);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            CliError::failed("export", format!("{} is damaged: {error}", path.display()))
                .help("remove it; skills that stand there will then be left as they are")
        }),
        Err(_) => Ok(Manifest::default()),
    }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn skills(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("one".to_owned(), text.to_owned())])
    }

    #[test]
    fn an_edited_skill_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(write(dir.path(), &skills("a")).unwrap().written, ["one"]);
        assert_eq!(write(dir.path(), &skills("a")).unwrap().unchanged, ["one"]);
        assert_eq!(write(dir.path(), &skills("b")).unwrap().written, ["one"]);
        fs::write(dir.path().join("one/SKILL.md"), "mine").unwrap();
        assert_eq!(write(dir.path(), &skills("c")).unwrap().kept, ["one"]);
        assert_eq!(fs::read_to_string(dir.path().join("one/SKILL.md")).unwrap(), "mine");
        assert_eq!(write(dir.path(), &BTreeMap::new()).unwrap(), Report::default());
        assert!(dir.path().join("one/SKILL.md").exists());
    }

    #[test]
    fn a_skill_that_left_the_library_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &skills("a")).unwrap();
        assert_eq!(write(dir.path(), &BTreeMap::new()).unwrap().removed, ["one"]);
        assert!(!dir.path().join("one").exists());
    }
}
