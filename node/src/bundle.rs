//! A directory of a skill, read from disk.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lore_protocol::skill::{
    Bundle, BundleFile, Entry, EntryKind, MAX_BUNDLE_BYTES, MAX_FILE_BYTES, MAX_FILES,
    MAX_PATH_DEPTH,
};

use crate::error::CliError;

/// A directory's files, and names of what was left out.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The files.
    pub(crate) bundle: Bundle,
    /// Paths whose names begin with a dot: they belong to tools and not to the skill.
    pub(crate) left_out: Vec<String>,
}

/// Reads a directory as a skill. No link is followed.
///
/// # Errors
/// Fails when it cannot be read, or its files are no bundle.
pub(crate) fn read(directory: &Path) -> Result<Directory, CliError> {
    if !directory.is_dir() {
        let place = directory.display();
        return Err(CliError::usage(format!("{place} is no directory"))
            .help("give the directory of a skill, with SKILL.md in it"));
    }
    let mut walk = Walk { entries: Vec::new(), left_out: Vec::new(), bytes: 0 };
    walk.below(directory, "", 0).map_err(|error| {
        CliError::failed("unreadable", format!("cannot read {}: {error}", directory.display()))
    })?;
    walk.left_out.sort();
    let bundle = Bundle::from_entries(walk.entries).map_err(|error| {
        CliError::usage(format!("{}: {error}", directory.display())).kind("invalid_skill")
    })?;
    Ok(Directory { bundle, left_out: walk.left_out })
}

struct Walk {
    entries: Vec<Entry>,
    left_out: Vec<String>,
    bytes: u64,
}

impl Walk {
    fn below(&mut self, directory: &Path, prefix: &str, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| {
                io::Error::other(format!("the name {} is not UTF-8", name.to_string_lossy()))
            })?;
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            if name.starts_with('.') {
                self.left_out.push(path);
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if depth == MAX_PATH_DEPTH {
                    return Err(io::Error::other(format!("`{path}` lies too deep")));
                }
                self.below(&entry.path(), &path, depth + 1)?;
                continue;
            }
            if self.entries.len() > MAX_FILES || self.bytes > MAX_BUNDLE_BYTES {
                // One more than a bundle may have: it says so itself.
                return Ok(());
            }
            let kind = if kind.is_symlink() {
                EntryKind::Symlink
            } else if kind.is_file() {
                EntryKind::File(self.read(&entry.path())?)
            } else {
                EntryKind::Other
            };
            self.entries.push(Entry { path, kind });
        }
        Ok(())
    }

    fn read(&mut self, path: &Path) -> io::Result<BundleFile> {
        let file = File::open(path)?;
        let executable = file.metadata()?.permissions().mode() & 0o111 != 0;
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(BundleFile { executable, bytes })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_come_with_their_modes_and_what_belongs_to_tools_is_left_out() {
        let place = tempfile::tempdir().unwrap();
        let at = |path: &str| place.path().join(path);
        fs::create_dir_all(at("scripts")).unwrap();
        fs::create_dir_all(at(".git")).unwrap();
        fs::write(at(".git/config"), "url = secret").unwrap();
        fs::write(at("SKILL.md"), "---\nname: a\ndescription: b\n---\n").unwrap();
        fs::write(at("scripts/run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(at("scripts/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        let found = read(place.path()).unwrap();
        let modes: Vec<(&str, bool)> = found
            .bundle
            .manifest()
            .iter()
            .map(|file| (file.path.as_str(), file.executable))
            .collect();
        assert_eq!(modes, [("SKILL.md", false), ("scripts/run.sh", true)]);
        assert_eq!(found.left_out, [".git"]);
        std::os::unix::fs::symlink("/etc/passwd", at("x")).unwrap();
        assert!(read(place.path()).unwrap_err().message.contains("symbolic link"));
    }
}
