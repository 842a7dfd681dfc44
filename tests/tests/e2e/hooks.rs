//! `lore hook`: an agent never notices a fault of ours.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use lore_tests::binary::lore;
use lore_tests::{Cluster, Node};
use serde_json::{Value, json};

/// A failing call that the codebook answers.
fn push(session: &str) -> String {
    let error = "Exit code 128\nfatal: The current branch topic has no upstream branch.\n\
        To push the current branch and set the remote as upstream, use\n\n    git push --set-upstream origin topic";
    let call = json!({
        "session_id": session, "hook_event_name": "PostToolUseFailure", "tool_name": "Bash",
        "tool_input": {"command": "git push"}, "error": error, "is_interrupt": false,
    });
    call.to_string()
}

/// Output of a hook; it always succeeds.
pub(crate) fn hook(home: &Path, agent: &str, event: &str, input: &[u8]) -> String {
    let mut command = Command::new(lore());
    command.arg("--home").arg(home).args(["hook", agent, event]).env("USER", "ada");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Every byte is taken: an agent that meets a closed pipe could take it for a fault.
    stdin.write_all(input).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A node whose hints were written, with an empty home of a person.
fn connected(cluster: &Cluster) -> (Node, std::path::PathBuf) {
    connected_as(cluster, "mine")
}

/// [`connected`], with a name.
pub(crate) fn connected_as(cluster: &Cluster, name: &str) -> (Node, std::path::PathBuf) {
    let node = cluster.node(name);
    let person = cluster.path().join(format!("ada-at-{name}"));
    std::fs::create_dir_all(person.join(".claude")).unwrap();
    let mut connect = node.command(&["connect", "claude-code", "--yes", "--no-run", "--json"]);
    let done = connect.env("HOME", &person).env("USER", "ada").output().unwrap();
    assert!(done.status.success(), "{done:?}");
    (node, person)
}

pub(crate) fn text_of(answer: &str) -> String {
    let value: Value = serde_json::from_str(answer).unwrap();
    assert_eq!(value["hookSpecificOutput"]["hookEventName"], "PostToolUseFailure", "{value}");
    value["hookSpecificOutput"]["additionalContext"].as_str().unwrap().to_owned()
}

#[test]
fn a_failing_call_gets_one_hint_a_session() {
    let cluster = Cluster::of(1);
    let (node, _) = connected(&cluster);
    let first = text_of(&hook(node.home(), "claude-code", "after", push("s1").as_bytes()));
    assert!(
        first.starts_with("[hint from lore: `git push` failed") && first.len() < 450,
        "{first}"
    );
    assert_eq!(hook(node.home(), "claude-code", "after", push("s1").as_bytes()), "");
    assert!(!hook(node.home(), "claude-code", "after", push("s2").as_bytes()).is_empty());
    // Before a call that is exactly a known failing form, and not before any other.
    let before = |line: &str| {
        let call = json!({"session_id": "s3", "hook_event_name": "PreToolUse", "tool_name": "Bash",
            "tool_input": {"command": line}});
        hook(node.home(), "claude-code", "before", call.to_string().as_bytes())
    };
    let advice = before("jest --testPathPattern unit");
    assert!(advice.contains("--testPathPatterns") && !advice.contains("block"), "{advice}");
    assert_eq!(before("jest --testPathPatterns unit"), "");
}

#[test]
fn whatever_goes_wrong_the_agent_is_told_nothing() {
    let cluster = Cluster::of(1);
    let (node, _) = connected(&cluster);
    let home = node.home();
    let huge =
        [br#"{"session_id":"s","error":""#.as_slice(), &vec![b'x'; 50 << 20], b"\"}"].concat();
    let inputs: [&[u8]; 7] = [
        b"",
        b"{\"session_id\":",
        b"[1, 2]",
        b"\xff\xfe\x00",
        br#"{"version": 99, "what": {"happened": []}}"#,
        br#"{"session_id":"s","tool_name":"Bash","tool_input":{"command":null},"error":7}"#,
        &huge,
    ];
    for agent in [
        "claude-code",
        "codex",
        "copilot-cli",
        "gemini-cli",
        "opencode",
        "pi",
        "qwen-code",
        "nobody",
    ] {
        for event in ["before", "after", "noon"] {
            for input in &inputs[..6] {
                assert_eq!(hook(home, agent, event, input), "", "{agent} {event}");
            }
        }
    }
    assert_eq!(hook(home, "claude-code", "after", &huge), "");
    assert_eq!(hook(home, "nobody", "noon", &huge), "");
    assert_eq!(hook(home, "claude-code", "end", push("s").as_bytes()), "", "the node does not run");
    let log = std::fs::read_to_string(home.join("hints/hook.log")).unwrap();
    assert!(log.contains("no JSON") && log.len() < 70 << 10, "{log}");
    assert!(!log.contains("xxxx"), "the log quotes nothing");
    // Nothing can be written, as on a full disk: a hint that leaves no trace could come at every call, so there is none.
    let (given, hook_log) = (home.join("hints/given"), home.join("hints/hook.log"));
    let _ = std::fs::remove_dir_all(&given);
    std::fs::remove_file(&hook_log).unwrap();
    std::fs::write(&given, "").unwrap();
    std::fs::create_dir(&hook_log).unwrap();
    assert_eq!(hook(home, "claude-code", "after", push("s9").as_bytes()), "");
    assert_eq!(hook(home, "claude-code", "after", b"[1, 2]"), "");
    std::fs::remove_file(&given).unwrap();
    std::fs::remove_dir(&hook_log).unwrap();
    assert_ne!(hook(home, "claude-code", "after", push("s9").as_bytes()), "");
    // An index of another version, a damaged one, none, and no node at all.
    let index = home.join("hints/public.index");
    let whole = std::fs::read(&index).unwrap();
    for bytes in [b"lore hints 99\n?".to_vec(), whole[..whole.len() / 2].to_vec(), Vec::new()] {
        std::fs::write(&index, bytes).unwrap();
        assert_eq!(hook(home, "claude-code", "after", push("s4").as_bytes()), "");
    }
    std::fs::remove_dir_all(home.join("hints")).unwrap();
    assert_eq!(hook(home, "claude-code", "after", push("s5").as_bytes()), "");
    assert_eq!(
        hook(&cluster.path().join("nowhere"), "claude-code", "after", push("s").as_bytes()),
        ""
    );
    assert!(!cluster.path().join("nowhere").exists());
}

const FAILED: &str = "Exit code 2\nerror: unexpected argument '--stage' found";

/// A session in which `shipit run --stage` fails and `--to` works, as Claude Code keeps it.
pub(crate) fn deployed(directory: &Path, session: &str) -> std::path::PathBuf {
    repaired(directory, session, "run")
}

/// [`deployed`], with another command of the program.
pub(crate) fn repaired(directory: &Path, session: &str, command: &str) -> std::path::PathBuf {
    let call = |id: &str, command: &str, output: &str, error: bool| {
        [
            json!({"type": "assistant", "sessionId": session, "uuid": format!("{session}a{id}"), "message": {"role": "assistant",
                "content": [{"type": "tool_use", "id": id, "name": "Bash", "input": {"command": command}}]}}),
            json!({"type": "user", "sessionId": session, "uuid": format!("{session}r{id}"), "message": {"role": "user",
                "content": [{"type": "tool_result", "tool_use_id": id, "content": output, "is_error": error}]}}),
        ]
    };
    let task = json!({"type": "user", "sessionId": session, "uuid": format!("{session}u"),
        "message": {"role": "user", "content": "deploy"}});
    let lines = [
        [task].to_vec(),
        call("1", &format!("shipit {command} --stage a"), FAILED, true).to_vec(),
        call("2", &format!("shipit {command} --to a"), "done", false).to_vec(),
    ]
    .concat();
    let file = directory.join(format!("{session}.jsonl"));
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&file, text.join("\n")).unwrap();
    file
}

/// What a verb of Ada's prints.
fn ada(node: &Node, person: &Path, args: &[&str]) -> Value {
    let mut command = node.command(&[args, &["--json"]].concat());
    let output = command.env("HOME", person).env("USER", "ada").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// The hint for the failure of a session, as the agent reads it; empty without one.
pub(crate) fn ask_about_deploying(node: &Node, session: &str) -> String {
    let call = json!({"session_id": session, "hook_event_name": "PostToolUseFailure", "tool_name": "Bash",
        "tool_input": {"command": "shipit run --stage b"}, "error": FAILED});
    hook(node.home(), "claude-code", "after", call.to_string().as_bytes())
}

#[test]
fn own_lessons_are_hinted_and_gone_from_every_file_when_their_session_is_deleted() {
    let cluster = Cluster::of(1);
    let (node, person) = connected(&cluster);
    let file = deployed(cluster.path(), "t");
    ada(&node, &person, &["session", "import", file.to_str().unwrap()]);
    // A node that runs writes what hooks read; connecting again does it too.
    ada(&node, &person, &["connect", "claude-code", "--yes", "--no-run"]);
    let told = text_of(&ask_about_deploying(&node, "one"));
    assert!(told.contains("--to") && told.contains("own sessions"), "{told}");
    for file in std::fs::read_dir(node.home().join("hints/own")).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"shipit"), "own lessons are not in clear");
    }
    ada(&node, &person, &["session", "forget", "--all", "--yes"]);
    assert_eq!(ask_about_deploying(&node, "two"), "");
}

#[test]
fn a_session_that_followed_its_hint_counts_as_helped_and_one_without_a_hint_does_not() {
    let cluster = Cluster::of(1);
    let (node, person) = connected(&cluster);
    let import = |session: &str| {
        let file = deployed(cluster.path(), session);
        ada(&node, &person, &["session", "import", file.to_str().unwrap()]);
    };
    import("first");
    ada(&node, &person, &["connect", "claude-code", "--yes", "--no-run"]);
    text_of(&ask_about_deploying(&node, "hinted"));
    import("hinted");
    import("unhinted");
    let lessons = ada(&node, &person, &["lesson", "list", "shipit"]);
    let id = lessons["lessons"][0]["id"].as_str().unwrap();
    let why = ada(&node, &person, &["lesson", "why", id]);
    assert_eq!(why["known"][0]["worked"], 3, "{why}");
    assert_eq!(why["trials"], json!({"helped": 1, "hurt": 0, "ignored": 0}));
}

#[test]
fn doctor_tells_by_a_probe_whether_an_agent_gets_hints() {
    let cluster = Cluster::of(1);
    let (node, person) = connected(&cluster);
    let check = || {
        let mut command = node.command(&["connect", "--check", "--json"]);
        let output = command.env("HOME", &person).env("USER", "ada").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str::<Value>(text.lines().next().unwrap()).unwrap()["agents"][0].clone()
    };
    assert_eq!(check()["ok"], true, "{}", check());
    let index = node.home().join("hints/public.index");
    let whole = std::fs::read(&index).unwrap();
    std::fs::write(&index, "nothing").unwrap();
    assert!(check()["says"].as_str().unwrap().contains("lore run"), "{}", check());
    std::fs::write(&index, whole).unwrap();
    // The program was moved: the command in the settings leads nowhere.
    let settings = person.join(".claude/settings.json");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace(lore().to_str().unwrap(), "/gone/lore")).unwrap();
    assert!(check()["says"].as_str().unwrap().contains("lore connect claude-code"), "{}", check());
}
