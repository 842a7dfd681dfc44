//! The committed public vocabulary: which words may be topics, and which words are language at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::Word;

/// Topic words by public frequency, most frequent first; the source is in the file's header.
const TOPICS: &str = include_str!("vocabulary.txt");
/// Words that every task may hold: language, but nobody's topic.
const LANGUAGE: &str = include_str!("language.txt");

/// Most topic words that one lesson of one unit gets (the contribution bound counts on it).
pub const MAX_TOPICS: usize = 2;

fn words(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace)
}

static RANKS: LazyLock<BTreeMap<&'static str, u32>> =
    LazyLock::new(|| words(TOPICS).zip(0..).collect());
static COMMON: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| words(LANGUAGE).collect());

/// Rank of a topic word, 0 the most frequent in public text; none when it is not in the vocabulary.
#[must_use]
pub fn rank(word: &str) -> Option<u32> {
    RANKS.get(word).copied()
}

/// All topic words, most frequent first.
pub fn topic_words() -> impl Iterator<Item = &'static str> {
    words(TOPICS)
}

/// Number of topic words.
#[must_use]
pub fn vocabulary_len() -> usize {
    RANKS.len()
}

/// Returns true when a lower-case word is a word of the language (rather than a user's value): it or its
/// stem is in the vocabulary, or it belongs to asking, documenting or the trade's formats.
#[must_use]
pub fn is_language(word: &str) -> bool {
    let known = |word: &str| RANKS.contains_key(word) || COMMON.contains(word);
    if word.len() < 3 || known(word) {
        return true;
    }
    // Light stemming, only to recognise: a topic is always the word as it stands.
    ["s", "es", "ed", "d", "ing", "er", "r", "ly", "'s"].iter().any(|ending| {
        word.strip_suffix(ending).is_some_and(|stem| {
            let bytes = stem.as_bytes();
            let doubled = bytes.len() > 3 && bytes[bytes.len() - 1] == bytes[bytes.len() - 2];
            stem.len() > 2
                && (known(stem)
                    || (ending.ends_with("ing") && known(&format!("{stem}e")))
                    || (doubled && stem.is_ascii() && known(&stem[..stem.len() - 1])))
        })
    }) || word.strip_suffix("ies").is_some_and(|stem| known(&format!("{stem}y")))
}

/// Returns true when a lower-case word belongs to asking, documenting or the trade's formats.
pub(super) fn is_technical(word: &str) -> bool {
    COMMON.contains(word)
}

/// The up to two distinct topic words of a task with the highest inverse public frequency, rarest
/// first, ties by word. Text in backticks and in quotes is a command or a value, never a topic.
#[must_use]
pub fn topics(task: &str) -> Vec<Word> {
    let mut found = BTreeSet::new();
    for span in super::prose::prose(task) {
        let plain = |c: char| !c.is_ascii_alphabetic() && c != '\'' && c != '’';
        for token in span.split_whitespace() {
            let core = token.trim_matches(|c: char| !c.is_alphanumeric());
            // Parts of a file name, an identifier or an address say what the value is, not the topic.
            if core.contains(plain) {
                continue;
            }
            let core = core.trim_end_matches("'s").trim_end_matches("’s").to_ascii_lowercase();
            if let Some(rank) = rank(&core) {
                found.insert((std::cmp::Reverse(rank), core));
            }
        }
    }
    found.into_iter().take(MAX_TOPICS).filter_map(|(_, word)| Word::new(word).ok()).collect()
}
