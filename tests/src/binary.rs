//! The `lore` that is tested.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the workspace that these tests were built from.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in a workspace")
}

/// The program under test: `LORE_BIN`, else the one in the target directory of these tests.
///
/// # Panics
/// When there is none, or when it was built from other sources.
pub fn lore() -> &'static Path {
    static LORE: OnceLock<PathBuf> = OnceLock::new();
    LORE.get_or_init(|| {
        let path = std::env::var_os("LORE_BIN").map_or_else(beside_the_tests, PathBuf::from);
        let out = Command::new(&path).args(["--version", "--json"]).output().unwrap_or_else(|error| {
            panic!("cannot run {}: {error}; build it with `cargo build -p lore-node`", path.display())
        });
        let version: serde_json::Value =
            serde_json::from_slice(&out.stdout).expect("`lore --version --json` prints an object");
        assert_eq!(
            version["sources"],
            lore_node::sources::hash(workspace()),
            "{} was built from other sources than these tests; build it with `cargo build -p lore-node`",
            path.display()
        );
        path
    })
}

/// The same command line on a machine that fails (`src/bin/lore-faulty.rs`).
///
/// # Panics
/// When the tests were not built with it.
pub fn faulty() -> PathBuf {
    let path = beside_the_tests().with_file_name("lore-faulty");
    assert!(
        path.exists(),
        "{} is missing: build it with `cargo build -p lore-tests`",
        path.display()
    );
    path
}

fn beside_the_tests() -> PathBuf {
    let test = std::env::current_exe().expect("this program has a path");
    let deps = test.parent().expect("it lies in a directory");
    deps.parent().expect("which lies in the profile's directory").join("lore")
}
