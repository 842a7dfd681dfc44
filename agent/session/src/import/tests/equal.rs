//! Equal work gives equal calls, in whatever format it was recorded: the same three commands, of which the first failed.
//! The fixtures are of our own making, in the shapes that the programs wrote.
#![allow(clippy::unwrap_used)]

use lore_lessons::Call;

use super::super::{Format, detect, read};

/// Every fixture, and whether its format says how a command ended.
const FIXTURES: [(Format, &[u8], bool); 18] = [
    (Format::ClaudeCode, include_bytes!("../fixtures/equal/claude-code.jsonl"), true),
    (Format::Codex, include_bytes!("../fixtures/equal/codex.jsonl"), true),
    (Format::Codex, include_bytes!("../fixtures/equal/codex-2025.jsonl"), true),
    (Format::Codex, include_bytes!("../fixtures/equal/codex-first.json"), true),
    (Format::OpenCode, include_bytes!("../fixtures/equal/opencode.json"), true),
    (Format::GeminiCli, include_bytes!("../fixtures/equal/gemini-cli.jsonl"), true),
    (Format::GeminiCli, include_bytes!("../fixtures/equal/gemini-cli-2025.json"), true),
    (Format::CopilotCli, include_bytes!("../fixtures/equal/copilot-cli.jsonl"), true),
    (Format::Pi, include_bytes!("../fixtures/equal/pi.jsonl"), true),
    (Format::QwenCode, include_bytes!("../fixtures/equal/qwen-code.jsonl"), true),
    (Format::SpecStory, include_bytes!("../fixtures/equal/specstory.md"), false),
    (Format::SweAgent, include_bytes!("../fixtures/equal/swe-agent.traj"), false),
    (Format::MiniSweAgent, include_bytes!("../fixtures/equal/mini-swe-agent.traj.json"), true),
    (Format::MiniSweAgent, include_bytes!("../fixtures/equal/mini-swe-agent-1.traj.json"), true),
    (Format::Atif, include_bytes!("../fixtures/equal/atif.json"), true),
    (Format::OpenAiChat, include_bytes!("../fixtures/equal/openai-chat.json"), true),
    (Format::SkillClaw, include_bytes!("../fixtures/equal/skillclaw.jsonl"), true),
    (Format::MlIntern, include_bytes!("../fixtures/equal/ml-intern.json"), false),
];

fn call(command: &str, output: &str, exit: i32) -> Call {
    Call {
        tool: "shell".into(),
        command: Some(command.into()),
        exit: Some(exit),
        failed: exit != 0,
        output: Some(output.into()),
        ..Call::default()
    }
}

#[test]
fn equal_work_in_every_format_gives_equal_calls() {
    let expected = [
        call("wc -l pear.txt", "wc: pear.txt: No such file or directory", 1),
        call("wc -l pears.txt", "7 pears.txt", 0),
        call("touch counted", "", 0),
    ];
    let mut formats = std::collections::BTreeSet::from([Format::Lore]);
    for (format, bytes, says_status) in FIXTURES {
        formats.insert(format);
        assert_eq!(detect(bytes), Some(format), "{format}");
        let import = read(format, bytes).unwrap();
        assert!(import.warnings.is_empty(), "{format}: {:?}", import.warnings);
        assert_eq!(import.sessions.len(), 1, "{format}");
        let session = &import.sessions[0].session;
        assert_eq!(session.task, "Count the pears", "{format}");
        let mut calls = session.calls();
        if !says_status {
            for (call, expected) in calls.iter_mut().zip(&expected) {
                assert!(call.exit.is_none(), "{format} says a status now: compare it");
                (call.exit, call.failed) = (expected.exit, expected.failed);
            }
        }
        assert_eq!(calls, expected, "{format}");
        // What was imported comes back whole from the own format.
        let line = session.to_line();
        let own = read(Format::Lore, line.as_bytes()).unwrap();
        assert_eq!(own.sessions[0].session.calls(), session.calls(), "{format}");
        assert_eq!(import.sessions[0].turns.len(), session.turns.len(), "{format}");
    }
    assert_eq!(formats.len(), Format::ALL.len(), "a format without a fixture");
}
