//! The texts of a canary in each form that can be written down beforehand.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{Form, ScanError};

/// One text to look for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    pub(super) bytes: Vec<u8>,
    pub(super) canary: usize,
    pub(super) form: Form,
}

/// Patterns and the automaton that finds them.
#[derive(Debug)]
pub(super) struct Patterns {
    automaton: AhoCorasick,
    patterns: Vec<Pattern>,
}

impl Patterns {
    /// Those whose ASCII case does not matter.
    pub(super) fn folded(texts: &[String]) -> Result<Self, ScanError> {
        let mut patterns = BTreeSet::new();
        for (canary, text) in texts.iter().enumerate() {
            let mut add = |bytes: Vec<u8>, form| {
                patterns.insert(Pattern { bytes, canary, form });
            };
            let lower = text.to_lowercase();
            add(text.clone().into_bytes(), Form::Raw);
            add(hex(text.as_bytes()), Form::Hex);
            add(hex(lower.as_bytes()), Form::Hex);
            if text.contains(' ') {
                add(text.replace(' ', "+").into_bytes(), Form::Percent);
            }
            // The automaton knows only the case of ASCII.
            if !text.is_ascii() && lower != *text {
                add(lower.into_bytes(), Form::Case);
            }
        }
        Self::build(patterns, true)
    }

    /// Those whose case matters.
    pub(super) fn exact(texts: &[String]) -> Result<Self, ScanError> {
        let mut patterns = BTreeSet::new();
        for (canary, text) in texts.iter().enumerate() {
            for text in [text.clone(), text.to_lowercase()] {
                for bytes in (0..3).flat_map(|before| base64_at(before, text.as_bytes())) {
                    patterns.insert(Pattern { bytes, canary, form: Form::Base64 });
                }
            }
        }
        Self::build(patterns, false)
    }

    fn build(patterns: BTreeSet<Pattern>, any_case: bool) -> Result<Self, ScanError> {
        let patterns: Vec<Pattern> = patterns.into_iter().collect();
        let automaton = AhoCorasickBuilder::new()
            .ascii_case_insensitive(any_case)
            .match_kind(MatchKind::Standard)
            .build(patterns.iter().map(|pattern| &pattern.bytes))
            .map_err(|error| ScanError::TooMany(error.to_string()))?;
        Ok(Self { automaton, patterns })
    }

    pub(super) fn parts(&self) -> (&AhoCorasick, &[Pattern]) {
        (&self.automaton, &self.patterns)
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

/// The base64 of a text that `before` bytes of the same group precede, in both alphabets, without
/// the characters at either end that depend on its neighbours.
fn base64_at(before: usize, text: &[u8]) -> [Vec<u8>; 2] {
    let padded = [&[0; 2][..before], text].concat();
    let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)]
        .map(|whole| whole.as_bytes().get(from..to).unwrap_or_default().to_vec())
}
