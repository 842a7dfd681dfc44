//! Bad input: long, cut, binary, pasted, of later versions.
#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Read, Seek, SeekFrom};

use serde_json::json;

use super::super::{Format, MAX_DOCUMENT_BYTES, Reader, detect, read};
use super::sessions;

/// A file of lines that are made while they are read.
struct Made<F> {
    line: F,
    lines: usize,
    at: usize,
    rest: Cursor<Vec<u8>>,
}

impl<F: Fn(usize) -> String> Made<F> {
    fn of(lines: usize, line: F) -> Self {
        Self { line, lines, at: 0, rest: Cursor::new(Vec::new()) }
    }
}

impl<F: Fn(usize) -> String> Read for Made<F> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let many = self.rest.read(to)?;
            if many > 0 || self.at == self.lines {
                return Ok(many);
            }
            self.rest = Cursor::new(((self.line)(self.at) + "\n").into_bytes());
            self.at += 1;
        }
    }
}

impl<F> Seek for Made<F> {
    fn seek(&mut self, _: SeekFrom) -> std::io::Result<u64> {
        (self.at, self.rest) = (0, Cursor::new(Vec::new()));
        Ok(0)
    }
}

/// Bytes that may be held at once: a bounded session, with what is read of one line.
const HELD_BYTES: usize = 8 << 20;

#[test]
fn a_session_of_64_megabytes_is_read_within_a_bound() {
    let body = "line of output\n".repeat(3500);
    let line = |at: usize| {
        match at {
        0 => json!({"type": "user", "uuid": "u0", "sessionId": "big", "message": {"content": "Build"}}).to_string(),
        at if at % 2 == 1 => json!({"type": "assistant", "uuid": format!("a{at}"), "sessionId": "big", "message":
            {"content": [{"type": "tool_use", "id": format!("t{at}"), "name": "Bash", "input": {"command": "make"}}]}})
        .to_string(),
        at => json!({"type": "user", "uuid": format!("r{at}"), "sessionId": "big", "message":
            {"content": [{"type": "tool_result", "tool_use_id": format!("t{}", at - 1), "content": body}]}})
        .to_string(),
    }
    };
    let mut reader = Reader::open(Made::of(2400, line), None).unwrap();
    assert_eq!(reader.format(), Format::ClaudeCode);
    let mut found = Vec::new();
    while let Some(part) = reader.next_part().unwrap() {
        found.extend(part.sessions);
    }
    assert_eq!(found.len(), 1);
    assert!(reader.peak_bytes() < HELD_BYTES, "{} bytes", reader.peak_bytes());
    let line = found[0].session.to_line();
    assert!(line.len() < 16 << 20, "{} bytes fit no message", line.len());
    assert!(found[0].session.calls().len() > 500);
}

#[test]
fn many_trajectories_in_one_file_are_given_out_one_by_one() {
    let line = |at: usize| {
        json!({"messages": [{"role": "user", "content": format!("task {at}")}, {"role": "assistant",
            "content": "x".repeat(60_000)}]})
        .to_string()
    };
    let mut reader = Reader::open(Made::of(1000, line), None).unwrap();
    let mut sessions = 0;
    while let Some(part) = reader.next_part().unwrap() {
        assert!(part.sessions.len() <= 1);
        sessions += part.sessions.len();
    }
    assert_eq!(sessions, 1000);
    assert!(reader.peak_bytes() < 1 << 20, "{} bytes", reader.peak_bytes());
}

#[test]
fn a_result_of_100_megabytes_is_cut_while_it_is_read() {
    let part = "\\u0000binary\\n".repeat(10_000);
    let line = |at: usize| match at {
        0 => json!({"type": "assistant", "uuid": "a", "sessionId": "s", "message": {"content": [
            {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "cat disk"}}]}})
        .to_string(),
        _ => format!(
            r#"{{"type":"user","uuid":"u","sessionId":"s","message":{{"content":[{{"type":"tool_result","tool_use_id":"t","content":"first{}last"}}]}}}}"#,
            part.repeat((100 << 20) / part.len())
        ),
    };
    let mut reader = Reader::open(Made::of(2, line), None).unwrap();
    let found = reader.next_part().unwrap().unwrap().sessions.remove(0);
    assert!(reader.peak_bytes() < 1 << 20, "{} bytes", reader.peak_bytes());
    let output = found.session.turns[0].calls[0].result.clone().unwrap();
    assert!(output.starts_with("first") && output.ends_with("last"), "{} bytes", output.len());
    assert!(!output.contains('\0') && output.len() < 40 << 10);
}

#[test]
fn half_a_line_at_the_end_is_said_and_costs_nothing_else() {
    for text in [
        &include_bytes!("../fixtures/equal/claude-code.jsonl")[..],
        include_bytes!("../fixtures/equal/codex.jsonl"),
        include_bytes!("../fixtures/equal/pi.jsonl"),
        include_bytes!("../fixtures/equal/copilot-cli.jsonl"),
        include_bytes!("../fixtures/equal/gemini-cli.jsonl"),
    ] {
        let format = detect(text).unwrap();
        let cut = &text[..text.len() - 30];
        let import = read(format, cut).unwrap();
        assert_eq!(import.sessions[0].session.calls().len(), 3, "{format}");
        assert_eq!(import.warnings.len(), 1, "{format}");
        assert!(import.warnings[0].reason.contains("still writes"), "{format}");
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    for text in [
        &include_bytes!("../fixtures/equal/codex.jsonl")[..],
        include_bytes!("../fixtures/equal/opencode.json"),
        include_bytes!("../fixtures/equal/specstory.md"),
        include_bytes!("../fixtures/equal/openai-chat.json"),
    ] {
        let text = std::str::from_utf8(text).unwrap();
        let format = detect(text.as_bytes()).unwrap();
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(detect(windows.as_bytes()), Some(format));
        let calls = |text: &str| sessions(format, text.as_bytes())[0].calls();
        assert_eq!(calls(&windows), calls(text), "{format}");
    }
}

#[test]
fn a_transcript_in_a_transcript_is_a_message() {
    let pasted = include_str!("../fixtures/equal/codex.jsonl");
    let markdown = "_**User**_\n\nDelete it\n\n<tool-use data-tool-type=\"shell\" data-tool-name=\"Bash\">`rm x`</tool-use>";
    let outer = [
        json!({"type": "user", "uuid": "u0", "sessionId": "s", "message": {"content": format!("Why?\n{pasted}\n{markdown}")}}),
        json!({"type": "assistant", "uuid": "a0", "sessionId": "s", "message": {"content": [{"type": "text", "text": pasted}]}}),
    ];
    let outer = outer.map(|line| line.to_string()).join("\n");
    assert_eq!(detect(outer.as_bytes()), Some(Format::ClaudeCode));
    let all = sessions(Format::ClaudeCode, outer.as_bytes());
    assert_eq!((all.len(), all[0].calls().len(), all[0].turns.len()), (1, 0, 2));
    let story = format!(
        "<!-- Generated by SpecStory, Markdown v2.1.0 -->\n\n_**User**_\n\nWhy?\n\n```text\n{markdown}\n```\n\n_**Agent**_\n\nSo.\n"
    );
    let all = sessions(Format::SpecStory, story.as_bytes());
    assert_eq!((all.len(), all[0].calls().len(), all[0].turns.len()), (1, 0, 2));
}

#[test]
fn a_later_version_is_a_note() {
    let own = r#"{"version":99,"turns":[],"new":1}"#;
    let atif = r#"{"schema_version":"ATIF-v2.0","steps":[]}"#;
    for (format, text) in [(Format::Lore, own), (Format::Atif, atif)] {
        assert_eq!(detect(text.as_bytes()), Some(format));
        let error = read(format, text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("later format"), "{error}");
    }
    let later = r#"{"timestamp":"2027-01-01T00:00:00Z","type":"response_item","payload":{"type":"thought_block","x":1}}"#;
    let file = format!("{}{later}\n", include_str!("../fixtures/equal/codex.jsonl"));
    let import = read(Format::Codex, file.as_bytes()).unwrap();
    assert_eq!((import.sessions.len(), import.warnings.len()), (1, 0));
}

#[test]
fn a_document_that_is_too_large_says_what_to_do() {
    let line = |at: usize| match at {
        0 => "[".to_owned(),
        at => format!("[{}],", "7,".repeat(at % 2 + (MAX_DOCUMENT_BYTES >> 6)) + "7"),
    };
    let error = Reader::open(Made::of(80, line), Some(Format::OpenAiChat)).err().unwrap();
    assert!(error.to_string().contains("one trajectory a line"), "{error}");
}
