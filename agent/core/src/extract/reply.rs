//! From a model's answer to proposals.

use lore_protocol::lesson::{MAX_PROPOSALS, Proposal};
use serde::Deserialize as _;
use serde_json::Value;

/// Bytes of an answer that are looked at: eight proposals are well below.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// Places that are tried: a text of brackets alone would take time quadratic in its length.
const MAX_STARTS: usize = 64;

/// The proposals of an answer: those of the first JSON object with a list `lessons`, or of the first
/// JSON list, whatever stands around. None when there is neither. A proposal that cannot be read is left
/// out; the rest counts.
pub(super) fn proposals(answer: &str) -> Option<Vec<Proposal>> {
    let mut end = answer.len().min(MAX_ANSWER_BYTES);
    while !answer.is_char_boundary(end) {
        end -= 1;
    }
    let answer = &answer[..end];
    let starts = answer.match_indices(['{', '[']).map(|(at, _)| at).take(MAX_STARTS);
    let list = starts.into_iter().find_map(|at| list(&answer[at..]))?;
    let read = |value: &Value| Proposal::deserialize(value).ok();
    Some(list.iter().take(MAX_PROPOSALS).filter_map(read).collect())
}

fn list(text: &str) -> Option<Vec<Value>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let list = match values.next()?.ok()? {
        Value::Object(mut map) => map.remove("lessons")?,
        other => other,
    };
    match list {
        // A list of something else, such as a `[1]` in running text, is none of proposals.
        Value::Array(list) if list.is_empty() || list.iter().any(Value::is_object) => Some(list),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn texts(answer: &str) -> Option<Vec<String>> {
        Some(proposals(answer)?.into_iter().map(|proposal| proposal.text).collect())
    }

    #[test]
    fn a_list_is_found_whatever_stands_around_it() {
        let list = r#"[{"kind":"example","text":"a"},{"kind":"add_flag","text":"-b"}]"#;
        for answer in [
            list.to_owned(),
            format!("{{\"lessons\": {list}}}"),
            format!(
                "Sure! Here {{you}} go:\n```json\n{{\"lessons\": {list}}}\n```\nAnything else?"
            ),
        ] {
            assert_eq!(texts(&answer).unwrap(), ["a", "-b"], "{answer}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let answer =
            r#"[{"kind":"sing","text":"a"}, 7, {"kind":"example"}, {"kind":"example","text":"b"}]"#;
        assert_eq!(texts(answer).unwrap(), ["b"]);
        for none in ["", "I found nothing.", "{\"lessons\": 7}", "See [1].", "[[[[", "{\"lesson"] {
            assert!(texts(none).is_none_or(|list| list.is_empty()), "{none}");
        }
    }

    #[test]
    fn a_huge_answer_takes_bounded_work() {
        assert_eq!(texts(&"[".repeat(50 << 20)), None);
        assert_eq!(texts(&"{\"".repeat(20 << 20)), None);
    }
}
