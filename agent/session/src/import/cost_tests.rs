//! The cost of reading a file: steps that are counted, so much for each byte at most.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Most steps of one byte of a file: it is parsed, copied, and looked through for skills and for the
/// words of a content user.
const STEPS_A_BYTE: u64 = 40;

fn cost(format: Format, bytes: &[u8]) -> u64 {
    let Ok(mut reader) = Reader::open(Cursor::new(bytes), Some(format)) else { return 0 };
    while let Ok(Some(_)) = reader.next_part() {}
    reader.steps()
}

fn chat(calls: usize, answers: usize, names: usize, body: &str) -> String {
    let call = |at: usize| {
        json!({"role": "assistant", "tool_calls": [{"function":
            {"name": format!("t{}", at % names), "arguments": {"path": body}}}]})
    };
    let answer = |at: usize| {
        let name = format!("t{}", names - 1 + at % 2);
        json!({"role": "tool", "name": name, "content": body})
    };
    let mut list = vec![json!({"role": "user", "content": body})];
    list.extend((0..calls).map(call));
    list.extend((0..answers).map(answer));
    Value::from(list).to_string()
}

/// Entries in a row, every one of them after the first a child of the one before.
fn chain(entries: usize, first: &str, session: &str, side: bool, body: &str) -> String {
    let name = |at: usize| if at == 0 { first.to_owned() } else { format!("e{at}") };
    let line = |at: usize| {
        let parent = at.checked_sub(1).map(name);
        json!({"type": if at.is_multiple_of(2) { "user" } else { "assistant" }, "uuid": name(at),
            "parentUuid": parent, "sessionId": session, "isSidechain": side,
            "message": {"id": format!("m{at}"), "content": [
                {"type": "tool_use", "id": format!("c{at}"), "name": "Skill", "input": {"skill": format!("s{at}")}},
                {"type": "tool_result", "tool_use_id": format!("c{}", at.saturating_sub(1)), "content": body},
                {"type": "text", "text": body}]}})
        .to_string()
    };
    (0..entries).map(line).collect::<Vec<_>>().join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn reading_costs_so_much_for_each_byte(
        (calls, answers, names) in (1_usize..400, 1_usize..400, 1_usize..3),
        (entries, side) in (1_usize..400, any::<bool>()),
        part in proptest::sample::select(vec!["a", "---\n", "x/SKILL.md ", "\u{2019}", "great ", "\\\""]),
        (times, long) in (1_usize..300, 1_usize..40_000),
    ) {
        let body = part.repeat(times);
        let (first, session) = ("r".repeat(long), "s".repeat(long % 50 + 1));
        let chat = chat(calls, answers, names, &body);
        let chain = chain(entries, &first, &session, side, &body);
        let mut files = vec![(Format::OpenAiChat, chat), (Format::ClaudeCode, chain)];
        let sessions = read(Format::ClaudeCode, files[1].1.as_bytes()).unwrap().sessions;
        let own: Vec<String> = sessions.iter().map(|found| found.session.to_line()).collect();
        files.push((Format::Lore, own.join("\n")));
        for (format, file) in files {
            let (steps, bytes) = (cost(format, file.as_bytes()), file.len() as u64);
            prop_assert!(steps <= STEPS_A_BYTE * bytes, "{format}: {steps} steps for {bytes} bytes");
        }
    }
}

#[test]
fn a_long_name_of_an_entry_is_not_copied_for_each_entry_that_follows_it() {
    let long = "r".repeat(1 << 20);
    let (short, file) = (chain(200, "r", "s", true, "x"), chain(200, &long, "s", true, "x"));
    let more =
        cost(Format::ClaudeCode, file.as_bytes()) - cost(Format::ClaudeCode, short.as_bytes());
    assert!(more < 16 << 20, "{more} steps more for one name of a mebibyte");
}
