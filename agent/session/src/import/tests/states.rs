//! States of one conversation: which turns a later file repeats.
#![allow(clippy::unwrap_used)]

use super::super::{Format, Found, detect, read};

fn found(bytes: &[u8]) -> Found {
    read(detect(bytes).unwrap(), bytes).unwrap().sessions.remove(0)
}

/// The file without its last lines, as it was earlier.
fn earlier(text: &str, lines: usize) -> Vec<u8> {
    let all: Vec<&str> = text.lines().collect();
    (all[..all.len() - lines].join("\n") + "\n").into_bytes()
}

#[test]
fn a_session_that_went_on_repeats_the_marks_of_its_turns() {
    for text in [
        include_str!("../fixtures/equal/claude-code.jsonl"),
        include_str!("../fixtures/equal/codex.jsonl"),
        include_str!("../fixtures/equal/codex-2025.jsonl"),
        include_str!("../fixtures/equal/gemini-cli.jsonl"),
        include_str!("../fixtures/equal/copilot-cli.jsonl"),
        include_str!("../fixtures/equal/pi.jsonl"),
    ] {
        let (evening, morning) = (found(text.as_bytes()), found(&earlier(text, 2)));
        assert_eq!(morning.session.id, evening.session.id);
        let same = morning.turns.iter().zip(&evening.turns).take_while(|(m, e)| m.mark == e.mark);
        // The last turn of the morning may have been waiting for an answer.
        assert!(same.count() + 1 >= morning.turns.len(), "{}", morning.session.harness);
        let unique: std::collections::BTreeSet<&str> =
            evening.turns.iter().map(|turn| turn.mark.as_str()).collect();
        assert_eq!(unique.len(), evening.turns.len(), "{}", evening.session.harness);
    }
}

#[test]
fn an_answer_that_came_later_makes_another_turn() {
    let text = include_str!("../fixtures/equal/pi.jsonl");
    let (open, answered) = (found(&earlier(text, 2)), found(&earlier(text, 1)));
    let last = open.turns.len() - 1;
    assert_eq!(open.turns[..last], answered.turns[..last]);
    assert_ne!(open.turns[last].mark, answered.turns[last].mark);
}

#[test]
fn states_of_a_chat_without_a_name_cover_what_came_before() {
    let text = include_str!("../fixtures/equal/openai-chat.json");
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    let evening = read(Format::OpenAiChat, text.as_bytes()).unwrap().sessions.remove(0);
    value["messages"].as_array_mut().unwrap().truncate(6);
    let text = value.to_string();
    let morning = read(Format::OpenAiChat, text.as_bytes()).unwrap().sessions.remove(0);
    assert_ne!(morning.session.id, evening.session.id);
    let last = morning.turns.last().unwrap();
    assert!(last.kept && last.covers);
    let place = evening.turns.iter().position(|turn| turn.mark == last.mark);
    assert_eq!(place, Some(morning.turns.len() - 1));
    assert!(evening.turns[0].mark.is_empty(), "many chats begin alike");
}
