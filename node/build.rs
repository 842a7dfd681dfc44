//! Puts a hash of the workspace's sources into the program, so that tests can refuse a stale one.

use std::path::{Path, PathBuf};

#[path = "src/sources.rs"]
#[allow(unreachable_pub, reason = "the same file is a public module of the library")]
mod sources;

fn main() {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let root = Path::new(&manifest).parent().map(PathBuf::from).unwrap_or_default();
    for folder in sources::folders(&root) {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    println!("cargo::rustc-env=LORE_SOURCES={}", sources::hash(&root));
}
