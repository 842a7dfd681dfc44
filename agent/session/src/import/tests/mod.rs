#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use lore_protocol::ids::{RevisionId, SkillId};
use lore_protocol::trace::Outcome;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Role, Session, Source, TokenUse};

mod cases;
mod equal;
mod hostile;
mod states;

/// The sessions of a file.
fn sessions(format: Format, bytes: &[u8]) -> Vec<Session> {
    read(format, bytes).unwrap().sessions.into_iter().map(|found| found.session).collect()
}

const CLAUDE: &[u8] = include_bytes!("../fixtures/claude.jsonl");
const TRAJECTORIES: &[u8] = include_bytes!("../fixtures/trajectories.json");

#[test]
fn every_format_is_recognised_by_its_content() {
    let own = sessions(Format::OpenAiChat, TRAJECTORIES)[0].to_line();
    assert_eq!(detect(own.as_bytes()), Some(Format::Lore));
    assert_eq!(detect(CLAUDE), Some(Format::ClaudeCode));
    assert_eq!(detect(TRAJECTORIES), Some(Format::OpenAiChat));
    assert_eq!(detect(br#"[{"role": "user", "content": "x"}]"#), Some(Format::OpenAiChat));
    assert_eq!(detect(b"{\"messages\": [{\"role\": \"user\"}]}\n{}"), Some(Format::OpenAiChat));
    for other in ["", "\n", "words", "{}", "[]", "[1]", "{\"type\": \"x\"}", "\u{feff}"] {
        assert_eq!(detect(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn a_claude_code_file_gives_the_session_and_its_side_chain() {
    let import = read(Format::ClaudeCode, CLAUDE).unwrap();
    assert_eq!(import.sessions.len(), 2);
    let session = &import.sessions[0].session;
    assert_eq!(session.id, "claude-code-5e55-0001");
    assert_eq!(session.harness, "claude-code");
    assert_eq!(session.model.as_deref(), Some("some-model-1"));
    assert_eq!(session.started.text, "2026-01-05T10:00:01Z");
    assert_eq!(session.task, "Ping the status service and write its answer to out.txt");
    let roles: Vec<Role> = session.turns.iter().map(|turn| turn.role).collect();
    let [system, user, assistant] = [Role::System, Role::User, Role::Assistant];
    let expected = [system, user, assistant, assistant, assistant, assistant, assistant, user];
    assert_eq!(roles, expected);
    // The three lines of the first message are one turn with the last count.
    assert_eq!(session.turns[2].text, "I will look at the skill first.");
    assert_eq!(session.turns[2].tokens, Some(TokenUse { input: 115, cached: 100, output: 7 }));
    let side = &import.sessions[1].session;
    assert_eq!(
        (side.id.as_str(), side.task.as_str()),
        ("claude-code-5e55-0001-u12", "Check out.txt")
    );
    assert_eq!(side.trace().calls[0].input, "cat out.txt");
}

/// A conversation of Claude Code with side chains, as one file.
fn with_side_chains(session: &str, chains: usize) -> String {
    let line = |uuid: &str, parent: Option<&str>, side: bool, role: &str, said: &str| {
        json!({"type": role, "uuid": uuid, "parentUuid": parent, "sessionId": session,
            "isSidechain": side, "message": {"role": role, "content": said}})
        .to_string()
    };
    let mut lines = vec![line("m0", None, false, "user", "Do it")];
    for at in 0..chains {
        let (ask, answer) = (format!("s{at}"), format!("t{at}"));
        lines.push(line(&ask, None, true, "user", "Look"));
        lines.push(line(&answer, Some(&ask), true, "assistant", "Done."));
    }
    lines.push(line("m1", Some("m0"), false, "assistant", "All done."));
    lines.join("\n")
}

#[test]
fn a_conversation_with_thirty_side_chains_has_one_root() {
    let all = sessions(Format::ClaudeCode, with_side_chains("c", 30).as_bytes());
    let roots: BTreeSet<&str> = all.iter().map(Session::conversation).collect();
    assert_eq!((all.len(), roots), (31, BTreeSet::from(["claude-code-c"])));
    let alone = sessions(Format::ClaudeCode, with_side_chains("c", 0).as_bytes());
    assert_eq!((alone[0].root.as_deref(), alone[0].conversation()), (None, "claude-code-c"));
}

#[test]
fn files_of_one_conversation_share_marks_and_other_files_do_not() {
    let entry = |uuid: &str, parent: &str, session: &str| {
        json!({"type": "user", "uuid": uuid, "parentUuid": parent, "sessionId": session,
            "message": {"content": "x"}})
        .to_string()
    };
    let summary = json!({"type": "summary", "leafUuid": "m1"}).to_string();
    let agent = json!({"type": "user", "uuid": "g0", "sessionId": "c", "agentId": "7",
        "isSidechain": true, "message": {"content": "x"}})
    .to_string();
    let forked = json!({"type": "user", "uuid": "f0", "sessionId": "f",
        "forkedFrom": {"sessionId": "c"}, "message": {"content": "x"}})
    .to_string();
    let files = [
        with_side_chains("c", 2),
        // Resumed with copied lines, forked, gone on after an entry or a summary, and a side chain's file.
        with_side_chains("d", 0),
        forked,
        entry("n0", "m1", "e"),
        format!("{summary}\n{}", entry("n1", "n", "h")),
        agent,
        // Another conversation.
        entry("o0", "o", "o"),
    ];
    let mut all = Vec::new();
    for file in &files {
        all.extend(sessions(Format::ClaudeCode, file.as_bytes()));
    }
    crate::conversation::unite(&mut all);
    let roots: BTreeSet<&str> = all.iter().map(crate::Session::conversation).collect();
    assert_eq!(all.len(), 9);
    assert_eq!(roots, BTreeSet::from(["claude-code-c", "claude-code-o"]));
}

#[test]
fn calls_of_claude_code_carry_results_errors_and_exit_statuses() {
    let import = read(Format::ClaudeCode, CLAUDE).unwrap();
    let trace = import.sessions[0].session.trace();
    let failed: Vec<bool> = trace.calls.iter().map(|call| call.failed).collect();
    assert_eq!(failed, [false, true, false, false]);
    assert_eq!(trace.calls[1].input, "curl -sf localhost:80/status > out.txt");
    assert_eq!(trace.calls[1].exit, Some(7));
    assert_eq!(trace.calls[2].output, "", "the copy of a resumed session is not read");
    assert_eq!(import.sessions[0].session.turns[4].calls[0].duration_ms, Some(42));
    assert_eq!(trace.outcome, Outcome::Success);
    assert_eq!(import.sessions[0].session.outcome.source, Source::Rules);
}

#[test]
fn a_skill_that_was_opened_is_named_with_the_ids_it_carries() {
    let import = read(Format::ClaudeCode, CLAUDE).unwrap();
    let used = &import.sessions[0].session.skills_read;
    assert_eq!(used.len(), 1);
    assert_eq!(used[0].name, "ping-port");
    assert_eq!(used[0].skill, Some(SkillId([0xab; 32])));
    assert_eq!(used[0].revision, Some(RevisionId([0xcd; 32])));
    assert!(import.sessions[1].session.skills_read.is_empty());
}

#[test]
fn unreadable_lines_are_named_and_cost_only_themselves() {
    let import = read(Format::ClaudeCode, CLAUDE).unwrap();
    let said: Vec<String> = import.warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "line 8: not JSON; skipped",
        "line 9: not a JSON object; skipped",
        "line 10: no `message`; skipped",
        "line 23: a tool result without its call; skipped",
    ];
    assert_eq!(said, expected);
}

#[test]
fn trajectories_keep_calls_results_and_reward() {
    let import = read(Format::OpenAiChat, TRAJECTORIES).unwrap();
    assert_eq!(import.sessions.len(), 3);
    let first = &import.sessions[0].session;
    assert_eq!(
        (first.task.as_str(), first.started.unix_seconds),
        ("Cancel booking 7", 1_767_607_200)
    );
    assert_eq!((first.outcome.verdict, first.outcome.source), (Outcome::Success, Source::Reward));
    let calls = &first.turns[2].calls;
    assert_eq!((&calls[0].arguments, &calls[1].arguments), (&json!({"id": 7}), &json!({"id": 7})));
    assert_eq!((calls[0].failed, calls[1].failed), (false, true), "results came in another order");
    assert_eq!(first.turns[2].tokens, Some(TokenUse { input: 30, cached: 20, output: 4 }));
    assert_eq!(first.turns[3].text, "I cannot.\nSorry.");
    let second = &import.sessions[1].session;
    assert_eq!(second.outcome.verdict, Outcome::Failure, "part of a reward is no success");
    assert_eq!(second.turns[1].calls[0].arguments, json!("not json"));
    assert!(second.turns[1].calls[0].failed);
    let places: Vec<Place> = import.warnings.iter().map(|warning| warning.place).collect();
    assert_eq!(places, [2, 2, 2, 2, 3, 4, 5].map(Place::Item), "{:?}", import.warnings);
}

#[test]
fn one_list_one_object_and_one_a_line_are_the_same_session() {
    let list = r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#;
    let object = format!("{{\"messages\":{list}}}");
    let by_line = format!("{object}\n\nbroken\n{{\"reward\":1,\"messages\":{list}}}\n");
    for (text, count) in [(list.to_owned(), 1), (object, 1), (by_line, 2)] {
        let import = read(Format::OpenAiChat, text.as_bytes()).unwrap();
        assert_eq!(import.sessions.len(), count);
        assert!(
            import
                .sessions
                .iter()
                .map(|found| &found.session)
                .all(|session| session.task == "a" && session.turns.len() == 2)
        );
        assert_eq!(import.warnings.len(), count - 1);
    }
}

#[test]
fn an_id_that_is_used_again_after_its_answer_names_a_new_call() {
    let call = |tool: &str| json!({"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": tool, "arguments": "{}"}}]});
    let answer = |text: &str| json!({"role": "tool", "tool_call_id": "c", "content": text});
    let list =
        json!([call("a"), answer("1"), call("b"), answer("2"), answer("3"), call("d"), call("e")]);
    let import = read(Format::OpenAiChat, list.to_string().as_bytes()).unwrap();
    let trace = import.sessions[0].session.trace();
    let calls: Vec<(&str, &str)> =
        trace.calls.iter().map(|call| (call.tool.as_str(), call.output.as_str())).collect();
    assert_eq!(calls, [("a", "1"), ("b", "2")]);
    let said: Vec<&str> = import.warnings.iter().map(|warning| warning.reason).collect();
    let expected = [
        "a tool result without its call; skipped",
        "a call whose id still waits for a result; skipped",
    ];
    assert_eq!(said, expected);
}

#[test]
fn importing_twice_gives_the_same_ids() {
    for (format, bytes) in [(Format::ClaudeCode, CLAUDE), (Format::OpenAiChat, TRAJECTORIES)] {
        assert_eq!(sessions(format, bytes), sessions(format, bytes));
    }
}

#[test]
fn own_sessions_come_back_whole_and_a_later_format_is_skipped() {
    let all = sessions(Format::ClaudeCode, CLAUDE);
    let lines: Vec<String> = all.iter().map(crate::Session::to_line).collect();
    let text = format!("{}\n{{\"version\":99,\"turns\":[]}}\nbroken\n{}\n", lines[0], lines[1]);
    let import = read(Format::Lore, text.as_bytes()).unwrap();
    assert_eq!(sessions(Format::Lore, text.as_bytes()), all);
    assert_eq!(import.warnings.len(), 2);
}

#[test]
fn an_unreadable_file_is_one_error_that_says_what_to_do() {
    let error = |format, text: &str| read(format, text.as_bytes()).unwrap_err();
    assert_eq!(error(Format::ClaudeCode, " \n"), ImportError::Empty);
    assert!(matches!(
        error(Format::OpenAiChat, "[{\"role\": \"user\",\n \"content\": \"sec"),
        ImportError::NotJson { line: 2, .. }
    ));
    let none = error(Format::ClaudeCode, "binary\n{}");
    assert!(none.to_string().contains("first: line 1: not JSON"), "{none}");
    assert!(matches!(error(Format::Lore, "{}"), ImportError::NoSessions { skipped: 1, .. }));
}

#[test]
fn nothing_that_is_said_quotes_a_session() {
    let secret = "sk-canary";
    let texts = [
        format!(
            "{{\"type\":\"user\",\"uuid\":\"u\",\"sessionId\":\"s\",\"message\":{{\"content\":{{\"{secret}\":1}}}}}}"
        ),
        format!("[{{\"role\":\"{secret}\",\"content\":\"{secret}\"}}]"),
        format!("{{\"version\":1,\"turns\":[],\"{secret}\":\"{secret}\"}}"),
        format!("[{{\"role\":\"user\",\"content\":\"{secret}\"}},{{\"role\":\"{secret}\"}}]"),
        format!("{{\"{secret}"),
    ];
    for text in &texts {
        for format in Format::ALL {
            let said = match read(format, text.as_bytes()) {
                Ok(import) => format!("{import:?} {:?}", import.warnings),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!said.contains("canary"), "{said}");
        }
    }
}

/// Real trajectories, where the data is: `LORE_DATA`, else `shared/data` beside the repository.
#[test]
fn real_trajectories_are_read_with_their_published_success_rate() {
    let beside = || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into();
    let folder = std::env::var_os("LORE_DATA").unwrap_or_else(beside);
    let path = std::path::Path::new(&folder).join("tau-bench/gpt-4o-airline.json");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {} is not there; set LORE_DATA to the data folder", path.display());
        return;
    };
    assert_eq!(detect(&bytes), Some(Format::OpenAiChat));
    let import = read(Format::OpenAiChat, &bytes).unwrap();
    assert!(import.warnings.is_empty(), "{:?}", import.warnings.first());
    assert_eq!(import.sessions.len(), 200);
    let won =
        import.sessions.iter().filter(|s| s.session.outcome.verdict == Outcome::Success).count();
    assert_eq!(won, 84);
    let calls: usize = import.sessions.iter().map(|found| found.session.trace().calls.len()).sum();
    assert_eq!(calls, 1164, "every tool message answers a call");
}

proptest! {
    #[test]
    fn reading_never_panics_on_bytes(bytes: Vec<u8>) {
        let _ = detect(&bytes);
        for format in Format::ALL {
            let _ = read(format, &bytes);
        }
    }

    #[test]
    fn reading_never_panics_on_files_that_are_cut_and_spliced(
        cut in 0..CLAUDE.len(),
        from in 0..CLAUDE.len(),
        tail in 0..TRAJECTORIES.len(),
    ) {
        let text = [&CLAUDE[..cut], &CLAUDE[from..], &TRAJECTORIES[tail..]].concat();
        for format in Format::ALL {
            let _ = read(format, &text);
        }
        for format in Format::ALL {
            let _ = read(format, &TRAJECTORIES[tail..]);
        }
    }
}
