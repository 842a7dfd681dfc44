//! Cases that people met, each with input of our own: what is expected is in the name and in the test.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::super::{Format, ImportError, detect, read};
use super::sessions;
use crate::{Refusal, Role, Session};

fn user(session: &str, uuid: &str, content: Value) -> String {
    json!({"type": "user", "uuid": uuid, "sessionId": session, "timestamp": "2026-03-02T09:00:00Z",
        "message": {"role": "user", "content": content}})
    .to_string()
}

fn shell(session: &str, id: &str, tool: &str, command: &str) -> String {
    json!({"type": "assistant", "uuid": format!("a-{id}"), "sessionId": session,
        "message": {"id": format!("m-{id}"), "role": "assistant", "content": [
            {"type": "tool_use", "id": id, "name": tool, "input": {"command": command}}]}})
    .to_string()
}

fn result(session: &str, id: &str, content: &str, failed: bool) -> String {
    let block =
        json!([{"type": "tool_result", "tool_use_id": id, "content": content, "is_error": failed}]);
    user(session, &format!("r-{id}"), block)
}

fn claude(lines: &[String]) -> Session {
    sessions(Format::ClaudeCode, lines.join("\n").as_bytes()).remove(0)
}

/// Each of these lies beside sessions, and none is one.
#[test]
fn files_beside_sessions_are_told_from_sessions() {
    let left = [
        json!({"type": "permission-mode", "permissionMode": "default", "sessionId": "s"}),
        json!({"type": "user", "uuid": "u1", "sessionId": "s", "isMeta": true,
            "message": {"role": "user", "content": "Caveat: The messages below are the user's."}}),
        json!({"type": "user", "uuid": "u2", "sessionId": "s",
            "message": {"role": "user", "content": "<command-name>/exit</command-name>"}}),
    ];
    let left = left.map(|line| line.to_string()).join("\n");
    assert_eq!(detect(left.as_bytes()), Some(Format::ClaudeCode));
    let none = |text: &str| {
        matches!(read(Format::ClaudeCode, text.as_bytes()), Err(ImportError::NoSessions { .. }))
    };
    assert!(none(&left), "opened and left");
    assert!(none(r#"{"type":"summary","summary":"Pears","leafUuid":"x"}"#));
    for other in [
        r#"{"type":"system","uuid":"x","sessionId":"s","subtype":"local_command","content":"bye"}"#,
        r#"{"type":"file-history-snapshot","messageId":"m","snapshot":{}}"#,
        r#"{"version":1,"entries":[{"sessionId":"s","messageCount":4}]}"#,
        r#"{"agentType":"Explore"}"#,
    ] {
        assert_eq!(detect(other.as_bytes()), None, "{other}");
    }
    assert!(matches!(read(Format::ClaudeCode, b""), Err(ImportError::Empty)));
    let chat = r#"{"sessionId":"g","projectHash":"0","messages":[{"id":"1","type":"user","content":"Count"}]}"#;
    assert_eq!(sessions(Format::GeminiCli, chat.as_bytes())[0].task, "Count");
}

/// A rollout of Codex.
#[test]
fn a_codex_rollout_has_the_persons_task_once_and_real_statuses() {
    let file = include_bytes!("../fixtures/codex-case.jsonl");
    assert_eq!(detect(file), Some(Format::Codex));
    let all = sessions(Format::Codex, file);
    assert_eq!((all.len(), all[0].harness.as_str()), (1, "codex"));
    assert_eq!(all[0].task, "Count the pears");
    let asked = all[0].turns.iter().filter(|turn| turn.text == "Count the pears").count();
    assert_eq!(asked, 1);
    let calls = all[0].calls();
    assert_eq!((calls[0].exit, calls[0].failed), (Some(1), true));
    assert_eq!(calls[0].options.directory.as_deref(), Some("/srv/pears"));
    assert_eq!((calls[1].exit, calls[1].output.as_deref()), (Some(0), Some("7 pears.txt")));
}

/// An interruption comes first, and a request stands in the arguments of a command.
#[test]
fn words_of_the_harness_are_not_the_task() {
    let interrupted = [
        user("s", "u0", json!([{"type": "text", "text": "[Request interrupted by user]"}])),
        user("s", "u1", json!("Count the pears")),
    ];
    assert_eq!(claude(&interrupted).task, "Count the pears");
    let command = "<command-message>count is running</command-message>\n<command-name>/count</command-name>\n\
        <command-args>Count the pears</command-args>";
    assert_eq!(claude(&[user("s", "u1", json!(command))]).task, "Count the pears");
    let mixed = json!([{"type": "text", "text": "<system-reminder>Be short.</system-reminder>"},
        {"type": "text", "text": "Count the pears"}]);
    let session = claude(&[user("s", "u1", mixed)]);
    assert_eq!(session.task, "Count the pears");
    assert_eq!(session.turns[0].role, Role::System);
}

/// A trajectory that ml-intern saved.
#[test]
fn a_session_of_ml_intern_has_its_time_model_and_failures() {
    let call = |id: &str, command: &str| {
        json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function",
            "function": {"name": "bash", "arguments": json!({"command": command}).to_string()}}]})
    };
    let said = |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "name": "bash", "content": text});
    let event = |id: &str, success: bool| json!({"event_type": "tool_output", "data": {"tool": "bash", "tool_call_id": id, "output": "x", "success": success}});
    let lost = json!({"event_type": "tool_call", "data": {"tool": "bash", "tool_call_id": "t0",
        "arguments": {"command": "make list"}}});
    let file = json!({"session_id": "0b1c", "session_start_time": "2026-05-01T09:00:00+00:00",
        "model_name": "some/model", "messages": [
            {"role": "user", "content": "Build the report"},
            call("t1", "make report"), said("t1", "make: *** No rule to make target 'report'.  Stop."),
            {"role": "user", "content": "[SYSTEM: REPETITION GUARD] Try something else."},
            call("t2", "make all"), said("t2", "built"), {"role": "assistant", "content": "Done."}],
        "events": [lost, event("t0", true), event("t1", false), event("t2", true)], "tools": []});
    let file = file.to_string();
    assert_eq!(detect(file.as_bytes()), Some(Format::MlIntern));
    let session = sessions(Format::MlIntern, file.as_bytes()).remove(0);
    assert_eq!(
        (session.started.text.as_str(), session.model.as_deref()),
        ("2026-05-01T09:00:00Z", Some("some/model"))
    );
    let commands: Vec<(String, bool)> =
        session.calls().into_iter().map(|call| (call.command.unwrap(), call.failed)).collect();
    let expected = [("make list", false), ("make report", true), ("make all", false)];
    assert_eq!(commands, expected.map(|(command, failed)| (command.to_owned(), failed)));
    let guard = session.turns.iter().find(|turn| turn.text.starts_with("[SYSTEM:")).unwrap();
    assert_eq!(guard.role, Role::System);
    assert_eq!(session.outcome.verdict, lore_protocol::trace::Outcome::Unknown);
}

/// Return codes in the text.
#[test]
fn return_codes_of_mini_swe_agent_are_statuses() {
    let call = |id: &str| {
        json!({"role": "assistant", "content": "", "tool_calls": [{"id": id, "type": "function",
            "function": {"name": "bash", "arguments": "{\"command\":\"pytest -q\"}"}}]})
    };
    let said = |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    let file = json!({"info": {"exit_status": "Submitted"}, "trajectory_format": "mini-swe-agent-1.1", "messages": [
        {"role": "system", "content": "You are an agent"}, {"role": "user", "content": "Fix it"},
        call("a"), said("a", "<returncode>1</returncode>\n<output>3 failed</output>"),
        call("b"), said("b", "<returncode>0</returncode>\n<output>3 passed</output>"),
        {"role": "exit", "content": "done"}]});
    let calls = sessions(Format::MiniSweAgent, file.to_string().as_bytes())[0].calls();
    assert_eq!(
        calls.iter().map(|call| (call.exit, call.failed)).collect::<Vec<_>>(),
        [(Some(1), true), (Some(0), false)]
    );
    assert_eq!(calls[0].output.as_deref(), Some("3 failed"));
}

/// A home of Windows in PowerShell and in bash leaves nothing in a lesson.
#[test]
fn a_windows_home_is_in_no_lesson() {
    let missing = "Exit code 254\nnpm error enoent Could not read package.json: Error: ENOENT";
    for (tool, line) in [
        ("PowerShell", r"Set-Location 'C:\Users\ana.smith\acme\backend'; npm test"),
        ("Bash", r"cd 'C:\Users\ana.smith\acme\backend' && npm test"),
    ] {
        let session = claude(&[
            user("s", "u0", json!("Run the tests")),
            shell("s", "c0", tool, "npm test"),
            result("s", "c0", missing, true),
            shell("s", "c1", tool, line),
            result("s", "c1", "ok", false),
        ]);
        let calls = session.calls();
        assert_eq!(
            calls.iter().map(|call| call.tool.as_str()).collect::<Vec<_>>(),
            ["shell", "shell"]
        );
        let found = lore_lessons::findings(&calls, &session.task);
        let keys: Vec<String> =
            lore_lessons::keys(&found).iter().map(ToString::to_string).collect();
        assert_eq!(keys.len(), 1, "{tool}: {found:?}");
        assert!(keys[0].contains("the package's directory"), "{keys:?}");
        assert!(!keys[0].contains("ana") && !keys[0].contains("acme"), "{keys:?}");
    }
}

/// Two names of a shell are one tool.
#[test]
fn two_names_of_a_shell_give_equal_calls() {
    let of = |tool: &str| {
        claude(&[
            shell("s", "c", tool, "cargo build"),
            result("s", "c", "Exit code 101\nerror", true),
        ])
        .calls()
    };
    assert_eq!(of("shell_command"), of("bash"));
}

/// The lines of a fork have the marks of the lines that they copy.
#[test]
fn a_forked_file_has_the_same_marks_and_one_root() {
    let file = |session: &str, more: bool| {
        let mut lines = vec![
            user(session, "u0", json!("Build the docs")),
            shell(session, "c0", "Bash", "make docs"),
            result(session, "c0", "ok", false),
        ];
        lines.extend(more.then(|| user(session, "u1", json!("And the index"))));
        lines.join("\n")
    };
    let one =
        read(Format::ClaudeCode, file("s-first", false).as_bytes()).unwrap().sessions.remove(0);
    let fork =
        read(Format::ClaudeCode, file("s-fork", true).as_bytes()).unwrap().sessions.remove(0);
    let marks = |found: &super::super::Found| {
        found.turns.iter().map(|turn| turn.mark.clone()).collect::<Vec<_>>()
    };
    assert_eq!(marks(&one), marks(&fork)[..2]);
    assert_eq!(fork.turns.len(), 3);
    let mut all = [one.session, fork.session];
    crate::conversation::unite(&mut all);
    assert_eq!(all[0].conversation(), all[1].conversation());
}

/// What was not allowed or not carried out, in the words of each harness.
#[test]
fn refusals_are_read_in_the_words_of_each_harness() {
    let of = |text: &str| {
        claude(&[shell("s", "c", "Bash", "rm pears"), result("s", "c", text, true)]).turns[0].calls
            [0]
        .clone()
    };
    let denied =
        of("The user doesn't want to proceed with this tool use. The tool use was rejected.");
    assert_eq!((denied.refusal, denied.failed, denied.exit), (Some(Refusal::Denied), false, None));
    let blocked = of(
        "ls in '/srv' was blocked. For security, Claude Code may only list files in the allowed directories.",
    );
    assert_eq!(blocked.refusal, Some(Refusal::Denied));
    let cancelled =
        of("<tool_use_error>Cancelled: parallel tool call Bash(x) errored</tool_use_error>");
    assert_eq!((cancelled.refusal, cancelled.failed), (Some(Refusal::Cancelled), false));
    let failed = of("Exit code 1\nThe user doesn't want to appear in a log");
    assert_eq!((failed.refusal, failed.failed, failed.exit), (None, true, Some(1)));
    let rollout = |output: &str| {
        let line = |kind: &str, payload: Value| {
            json!({"timestamp": "2026-03-02T09:00:00Z", "type": kind, "payload": payload})
                .to_string()
        };
        let file = [
            line("session_meta", json!({"id": "x"})),
            line(
                "response_item",
                json!({"type": "function_call", "name": "shell", "call_id": "k", "arguments":
                json!({"command": ["bash", "-lc", "git fetch"], "with_escalated_permissions": true, "timeout_ms": 9000}).to_string()}),
            ),
            line(
                "response_item",
                json!({"type": "function_call_output", "call_id": "k", "output": output}),
            ),
        ];
        sessions(Format::Codex, file.join("\n").as_bytes()).remove(0)
    };
    let session = rollout("exec command rejected by user");
    assert_eq!(session.turns[0].calls[0].refusal, Some(Refusal::Denied));
    let options = session.calls()[0].options.clone();
    assert_eq!((options.outside_sandbox, options.time_limit), (true, Some(9_000)));
    assert_eq!(
        rollout("aborted by user after 3.2s").turns[0].calls[0].refusal,
        Some(Refusal::Cancelled)
    );
}
