//! Shortens long strings of JSON while it is read, so that a tool result of any size costs a bounded
//! amount of memory.
//!
//! A string keeps its beginning and its end; what is left out is marked. The bytes that come out are JSON
//! whenever those that went in were. A line break ends a string: within one it is no JSON, and a line that
//! was cut short must not swallow the next one.

use std::io::{self, Read};

/// Put in the place of what was left out of a string.
const MARK: &[u8] = b"\\n[... left out ...]\\n";

/// Bytes that are read at once.
const BLOCK_BYTES: usize = 64 << 10;

/// A reader whose strings are at most about `2 * keep` bytes long.
pub(super) struct Squeeze<R> {
    inner: R,
    /// Bytes kept of a string's beginning, and at least as many of its end.
    keep: usize,
    place: Place,
    ready: Vec<u8>,
    given: usize,
    block: Vec<u8>,
}

enum Place {
    Outside,
    Inside(Inside),
}

/// A string that is being read.
#[derive(Default)]
struct Inside {
    given: usize,
    /// Bytes of the escape sequence at hand that are still to come.
    escape: u8,
    /// The four digits of `\uXXXX` so far.
    digits: [u8; 4],
    unicode: bool,
    /// The next escape belongs to the one before it: the halves of a surrogate pair.
    joined: bool,
    older: Vec<u8>,
    newer: Vec<u8>,
    dropped: bool,
}

impl<R: Read> Squeeze<R> {
    pub(super) const fn new(inner: R, keep: usize) -> Self {
        Self { inner, keep, place: Place::Outside, ready: Vec::new(), given: 0, block: Vec::new() }
    }

    /// Reads a block; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.ready.clear();
        self.given = 0;
        let mut block = std::mem::take(&mut self.block);
        block.resize(BLOCK_BYTES, 0);
        let read = loop {
            match self.inner.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        for byte in &block[..read] {
            self.take(*byte);
        }
        self.block = block;
        if read == 0
            && let Place::Inside(inside) = &mut self.place
        {
            inside.flush(&mut self.ready);
            self.place = Place::Outside;
        }
        Ok(read > 0 || !self.ready.is_empty())
    }

    fn take(&mut self, byte: u8) {
        let Place::Inside(inside) = &mut self.place else {
            self.ready.push(byte);
            if byte == b'"' {
                self.place = Place::Inside(Inside::default());
            }
            return;
        };
        if byte == b'\n' || (byte == b'"' && inside.escape == 0) {
            inside.flush(&mut self.ready);
            self.ready.push(byte);
            self.place = Place::Outside;
            return;
        }
        inside.take(byte, self.keep, &mut self.ready);
    }
}

impl Inside {
    fn take(&mut self, byte: u8, keep: usize, out: &mut Vec<u8>) {
        let continues = (0x80..0xc0).contains(&byte);
        let boundary = self.escape == 0 && !self.joined && !continues;
        if boundary && self.newer.len() >= keep.max(1) {
            self.dropped |= !self.older.is_empty();
            self.older = std::mem::take(&mut self.newer);
        }
        let late = !self.newer.is_empty() || !self.older.is_empty();
        if late || (boundary && self.given >= keep) {
            self.newer.push(byte);
        } else {
            self.given += 1;
            out.push(byte);
        }
        self.step(byte);
    }

    /// Follows escape sequences.
    fn step(&mut self, byte: u8) {
        match self.escape {
            0 if byte == b'\\' => (self.escape, self.unicode) = (1, false),
            0 => self.joined = false,
            1 if !self.unicode && byte == b'u' => (self.escape, self.unicode) = (4, true),
            left => {
                if self.unicode {
                    self.digits[usize::from(4 - left)] = byte.to_ascii_lowercase();
                }
                self.escape = left - 1;
                if self.escape == 0 {
                    let high = self.digits[0] == b'd' && b"89ab".contains(&self.digits[1]);
                    self.joined = self.unicode && high && !self.joined;
                }
            }
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.dropped {
            out.extend_from_slice(MARK);
        }
        out.append(&mut self.older);
        out.append(&mut self.newer);
    }
}

impl<R: Read> Read for Squeeze<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            if !self.fill()? {
                return Ok(0);
            }
        }
        let many = to.len().min(self.ready.len() - self.given);
        to[..many].copy_from_slice(&self.ready[self.given..self.given + many]);
        self.given += many;
        Ok(many)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn squeezed(bytes: &[u8], keep: usize) -> Vec<u8> {
        let mut out = Vec::new();
        Squeeze::new(bytes, keep).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn a_long_string_keeps_its_beginning_and_its_end() {
        let text = format!("{{\"a\":\"begin{}end\",\"b\":\"short\"}}\n{{}}", "x".repeat(1 << 20));
        let out = squeezed(text.as_bytes(), 100);
        assert!(out.len() < 400, "{}", out.len());
        let line = out.split(|byte| *byte == b'\n').next().unwrap();
        let value: Value = serde_json::from_slice(line).unwrap();
        let a = value["a"].as_str().unwrap();
        assert!(a.starts_with("beginx") && a.ends_with("xend") && a.contains("left out"), "{a}");
        assert_eq!(value["b"], "short");
    }

    #[test]
    fn a_line_that_is_cut_within_a_string_costs_itself_only() {
        let out = squeezed(b"{\"a\":\"half\n{\"b\":\"whole\"}\n{\"c\":\"ha", 2);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"a\":\"half\n{\"b\":\"whole\"}\n{\"c\":\"ha"
        );
    }

    proptest! {
        #[test]
        fn json_stays_json_and_short_strings_stay_whole(
            parts in proptest::collection::vec(
                proptest::sample::select(vec!["a", "é", "\\n", "\\\\", "\\\"", "\\ud83c\\udf50", "\\u00e9", "🍐"]), 0..200),
            keep in 1_usize..40,
        ) {
            let text = format!("{{\"k\":[\"{}\",1,\"z\"]}}", parts.concat());
            let out = squeezed(text.as_bytes(), keep);
            let value: Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(&value["k"][2], "z");
            // What is kept at once: the beginning, two blocks of the end, the mark, and one unit over.
            prop_assert!(out.len() <= 3 * (keep + 12) + MARK.len() + 20, "{}", out.len());
            if parts.concat().len() <= 2 * keep {
                prop_assert_eq!(out, text.into_bytes());
            }
        }
    }
}
