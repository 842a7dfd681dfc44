//! Files of sessions: every importer, and what is mined from what they give.

use lore_protocol::steps::Steps;
use lore_session::Session;
use lore_session::import::{Format, detect, read};

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../agent/session/src/import/fixtures/equal/", $name)).as_slice())),*]
    };
}

/// What each program writes of the same three commands.
const FIXTURES: [(&str, &[u8]); 18] = fixtures![
    "atif.json",
    "claude-code.jsonl",
    "codex-2025.jsonl",
    "codex-first.json",
    "codex.jsonl",
    "copilot-cli.jsonl",
    "gemini-cli-2025.json",
    "gemini-cli.jsonl",
    "mini-swe-agent-1.traj.json",
    "mini-swe-agent.traj.json",
    "ml-intern.json",
    "openai-chat.json",
    "opencode.json",
    "pi.jsonl",
    "qwen-code.jsonl",
    "skillclaw.jsonl",
    "specstory.md",
    "swe-agent.traj",
];

/// First byte: the format that a person names, or none. The rest: the file.
pub(crate) fn run(bytes: &[u8]) {
    let Some((first, file)) = bytes.split_first() else { return };
    let told = detect(file);
    let named = Format::ALL.get(usize::from(*first)).copied();
    let Some(format) = named.or(told) else { return };
    let Ok(import) = read(format, file) else { return };
    let again = read(format, file).expect("the same file is read again");
    assert_eq!(again.sessions, import.sessions, "in the same way");
    for found in &import.sessions {
        assert_eq!(found.turns.len(), found.session.turns.len(), "one fact a turn");
        let line = found.session.to_line();
        let back = Session::from_line(&line, 1).expect("what was written is read");
        assert_eq!(back, found.session);
        let _ = lore_session::redact::session(&found.session);
        let calls = found.session.calls();
        let _ = lore_lessons::findings_within(&calls, &found.session.task, &Steps::of_a_session());
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let none = u8::MAX;
    let mut all: Vec<(String, Vec<u8>)> = FIXTURES
        .iter()
        .map(|(name, bytes)| ((*name).replace('.', "-"), [&[none][..], bytes].concat()))
        .collect();
    let (_, bytes) = FIXTURES[1];
    let import = read(Format::ClaudeCode, bytes).expect("a fixture");
    let own: Vec<String> = import.sessions.iter().map(|found| found.session.to_line()).collect();
    all.push(("lore".into(), [&[none], own.join("\n").as_bytes(), b"\n"].concat()));
    all
}
