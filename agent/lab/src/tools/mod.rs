//! The tools on PATH: one binary, told apart by the name under which it is called.
//!
//! A tool finds the environment beside the directory on PATH from which it was started. It starts in
//! about a millisecond: no runtime, no configuration, one small file at most.

mod fetch;

use std::path::{Path, PathBuf};

use super::environment::{Environment, FILE};
use super::error::{LabError, at};
use super::family::Family;
use super::invocation::{Answer, Invocation};

/// Names under which the binary answers.
pub const NAMES: [&str; 19] = [
    "bookctl",
    "boxreg",
    "enrolctl",
    "fetch",
    "graftctl",
    "heatctl",
    "keyreg",
    "kilnctl",
    "mlint",
    "payctl",
    "pressctl",
    "prunectl",
    "services",
    "shiftbook",
    "slotreg",
    "snapctl",
    "telq",
    "tidelog",
    "vpress",
];

/// Links every tool in `bin` to the binary that carries [`dispatch`].
pub(crate) fn install(bin: &Path, binary: &Path) -> Result<(), LabError> {
    // Its name in a sandbox, where no other link leads to it.
    let binary = binary.canonicalize().map_err(at(binary))?;
    std::fs::create_dir_all(bin).map_err(at(bin))?;
    for name in NAMES {
        let link = bin.join(name);
        // A second start in the same directory replaces the links of the first.
        if link.symlink_metadata().is_ok() {
            std::fs::remove_file(&link).map_err(at(&link))?;
        }
        std::os::unix::fs::symlink(&binary, &link).map_err(at(&link))?;
    }
    Ok(())
}

/// Runs the tool that `argv` names and gives its exit status; None when it names none of the lab's, so
/// that a binary of other uses calls this first.
#[must_use]
pub fn dispatch(argv: &[String]) -> Option<i32> {
    let name = Path::new(argv.first()?).file_name()?.to_str()?;
    if !NAMES.contains(&name) {
        return None;
    }
    let answer = if name == "fetch" {
        fetch::run(&argv[1..])
    } else {
        in_environment(&Invocation::parse(name, &argv[1..]))
    };
    Some(answer.print())
}

fn in_environment(call: &Invocation) -> Answer {
    let Some(environment) = find().and_then(|dir| Environment::load(&dir).ok()) else {
        return Answer::fail(70, format!("{}: there is no lab on PATH", call.name));
    };
    if call.name == "services" {
        let list = environment.services.iter();
        let list: Vec<String> =
            list.map(|(name, port)| format!("{name:<20} 127.0.0.1:{port}\n")).collect();
        return Answer::ok(list.concat());
    }
    let mut helpers = environment.families.values().filter_map(Family::helper);
    helpers
        .find_map(|helper| helper.tool(call))
        .unwrap_or_else(|| Answer::fail(70, format!("{}: not in this lab", call.name)))
}

/// The lab's directory: the parent of the first directory on PATH that has an environment beside it.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .filter_map(|bin| bin.parent().map(Path::to_owned))
        .find(|dir| dir.join(FILE).is_file())
}
