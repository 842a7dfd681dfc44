//! Tests that need networks of their own, in a process that may make them.
//!
//! Each test starts this program again under `unshare`, for itself alone. Where the kernel does not allow that,
//! the test says so and passes; with `LORE_NETNS=required` in the environment it fails instead.

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

const INSIDE: &str = "LORE_NETNS_INSIDE";
const REQUIRED: &str = "LORE_NETNS";

/// One at a time: each starts several nodes.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs the test of this name.
///
/// # Panics
/// Panics when the test fails, or when it cannot be run and must be.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(why) = allowed() {
        let required = std::env::var_os(REQUIRED).is_some_and(|value| value == "required");
        assert!(!required, "{test} must run, and cannot: {why}");
        println!("{test}: skipped: {why}");
        return;
    }
    let program = std::env::current_exe().expect("this program has a path");
    let ran = unshare()
        .arg(program)
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    print!("{said}");
    eprint!("{}", String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && said.contains("1 passed"), "{test} failed; see above");
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net"]);
    command
}

fn allowed() -> Result<(), String> {
    let probe = unshare()
        .args(["sh", "-c", "command -v ip >/dev/null || exit 3; exec 3<>/dev/net/tun"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("there is no `unshare` (package util-linux): {error}"))?;
    match probe.status.code() {
        Some(0) => Ok(()),
        Some(3) => Err("there is no `ip` (package iproute2)".into()),
        _ => Err(format!(
            "the kernel allows no namespaces, or no /dev/net/tun: {}",
            String::from_utf8_lossy(&probe.stderr).trim()
        )),
    }
}
