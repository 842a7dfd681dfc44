//! A hash of the workspace's sources. The build puts it into the program, and tests that run the
//! program compare it with the sources they were built from, so that a stale one is noticed.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose sources make the program, below the workspace's root.
pub const ROOMS: [&str; 4] = ["protocol", "privacy", "agent", "node"];

/// The `src` folders of the rooms: a room's own, and those of the crates in it.
#[must_use]
pub fn folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for room in ROOMS {
        let room = root.join(room);
        let inner = fs::read_dir(&room).into_iter().flatten().flatten().map(|entry| entry.path());
        folders.extend(inner.chain([room.clone()]).map(|place| place.join("src")));
    }
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders
}

/// The hash of all files below `src` of the rooms, with their names: FNV-1a, which guards against
/// mistakes and not against anybody.
#[must_use]
pub fn hash(root: &Path) -> String {
    let mut files = Vec::new();
    for folder in folders(root) {
        collect(&folder, &mut files);
    }
    files.sort();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for file in &files {
        let name = file.strip_prefix(root).unwrap_or(file);
        let contents = fs::read(file).unwrap_or_default();
        for byte in name.as_os_str().as_encoded_bytes().iter().chain(&contents) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
