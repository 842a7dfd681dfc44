//! Hooks: how long an agent waits for `lore hook` after a failing call, beside a program that does nothing.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use lore_connect::hook::HintFiles;
use lore_lessons::index_of;
use serde_json::{Value, json};

use super::bar;
use super::clock::{Samples, time};
use super::hint::{LESSONS, failed, full_book};
use crate::binary::lore;

/// Most milliseconds that the whole process may take.
const MOST_MILLIS: f64 = 30.0;

/// Runs both arms, and one with a damaged index.
///
/// # Panics
/// Panics when a hint is missing: then nothing was measured.
#[must_use]
pub fn run(runs: usize) -> Value {
    let runs = runs.max(3);
    let home = tempfile::tempdir().expect("a directory");
    let made = lore_with(home.path(), &["init", "--loopback", "--json"]).output().expect("a node");
    assert!(made.status.success(), "{made:?}");
    let directory = home.path().join("hints");
    let files = HintFiles::new(&directory, "", None);
    let index = index_of(&full_book(), |_| true);
    files.write_public(&index).expect("an index");
    let hook = |run: usize| {
        let call = failed(run * 997 % LESSONS);
        let input = json!({
            "session_id": format!("bench-{run}"), "hook_event_name": "PostToolUseFailure",
            "tool_name": "Bash", "tool_input": {"command": call.command},
            "error": format!("Exit code 2\n{}", call.output.unwrap_or_default()),
        });
        answer(lore_with(home.path(), &["hook", "claude-code", "after"]), &input.to_string())
    };
    let mut run = 0;
    let hinted = Samples::repeat(runs, || {
        run += 1;
        let (wall, text) = time(|| hook(run));
        assert!(text.contains("hint from lore"), "no hint: {text}");
        wall
    });
    let empty = Samples::repeat(runs, || time(|| answer(Command::new("true"), "")).0);
    let (hook_millis, empty_millis) = (hinted.wall() * 1e3, empty.wall() * 1e3);
    json!({
        "lessons": LESSONS,
        "index_bytes": index.len(),
        "hook_millis": hook_millis,
        "hook_bar": bar(hook_millis, MOST_MILLIS),
        "empty_millis": empty_millis,
        "hook_to_empty": hook_millis / empty_millis,
    })
}

fn lore_with(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(lore());
    command.arg("--home").arg(home).args(args);
    command
}

/// Output of a program that gets this input.
fn answer(mut command: Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("a process");
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does nothing may have ended.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().expect("its output");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
