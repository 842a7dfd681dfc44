//! Sizes that a session may have, and how what is longer is cut.
//!
//! Lessons look at the beginning and the end of an output; what lies between is kept while there is room,
//! for the person who reads the session.

use std::borrow::Cow;

use lore_lessons::{beginning, end};
use serde_json::Value;

/// Bytes of all that a session holds. A session of that size fits one message of the control socket.
pub(super) const SESSION_BYTES: usize = 6 << 20;
/// Bytes from which on texts and outputs are kept short.
const SHORT_FROM_BYTES: usize = 4 << 20;
/// Bytes of an output's beginning and of its end, and the same once a session is long.
const OUTPUT: (usize, usize) = (8 << 10, 24 << 10);
const OUTPUT_SHORT: (usize, usize) = (1 << 10, 3 << 10);
/// The same of what was said.
const TEXT: (usize, usize) = (128 << 10, 128 << 10);
const TEXT_SHORT: (usize, usize) = (2 << 10, 2 << 10);
/// Bytes of a call's arguments, and of one text in arguments that are longer.
const ARGUMENTS_BYTES: usize = 1 << 20;
const ARGUMENT_BYTES: usize = 4 << 10;
/// Bytes that an entry is counted with beside its text.
pub(super) const OVERHEAD_BYTES: usize = 32;
/// Between the beginning and the end of what was cut.
const MARK: &str = "\n[... left out ...]\n";

fn both_ends(text: &str, (first, last): (usize, usize)) -> Option<String> {
    (text.len() > first + last + MARK.len())
        .then(|| format!("{}{MARK}{}", beginning(text, first), end(text, last)))
}

/// A text of a turn, in a session that holds so many bytes.
pub(super) fn text(text: String, held_bytes: usize) -> String {
    let sizes = if held_bytes > SHORT_FROM_BYTES { TEXT_SHORT } else { TEXT };
    both_ends(&text, sizes).unwrap_or(text)
}

/// An output, likewise, without what only a terminal or a machine reads.
pub(super) fn output(text: &str, held_bytes: usize) -> String {
    let sizes = if held_bytes > SHORT_FROM_BYTES { OUTPUT_SHORT } else { OUTPUT };
    let text = printable(text);
    both_ends(&text, sizes).unwrap_or_else(|| text.into_owned())
}

/// Arguments, and about how many bytes they are.
pub(super) fn arguments(mut value: Value) -> (Value, usize) {
    let bytes = size(&value);
    if bytes <= ARGUMENTS_BYTES {
        return (value, bytes);
    }
    shorten(&mut value);
    let bytes = size(&value);
    if bytes <= ARGUMENTS_BYTES { (value, bytes) } else { (Value::Null, 0) }
}

/// Bytes of the texts of a value, with something for each of its parts. The depth is that of parsed JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 8,
        Value::Array(items) => 8 + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => {
            8 + fields.iter().map(|(key, field)| key.len() + size(field)).sum::<usize>()
        }
        _ => 8,
    }
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > ARGUMENT_BYTES => {
            let half = ARGUMENT_BYTES / 2;
            if let Some(short) = both_ends(text, (half, half)) {
                *text = short;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

/// A text without colours and other sequences for a terminal, and without control characters but line
/// breaks and tabs. Binary output becomes short that way, and no part of it moves a terminal that shows it.
fn printable(text: &str) -> Cow<'_, str> {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                // Parameters, then one letter.
                Some('[') => while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {},
                // A title or a link, up to a bell or the end of the string.
                Some(']') => {
                    while chars.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n')).is_some() {}
                    continue;
                }
                _ => continue,
            },
            // A line that was written over: what is seen last counts.
            '\r' => {
                if chars.peek().is_some_and(|next| *next != '\n') {
                    out.push('\n');
                }
                continue;
            }
            c if odd(c) => continue,
            c => {
                out.push(c);
                continue;
            }
        }
        chars.next_if(|c| matches!(c, '@'..='~'));
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_binary_bytes_are_left_out() {
        let text = "\u{1b}[1;31merror\u{1b}[0m: x\r\n\u{1b}]0;title\u{7}a\u{0}\u{1}b\rc\tä";
        assert_eq!(printable(text), "error: x\na\u{0}b\nc\tä".replace('\u{0}', ""));
        assert!(matches!(printable("plain\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_long_output_keeps_both_ends_and_less_of_it_in_a_long_session() {
        let long = format!("begin{}end", "x".repeat(1 << 20));
        for (held, most) in [(0, 33 << 10), (SHORT_FROM_BYTES + 1, 5 << 10)] {
            let short = output(&long, held);
            assert!(short.starts_with("beginx") && short.ends_with("xend"));
            assert!(short.len() < most, "{}", short.len());
        }
    }
}
