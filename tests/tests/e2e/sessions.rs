//! Importing what agents wrote: the rest of a directory is imported whatever lies in it, with a daemon and without.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use lore_tests::{Cluster, Node};
use serde_json::{Value, json};

/// A session of Claude Code with so many calls, each with an output of so many lines.
fn claude(path: &Path, id: &str, calls: usize, lines: usize) {
    let line = |kind: &str, uuid: String, content: Value| {
        json!({"type": kind, "uuid": uuid, "sessionId": id, "timestamp": "2026-03-02T09:00:00Z",
            "message": {"role": kind, "content": content}})
    };
    let mut text = format!("{}\n", line("user", format!("{id}-u"), json!("Build the report")));
    for at in 0..calls {
        let call = json!([{"type": "tool_use", "id": format!("{id}-{at}"), "name": "Bash",
            "input": {"command": format!("make part{at}")}}]);
        let output = json!([{"type": "tool_result", "tool_use_id": format!("{id}-{at}"),
            "content": "line of output\n".repeat(lines)}]);
        writeln!(text, "{}", line("assistant", format!("{id}-a{at}"), call)).unwrap();
        writeln!(text, "{}", line("user", format!("{id}-r{at}"), output)).unwrap();
    }
    fs::write(path, text).unwrap();
}

fn calls(node: &Node, id: &str) -> usize {
    let session = node.json(&["session", "show", id]);
    let turns = session["turns"].as_array().unwrap();
    turns.iter().filter_map(|turn| turn["calls"].as_array()).map(Vec::len).sum()
}

#[test]
fn a_large_session_and_files_that_are_none_are_imported_while_the_node_runs() {
    let cluster = Cluster::of(1);
    let node = cluster.running("ada");
    let place = cluster.path().join("project");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("a-summary.jsonl"), r#"{"type":"summary","summary":"x","leafUuid":"x"}"#)
        .unwrap();
    fs::write(place.join("sessions-index.json"), r#"{"version":1,"entries":[]}"#).unwrap();
    // 20 MB, more than one message of the control socket.
    claude(&place.join("large.jsonl"), "large", 400, 3500);
    claude(&place.join("small.jsonl"), "small", 2, 1);
    let done = node.json(&["session", "import", place.to_str().unwrap()]);
    assert_eq!((&done["imported"], &done["files"]), (&json!(2), &json!(4)));
    let passed = done["passed_over"].as_array().unwrap();
    assert_eq!(passed.len(), 2, "{passed:?}");
    assert!(passed.iter().all(|file| file["path"].is_string() && file["reason"].is_string()));
    assert_eq!(calls(&node, "claude-code-large"), 400);
    // The small one went on, and is said so.
    claude(&place.join("small.jsonl"), "small", 5, 1);
    let done = node.json(&["session", "import", place.to_str().unwrap()]);
    assert_eq!(
        (&done["imported"], &done["known"], &done["grown"]),
        (&json!(0), &json!(1), &json!(1))
    );
    assert_eq!(calls(&node, "claude-code-small"), 5);
    assert_eq!(node.json(&["session", "list"])["total"], 2);
}

#[test]
fn import_without_a_path_lists_the_directories_of_agents_and_imports_them_when_told() {
    let cluster = Cluster::of(1);
    let node = cluster.node("ada");
    let home = cluster.path().join("person");
    let project = home.join(".claude/projects/-srv-pears");
    fs::create_dir_all(&project).unwrap();
    claude(&project.join("one.jsonl"), "one", 1, 1);
    let run = |args: &[&str]| -> Value {
        let mut command = node.command(args);
        let output = command.arg("--json").env("HOME", &home).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let places = run(&["session", "import"]);
    assert_eq!(places["places"][0]["harness"], "claude-code");
    assert_eq!(places["places"][0]["files"], 1);
    assert_eq!(node.json(&["session", "list"])["total"], 0);
    assert_eq!(run(&["session", "import", "--found"])["imported"], 1);
    assert_eq!(calls(&node, "claude-code-one"), 1);
}
