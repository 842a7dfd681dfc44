//! Puts a hash of the workspace's sources into the program, so that tests can refuse a stale one.

use std::fs;
use std::path::{Path, PathBuf};

const ROOMS: [&str; 4] = ["protocol", "privacy", "agent", "node"];

fn main() {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let root = Path::new(&manifest).parent().map(Path::to_path_buf).unwrap_or_default();
    let mut files = Vec::new();
    for room in ROOMS {
        let source = root.join(room).join("src");
        println!("cargo::rerun-if-changed={}", source.display());
        collect(&source, &mut files);
    }
    files.sort();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file);
        let contents = fs::read(file).unwrap_or_default();
        for byte in name.as_os_str().as_encoded_bytes().iter().chain(&contents) {
            // FNV-1a: a check against stale builds, not against anybody.
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    println!("cargo::rustc-env=LORE_SOURCES={hash:016x}");
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
