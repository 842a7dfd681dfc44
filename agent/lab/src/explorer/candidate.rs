//! Something to try.

use std::sync::LazyLock;

use regex::Regex;

/// A command line to try, perhaps after another that makes it possible.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Run before, as a separate call.
    pub(super) before: Option<String>,
    /// The command that should do the task.
    pub(super) command: String,
}

impl Candidate {
    pub(super) const fn new(command: String) -> Self {
        Self { before: None, command }
    }
}

/// Texts between backticks in a text, in order.
pub(super) fn quoted_commands(prompt: &str) -> Vec<String> {
    let parts = prompt.split('`').enumerate();
    parts
        .filter(|(nth, part)| nth % 2 == 1 && !part.trim().is_empty())
        .map(|(_, part)| part.trim().to_owned())
        .collect()
}

/// Replaces whole words only, so that `lot` is not found in `plot`.
pub(super) fn replace_word(text: &str, word: &str, with: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut out, mut from) = (String::new(), 0);
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        let glued =
            |c: Option<char>, own: Option<char>| c.is_some_and(is_word) && own.is_some_and(is_word);
        let before = glued(text[..at].chars().next_back(), word.chars().next());
        let after = glued(text[end..].chars().next(), word.chars().next_back());
        if at >= from && !before && !after {
            out += &text[from..at];
            out += with;
            from = end;
        }
    }
    out + &text[from..]
}

static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"http://([\w.]+):(\d+)(/[^\s'\x22]*)?").ok());

/// The first URL of a command: the whole, its port, its path.
pub(super) fn url(command: &str) -> Option<(String, String, String)> {
    let found = URL.as_ref()?.captures(command)?;
    let part = |n| found.get(n).map_or_else(String::new, |m| m.as_str().to_owned());
    Some((part(0), part(2), part(3)))
}

/// The program of the last simple command of a line: the one that does what the others prepare.
pub(super) fn last_program(line: &str) -> Option<&str> {
    let (mut quote, mut depth, mut from, mut starts) = (None, 0_usize, 0, Vec::new());
    for (at, c) in line.char_indices() {
        match (c, quote) {
            (_, Some(open)) if c == open => quote = None,
            // A substitution in double quotes has its own quotes.
            ('(', None | Some('"')) => depth += 1,
            (')', None | Some('"')) => depth = depth.saturating_sub(1),
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(c),
            ('&' | '|' | ';', None) if depth == 0 => {
                starts.push(from);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    starts.push(from);
    let is_assignment = |word: &&str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let last = |from: usize| line[from..].split_whitespace().find(|word| !is_assignment(word));
    starts.into_iter().rev().find_map(last)
}
