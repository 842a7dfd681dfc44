//! Output that may be endless, of which the beginning and the end are kept.

use std::collections::VecDeque;
use std::sync::LazyLock;

use regex::Regex;

/// Sequences by which text commands a terminal (ECMA-48): CSI, OSC and the other strings, two-byte ones.
static CONTROL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]")
        .ok()
});

/// The first and the last bytes of a stream.
#[derive(Debug)]
pub(super) struct Excerpt {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_bytes: usize,
    tail_bytes: usize,
    total: u64,
}

impl Excerpt {
    /// Keeps `head_bytes` of the beginning and `tail_bytes` of the end.
    pub(super) fn new(head_bytes: usize, tail_bytes: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), head_bytes, tail_bytes, total: 0 }
    }

    /// Takes more of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.head_bytes.saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        // Only the end of what is longer than the tail can stay.
        let rest = &rest[rest.len().saturating_sub(self.tail_bytes)..];
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.tail_bytes);
        self.tail.drain(..surplus);
    }

    /// The number of bytes that are neither in the beginning nor in the end.
    pub(super) fn omitted_bytes(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// The kept parts as text that is harmless on a terminal, with a remark where something is missing.
    pub(super) fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        match self.omitted_bytes() {
            0 => {
                let mut all = self.head.clone();
                all.extend(tail);
                plain(&all)
            }
            omitted => {
                format!(
                    "{}\n[... {omitted} bytes omitted ...]\n{}",
                    plain(&self.head),
                    plain(&tail)
                )
            }
        }
    }
}

/// Bytes as text without anything that commands a terminal. Invalid UTF-8 becomes U+FFFD.
pub fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = match &*CONTROL {
        Some(control) => control.replace_all(&text, ""),
        None => text,
    };
    text.replace("\r\n", "\n")
        .chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_stay_and_the_gap_is_counted() {
        let mut excerpt = Excerpt::new(4, 3);
        for chunk in [&b"ab"[..], b"cdefgh", b"", b"ijklmnop"] {
            excerpt.push(chunk);
        }
        assert_eq!(excerpt.omitted_bytes(), 16 - 7);
        assert_eq!(excerpt.text(), "abcd\n[... 9 bytes omitted ...]\nnop");
    }

    #[test]
    fn what_fits_is_whole_even_where_the_parts_meet_inside_a_character() {
        let mut excerpt = Excerpt::new(3, 8);
        excerpt.push("äöü".as_bytes());
        assert_eq!(excerpt.omitted_bytes(), 0);
        assert_eq!(excerpt.text(), "äöü");
    }

    #[test]
    fn terminals_are_not_commanded() {
        let hostile =
            b"\x1b]0;title\x07a\x1b[31mred\x1b[0m\x1b]52;c;cHduZWQ=\x1b\\b\x07\x08\x9b31m\xff";
        let text = plain(hostile);
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(text.starts_with("aredb"), "{text:?}");
    }
}
