//! Ground of the agent: a workspace from which the home cannot be reached.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::error::CliError;

/// Refuses a workspace that contains the home or lies in it. The home is hidden from commands by its path, and
/// an account that may rename a directory above it gives it another. Directories are told apart by device and
/// inode, so that no link and no second mount hides one.
///
/// # Errors
/// Says which it is, and what to do.
pub(super) fn check_workspace(home: &Path, workspace: &Path) -> Result<(), CliError> {
    let refused = |how: &str| {
        CliError::refused(
            "workspace_holds_home",
            format!(
                "the workspace {} {how} the node's home {}, with its key",
                workspace.display(),
                home.display()
            ),
        )
        .help("give a directory beside it with --workspace, or move the home with --home")
    };
    if is_within(home, workspace) {
        return Err(refused("contains"));
    }
    if is_within(workspace, home) {
        return Err(refused("lies in"));
    }
    Ok(())
}

/// Returns true when `inner` is `outer` or lies below it.
fn is_within(inner: &Path, outer: &Path) -> bool {
    let place = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    let Some(outer) = place(outer) else { return false };
    let real = inner.canonicalize().unwrap_or_else(|_| inner.to_owned());
    real.ancestors().any(|above| place(above) == Some(outer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn no_workspace_holds_the_home_by_whatever_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("user/data/home/store")).unwrap();
        fs::create_dir_all(at("user/project")).unwrap();
        std::os::unix::fs::symlink(at("user"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("user/data/home"), at("user/project/home")).unwrap();
        let home = at("user/data/home");
        for bad in [
            "user",
            "link",
            "user/data",
            "user/data/home",
            "user/data/home/store",
            "user/project/home",
        ] {
            let error = check_workspace(&home, &at(bad)).unwrap_err();
            assert_eq!(error.kind, "workspace_holds_home", "{bad}");
        }
        // The home by a link.
        assert!(check_workspace(&at("user/project/home"), &at("user/data")).is_err());
        check_workspace(&home, &at("user/project")).unwrap();
    }
}
